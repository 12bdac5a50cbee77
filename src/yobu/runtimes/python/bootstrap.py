"""What runs inside a Python environment: a socket and `_HANDLER` in, the handler's answers out.

It imports nothing from yobu, runs on Python 3.8 and newer, and imports as little as it can: imports are the cold
start. What is needed only now and then lies beside it (`bootstrap_errors.py`, `bootstrap_logging.py`).

A message is: length of the rest (4 bytes, big-endian), length of the header (4 bytes), header (JSON), body. The node
sends `{"id", "arn", "timeout_ms", "trace"?, "client"?}` with the event as body. The answers' `kind` is `ready`,
`failed` (initialisation; the process then exits), `reply`, `error`, or `large` (a reply over the limit), with
`memory_kb`, the event's `id`, and `type` where it is an error.

Output goes to the descriptors 1 and 2; within a log record a line break is written as NUL and line feed, so that the
record stays one event.
"""

from __future__ import annotations

import json
import os
import sys
import time

TYPE_CHECKING = False  # `typing` is dear to import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from importlib.metadata import Distribution, DistributionFinder
    from types import ModuleType
    from typing import Any, NoReturn

RESPONSE_LIMIT_BYTES = 6291556
TASK_ROOT = "/var/task"
CONTEXT_MEMBERS = (
    "aws_request_id",
    "log_group_name",
    "log_stream_name",
    "function_name",
    "memory_limit_in_mb",
    "function_version",
    "invoked_function_arn",
    "client_context",
    "identity",
    "tenant_id",
)
CLIENT_MEMBERS = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


class Fault(Exception):
    """A failure that Lambda words itself: its error type, its message, and a trace if there is one."""

    def __init__(self, error_type: str, message: str, trace: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.trace = list(trace)


def leave() -> NoReturn:
    """The node is gone: end, and with us what the function started in our group.

    The kernel has been asked to do so, but it finds the group by a descriptor of ours: whoever sees the socket's end
    first and goes quietly takes that with him.
    """
    if os.getpgrp() == os.getpid():
        os.killpg(0, 9)
    os._exit(0)


class Channel:
    """The socket to the node: blocking, one message at a time."""

    def __init__(self, fd: int) -> None:
        os.set_inheritable(fd, False)
        self._fd = fd
        self._left = b""

    def receive(self) -> tuple[dict[str, Any], bytes] | None:
        """`(header, body)`, or None when the node is gone."""
        try:
            return self._receive()
        except ConnectionResetError:
            return None

    def _receive(self) -> tuple[dict[str, Any], bytes] | None:
        data = self._left or os.read(self._fd, 65536)
        while len(data) < 4:
            more = os.read(self._fd, 65536)
            if not more:
                return None
            data += more
        end = 4 + int.from_bytes(data[:4], "big")
        if len(data) < end:
            chunks = [data]
            missing = end - len(data)
            while missing > 0:
                more = os.read(self._fd, missing)
                if not more:
                    return None
                chunks.append(more)
                missing -= len(more)
            data = b"".join(chunks)
        self._left = data[end:]
        body = 8 + int.from_bytes(data[4:8], "big")
        return json.loads(data[8:body]), data[body:end]

    def send(self, header: str, body: bytes = b"") -> None:
        """Send one message; the process ends where the node is gone."""
        top = header.encode()
        data = memoryview(
            b"".join(((4 + len(top) + len(body)).to_bytes(4, "big"), len(top).to_bytes(4, "big"), top, body))
        )
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except (BrokenPipeError, ConnectionResetError):
            leave()


class Current:
    """The request that is running (log records carry its id), and the package's folder."""

    request_id = ""
    code = ""


class CognitoIdentity:
    """`context.identity`: without Cognito, both are None."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Members:
    """An object whose attributes are the members of a JSON object; the ones named are always there."""

    def __init__(self, names: Sequence[str], values: dict[str, Any]) -> None:
        for name in names:
            setattr(self, name, values.get(name))

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, vars(self))


class LambdaContext:
    """The second argument of a handler.

    https://docs.aws.amazon.com/lambda/latest/dg/python-context.html
    """

    function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
    function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
    memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
    log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
    tenant_id = None

    def __init__(self, header: dict[str, Any]) -> None:
        self._deadline = time.monotonic() + header["timeout_ms"] / 1000
        self.aws_request_id = header["id"]
        self.invoked_function_arn = header["arn"]
        self.identity = CognitoIdentity()
        self.client_context: Members | None = None
        text = header.get("client")
        if text:
            self.client_context = client_context(text)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is stopped, at least 0."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))

    def log(self, message: object) -> None:
        """Write a line to the function's log."""
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        return "LambdaContext([%s])" % ",".join("%s=%s" % (name, getattr(self, name)) for name in CONTEXT_MEMBERS)


def client_context(text: str) -> Members:
    """`context.client_context` of the JSON that the caller sent."""
    try:
        values = json.loads(text)
        client = values.get("client")
        if client is not None:
            values["client"] = Members(CLIENT_MEMBERS, client)
        return Members(("custom", "env", "client"), values)
    except (ValueError, AttributeError) as error:
        raise Fault("Runtime.LambdaContextUnmarshalError", "Unable to parse Client Context JSON: %s" % error) from None


class Encoder:
    """The handler's answer as JSON. Decimals become numbers, as Lambda's own encoder writes them."""

    def __init__(self) -> None:
        self._decimals: list[Any] = []
        self._mark = "yobu-%s-" % os.urandom(8).hex()
        # From python3.12 on Lambda leaves text unescaped; the runtime's name decides, not the interpreter.
        minor = os.environ.get("AWS_EXECUTION_ENV", "").rpartition(".")[2]
        ascii_only = minor.isdigit() and int(minor) < 12
        self._encode = json.JSONEncoder(ensure_ascii=ascii_only, default=self._other).encode

    def encode(self, answer: object) -> bytes:
        """Bytes; bytes stay as they are. Raises Fault `Runtime.MarshalError`."""
        if isinstance(answer, bytes):
            return answer
        try:
            text = self._encode(answer)
            for place, number in enumerate(self._decimals):
                text = text.replace('"%s%d"' % (self._mark, place), "NaN" if number.is_nan() else str(number))
            self._decimals.clear()
            return text.encode()
        except Exception as error:  # noqa: BLE001  (whatever a function raises is its answer)
            raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from None

    def _other(self, value: object) -> str:
        decimal = sys.modules.get("decimal")
        if decimal is not None and isinstance(value, decimal.Decimal):
            self._decimals.append(value)
            return "%s%d" % (self._mark, len(self._decimals) - 1)
        raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


class Memory:
    """The most memory that this process has ever held, in KB.

    Not `getrusage`: its maximum begins with that of the node, from which this process was forked.
    """

    def __init__(self) -> None:
        self._fd: int | None = None
        try:
            self._fd = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return  # no /proc

    def highest_kb(self) -> int:
        """The high-water mark of the resident set."""
        if self._fd is None:
            import resource

            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return peak // 1024 if sys.platform == "darwin" else peak
        text = os.pread(self._fd, 4096, 0)
        at = text.find(b"VmHWM:")
        return int(text[at + 6 : text.index(b"kB", at)]) if at >= 0 else 0


class OwnCache:
    """Compiled code of the package goes to a folder of the node's: the package's own folder is shared, read-only.

    A path hook for certain folders (names with their separator), so that the standard library keeps its own caches.
    """

    def __init__(self, folders: Iterable[str], cache: str) -> None:
        import _frozen_importlib_external as machinery
        import _imp

        class Loader(machinery.SourceFileLoader):
            def get_code(self, fullname: str) -> Any:
                before = sys.pycache_prefix
                sys.pycache_prefix = cache
                try:
                    return super().get_code(fullname)
                finally:
                    sys.pycache_prefix = before

        self._folders = tuple(folders)
        self._finder: Any = machinery.FileFinder
        self._loaders: Any = (
            (machinery.ExtensionFileLoader, _imp.extension_suffixes()),
            (Loader, machinery.SOURCE_SUFFIXES),
            (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
        )

    def __call__(self, path: str) -> Any:
        """A finder for a folder of the package's; ImportError for others, as path hooks do."""
        if not os.path.isdir(path) or not (path + os.sep).startswith(self._folders):
            raise ImportError("not the package's")
        return self._finder(path, *self._loaders)


class SdkFinder:
    """boto3 and what it needs, from the node's own installation, where nothing else on sys.path has them."""

    NAMES = frozenset(("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"))

    def __init__(self, folder: str) -> None:
        self._path = [folder]

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The import system's question: only for these packages."""
        if path is None and name in self.NAMES:
            from _frozen_importlib_external import PathFinder

            return PathFinder.find_spec(name, self._path, target)
        return None

    def find_distributions(self, context: DistributionFinder.Context) -> Iterable[Distribution]:
        """importlib.metadata's question: their versions."""
        from importlib.metadata import DistributionFinder, MetadataPathFinder

        name = (context.name or "").lower().replace("python-", "")
        if name not in self.NAMES:
            return ()
        return MetadataPathFinder().find_distributions(DistributionFinder.Context(name=context.name, path=self._path))


class LoggingHook:
    """Sets up the root logger, as Lambda does, when `logging` is first imported: its import is dear."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The import system's question: only for `logging`, once."""
        if name != "logging":
            return None
        sys.meta_path.remove(self)
        from _frozen_importlib_external import PathFinder

        # On Lambda it is there before the package: a package's string.py must not become part of it.
        spec: ModuleSpec = outside_the_package(PathFinder.find_spec, name)
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            outside_the_package(execute, module)
            beside("bootstrap_logging").configure(Current)

        loader.exec_module = exec_module
        return spec


def outside_the_package(call: Callable[..., Any], *arguments: object) -> Any:
    """`call(*arguments)`, with an import path that ends before the package's files."""
    before = sys.path[:]
    sys.path[:] = [path for path in before if not (path + os.sep).startswith(Current.code + os.sep)]
    try:
        return call(*arguments)
    finally:
        sys.path[:] = before


def beside(name: str) -> Any:
    """A module that lies beside this one, without a trace of its folder on sys.path."""
    from _frozen_importlib_external import SourceFileLoader

    path = os.path.join(os.path.dirname(__file__), name + ".py")
    module = type(sys)(name)
    module.__file__ = path
    outside_the_package(exec, SourceFileLoader(name, path).get_code(name), module.__dict__)
    return module


def die_with_the_node() -> None:
    """Make sure that the node's end is ours (Linux; elsewhere the socket's end must do). May be called again.

    The node has the kernel kill our whole group when it lets go of its files. Until that is armed we ask for SIGKILL
    at the end of its main thread; no longer, since that may come first, while another thread still waits for the disk:
    we would be gone, our descriptor with us, and our children would be told nothing.
    """
    try:
        import _ctypes

        this_program: Any = None
        prctl = _ctypes.dlsym(_ctypes.dlopen(this_program, 0), "prctl")
        _ctypes.call_function(prctl, (1, 0 if group_dies() else 9, 0, 0, 0))  # PR_SET_PDEATHSIG, SIGKILL
    except (ImportError, AttributeError, OSError):
        return


def group_dies() -> bool:
    """Whether one of our descriptors will bring SIGKILL to our group."""
    import fcntl

    for name in os.listdir("/proc/self/fd"):
        try:
            number = int(name)
            if fcntl.fcntl(number, fcntl.F_GETSIG) == 9 and fcntl.fcntl(number, fcntl.F_GETFL) & fcntl.FASYNC:
                return True
        except OSError:
            continue  # the descriptor of the listing itself
    return False


def prepare(code: str, sdk: str, foreign: bool) -> None:
    """sys.path, caches, builtins and streams as a function expects them."""
    import _sitebuiltins
    import builtins

    # `site` is not run (it costs a third of a bare start); these are what functions may miss of it.
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D (i.e. EOF)")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D (i.e. EOF)")
    sys.argv[:] = [os.path.join(code, "bootstrap")]
    sys.path[:] = [code] + [path for path in sys.path if path != os.path.dirname(__file__)]
    cache = os.environ.pop("YOBU_CACHE", None)
    if cache:
        folders = (code + os.sep, sdk + os.sep) if foreign else (code + os.sep,)
        sys.path_hooks.insert(0, OwnCache(folders, os.path.join(cache, "pycache")))
        for path in [path for path in sys.path_importer_cache if (path + os.sep).startswith(folders)]:
            del sys.path_importer_cache[path]  # PYTHONPATH may have led there already
    if sdk:
        sys.meta_path.append(SdkFinder(sdk))
    sys.meta_path.insert(0, LoggingHook())
    streams: Any = (sys.stdout, sys.stderr)
    for stream in streams:
        stream.reconfigure(line_buffering=True, errors="backslashreplace")


def load(name: str) -> Callable[[Any, LambdaContext], Any]:
    """The handler that `name` (`pkg.mod.func` or `folder/mod.func`) means. Raises Fault."""
    module_name, dot, function_name = name.rpartition(".")
    if not dot:
        message = "Bad handler '%s': not enough values to unpack (expected 2, got 1)" % name
        raise Fault("Runtime.MalformedHandlerName", message)
    if module_name.split(".")[0] in sys.builtin_module_names:
        message = "Cannot use built-in module %s as a handler module" % module_name
        raise Fault("Runtime.BuiltInModuleConflict", message)
    path = module_name.replace("/", ".")
    try:
        # Not importlib.import_module: `__import__` keeps the import system's own frames out of tracebacks.
        __import__(path)
        module = sys.modules[path]
    except ImportError as error:
        message = "Unable to import module '%s': %s" % (module_name, error)
        raise Fault("Runtime.ImportModuleError", message) from None
    except SyntaxError as error:
        where = '  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)
        message = "Syntax error in module '%s': %s" % (module_name, error)
        raise Fault("Runtime.UserCodeSyntaxError", message, [where]) from None
    try:
        handler: Callable[[Any, LambdaContext], Any] = getattr(module, function_name)
        return handler
    except AttributeError:
        message = "Handler '%s' missing on module '%s'" % (function_name, module_name)
        raise Fault("Runtime.HandlerNotFound", message) from None


def flush() -> None:
    """Everything printed so far is in the pipe before the answer is on the socket."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, ValueError, OSError):
            continue  # the function has closed or replaced it


def fail(error: Exception, request_id: str, code: str) -> tuple[str, bytes]:
    """Log an error as Lambda logs it; its type and its object as JSON."""
    flush()
    shape = beside("bootstrap_errors").shape(error, request_id, (code, TASK_ROOT, __file__))
    return shape["errorType"], json.dumps(shape).encode()


def serve(channel: Channel, handler: Callable[[Any, LambdaContext], Any], code: str) -> NoReturn:
    """Answer one event after the other until the node is gone."""
    memory = Memory()
    encoder = Encoder()
    traced = "_X_AMZN_TRACE_ID" in os.environ
    while True:
        message = channel.receive()
        if message is None:
            leave()
        header, event = message
        Current.request_id = header["id"]
        trace = header.get("trace")
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        elif traced:
            del os.environ["_X_AMZN_TRACE_ID"]
        traced = bool(trace)
        kind, error_type = "reply", None
        try:
            context = LambdaContext(header)
            body = encoder.encode(handler(decode(event), context))
            if len(body) > RESPONSE_LIMIT_BYTES:
                kind, body = "large", b""
        except Exception as error:  # noqa: BLE001  (whatever a function raises is its answer)
            kind = "error"
            error_type, body = fail(error, header["id"], code)
        flush()
        top = '{"kind":"%s","id":%s,"memory_kb":%d' % (kind, json.dumps(header["id"]), memory.highest_kb())
        top += "}" if error_type is None else ',"type":%s}' % json.dumps(error_type)
        channel.send(top, body)
        # Nothing of this event is kept while waiting for the next.
        del message, event, context, body


def decode(event: bytes) -> Any:
    """The event. Raises Fault `Runtime.UnmarshalError`."""
    try:
        return json.loads(event)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error) from None


def main(fd: int, sdk: str = "", foreign: str = "") -> NoReturn:
    """Load the handler, say so, and serve.

    `fd` is the socket, `sdk` a folder with boto3 or nothing, `foreign` not empty where that is another Python's.
    """
    die_with_the_node()
    channel = Channel(fd)
    Current.code = code = os.environ["LAMBDA_TASK_ROOT"]
    sys.modules.pop("bootstrap", None)  # a package may have a module of that name
    prepare(code, sdk, bool(sdk and foreign))
    try:
        handler = load(os.environ["_HANDLER"])
    except Exception as error:  # noqa: BLE001  (whatever a function raises is its answer)
        error_type, body = fail(error, "", code)
        channel.send(
            '{"kind":"failed","memory_kb":%d,"type":%s}' % (Memory().highest_kb(), json.dumps(error_type)), body
        )
        flush()
        os._exit(1)
    flush()
    die_with_the_node()
    channel.send('{"kind":"ready","memory_kb":%d}' % Memory().highest_kb())
    serve(channel, handler, code)
