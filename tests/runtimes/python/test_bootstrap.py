"""What a Python function sees and what its callers get, through a real process."""

import asyncio
import json
import os
import re
import sys
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from yobu.base.ids import Ids
from yobu.runtimes.python import interpreters


def error_of(reply: Any) -> Any:
    assert reply.error == "Unhandled"
    return json.loads(reply.payload)


def output(bench: Any, request_id: str) -> list[str]:
    """The lines between START and END."""
    lines = bench.lines.all
    start = next(number for number, line in enumerate(lines) if line.startswith(f"START RequestId: {request_id}"))
    return lines[start + 1 : lines.index(f"END RequestId: {request_id}")]


class TestTheContext:
    async def test_has_what_lambda_documents(self, bench: Any) -> None:
        spec = bench.function(
            """
            import json
            def handler(event, context):
                names = ("function_name function_version invoked_function_arn memory_limit_in_mb aws_request_id "
                         "log_group_name log_stream_name tenant_id client_context").split()
                found = {name: getattr(context, name) for name in names}
                found["left"] = context.get_remaining_time_in_millis()
                found["identity"] = [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id]
                found["repr"] = repr(context)
                return found
            """,
            version="7",
            memory_mb=256,
        )
        found = await bench.value(spec, request_id="id", invoked_arn=spec.arn + ":live")
        assert 19_000 < found.pop("left") <= 20_000
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[7\][0-9a-f]{32}", found.pop("log_stream_name"))
        assert found.pop("repr").startswith("LambdaContext([aws_request_id=id,")
        assert found == {
            "function_name": "job",
            "function_version": "7",
            "invoked_function_arn": spec.arn + ":live",
            "memory_limit_in_mb": "256",
            "aws_request_id": "id",
            "log_group_name": "/aws/lambda/job",
            "tenant_id": None,
            "client_context": None,
            "identity": [None, None],
        }

    async def test_has_the_callers_own_context(self, bench: Any) -> None:
        spec = bench.function(
            """
            def handler(event, context):
                own = context.client_context
                return [own.client.app_title, own.client.installation_id, own.custom, own.env]
            """
        )
        sent = json.dumps({"client": {"app_title": "shop"}, "custom": {"a": 1}})
        assert await bench.value(spec, client_context=sent) == ["shop", None, {"a": 1}, None]

    async def test_that_is_no_json_is_the_callers_error(self, bench: Any) -> None:
        reply = await bench.call(bench.function("def handler(event, context): return 1"), client_context="{")
        assert error_of(reply)["errorType"] == "Runtime.LambdaContextUnmarshalError"

    async def test_a_trace_is_there_for_its_event_only(self, bench: Any) -> None:
        spec = bench.function("import os\ndef handler(event, context): return os.environ.get('_X_AMZN_TRACE_ID')")
        assert await bench.value(spec, trace="Root=1-5759e988") == "Root=1-5759e988"
        assert await bench.value(spec) is None


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "payload"),
        [
            ("event", b'{"a": [1, 2.5, null, "\\u00e9"]}'),
            ("None", b"null"),
            ("b'{\"raw\": 1}'", b'{"raw": 1}'),
            ("__import__('decimal').Decimal('1.10')", b"1.10"),
            ("{'n': [__import__('decimal').Decimal('3'), __import__('decimal').Decimal('NaN')]}", b'{"n": [3, NaN]}'),
        ],
    )
    async def test_are_json(self, bench: Any, answer: str, payload: bytes) -> None:
        spec = bench.function(f"def handler(event, context): return {answer}")
        assert (await bench.call(spec, {"a": [1, 2.5, None, "é"]})).payload == payload

    async def test_are_escaped_up_to_python_3_11(self, bench: Any) -> None:
        source = "def handler(event, context): return 'é'"
        assert (await bench.call(bench.function(source, runtime="python3.11"))).payload == b'"\\u00e9"'
        assert (await bench.call(bench.function(source, runtime="python3.99"))).payload == '"é"'.encode()

    async def test_that_json_cannot_hold(self, bench: Any) -> None:
        reply = await bench.call(bench.function("def handler(event, context): return {1, 2}"), request_id="id")
        assert error_of(reply) == {
            "errorMessage": "Unable to marshal response: Object of type set is not JSON serializable",
            "errorType": "Runtime.MarshalError",
            "requestId": "id",
            "stackTrace": [],
        }

    async def test_at_the_limit_of_6_mb(self, bench: Any) -> None:
        spec = bench.function("def handler(event, context): return 'x' * event")
        assert len((await bench.call(spec, 6_291_554)).payload) == 6_291_556
        reply = await bench.call(spec, 6_291_555)
        assert error_of(reply) == {
            "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
            "errorType": "Function.ResponseSizeTooLarge",
        }
        assert (await bench.call(spec, 1)).payload == b'"x"'

    async def test_to_events_of_6_mb(self, bench: Any) -> None:
        spec = bench.function("def handler(event, context): return len(event)")
        assert await bench.value(spec, "x" * 6_000_000) == 6_000_000

    async def test_to_an_event_that_is_no_json(self, bench: Any) -> None:
        reply = await bench.call(bench.function("def handler(event, context): return 1"), payload=b"{")
        assert error_of(reply)["errorType"] == "Runtime.UnmarshalError"


class TestErrors:
    async def test_of_a_handler(self, bench: Any) -> None:
        spec = bench.function(
            """
            def inner():
                raise KeyError("missing")

            def handler(event, context):
                inner()
            """
        )
        reply = await bench.call(spec, request_id="id")
        assert reply.error_type == "KeyError"
        assert error_of(reply) == {
            "errorMessage": "'missing'",
            "errorType": "KeyError",
            "requestId": "id",
            "stackTrace": [
                '  File "/var/task/app.py", line 6, in handler\n    inner()\n',
                '  File "/var/task/app.py", line 3, in inner\n    raise KeyError("missing")\n',
            ],
        }
        pad = "\u00a0"
        assert output(bench, "id") == [
            "[ERROR] KeyError: 'missing'\nTraceback (most recent call last):\n"
            f'{pad * 2}File "/var/task/app.py", line 6, in handler\n{pad * 4}inner()\n'
            f'{pad * 2}File "/var/task/app.py", line 3, in inner\n{pad * 4}raise KeyError("missing")'
        ]
        assert "Status" not in bench.lines.all[-1]

    async def test_leave_the_environment_in_use(self, bench: Any) -> None:
        spec = bench.function("def handler(event, context): return 1 / event")
        failed, done = await bench.call(spec, 0), await bench.call(spec, 1)
        assert failed.environment == done.environment
        assert done.payload == b"1.0"

    async def test_without_a_message(self, bench: Any) -> None:
        reply = await bench.call(bench.function("def handler(event, context): raise ValueError"), request_id="id")
        assert error_of(reply)["errorMessage"] == ""
        assert output(bench, "id")[0].startswith("[ERROR] ValueError\nTraceback")

    @pytest.mark.parametrize(
        ("source", "handler", "error_type", "message"),
        [
            (
                "import nothing_there",
                "app.handler",
                "Runtime.ImportModuleError",
                "Unable to import module 'app': No module named 'nothing_there'",
            ),
            ("", "none.handler", "Runtime.ImportModuleError", "Unable to import module 'none': No module named 'none'"),
            ("", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
            (
                "",
                "app",
                "Runtime.MalformedHandlerName",
                "Bad handler 'app': not enough values to unpack (expected 2, got 1)",
            ),
            (
                "",
                "sys.exit",
                "Runtime.BuiltInModuleConflict",
                "Cannot use built-in module sys as a handler module",
            ),
            (
                "def handler(:",
                "app.handler",
                "Runtime.UserCodeSyntaxError",
                "Syntax error in module 'app': invalid syntax (app.py, line 1)",
            ),
        ],
    )
    async def test_of_loading(self, bench: Any, source: str, handler: str, error_type: str, message: str) -> None:
        reply = await bench.call(bench.function(source, handler=handler), request_id="id")
        shape = error_of(reply)
        assert (shape["errorType"], shape["errorMessage"], reply.error_type) == (error_type, message, error_type)
        assert reply.init_ms is None
        lines = bench.lines.all
        assert lines[0].startswith("INIT_START Runtime Version: python:3.11.v1\tRuntime Version ARN: arn:aws:lambda:")
        assert lines[1].startswith(f"[ERROR] {error_type}: {message}\nTraceback (most recent call last):")
        assert lines[2].endswith(f"Phase: init\tStatus: error\tError Type: {error_type}")
        assert lines[4].endswith(f"Phase: invoke\tStatus: error\tError Type: {error_type}")
        assert lines[5] == "START RequestId: id Version: $LATEST"
        assert lines[-1].endswith(f"Status: error\tError Type: {error_type}")

    async def test_of_a_syntax_show_where(self, bench: Any) -> None:
        shape = error_of(await bench.call(bench.function("x = 1\ndef handler(:\n")))
        assert shape["stackTrace"] == ['  File "/var/task/app.py" Line 2\n    def handler(:\n']

    async def test_of_a_modules_own_code(self, bench: Any) -> None:
        shape = error_of(await bench.call(bench.function("def early():\n    raise ValueError('too soon')\nearly()")))
        assert shape == {
            "errorMessage": "too soon",
            "errorType": "ValueError",
            "requestId": "",
            "stackTrace": [
                '  File "/var/task/app.py", line 3, in <module>\n    early()\n',
                "  File \"/var/task/app.py\", line 2, in early\n    raise ValueError('too soon')\n",
            ],
        }

    async def test_that_pass_are_forgotten(self, bench: Any) -> None:
        """As on Lambda, what fails to load is loaded once more before the caller hears of it."""
        spec = bench.function(
            """
            import os
            if not os.path.exists("tried"):
                open("tried", "w").close()
                raise ConnectionError("not yet")
            def handler(event, context): return "well"
            """
        )
        assert await bench.value(spec) == "well"


class TestHandlerNames:
    async def test_of_packages_and_folders(self, bench: Any) -> None:
        spec = bench.function("")
        package = spec.code / "shop" / "cart"
        package.mkdir(parents=True)
        (package / "add.py").write_text("def handler(event, context): return __name__")
        for handler in ("shop.cart.add.handler", "shop/cart/add.handler"):
            again = bench.function("")
            os.rename(spec.code / "shop", again.code / "shop")
            spec = again
            assert await bench.value(replace(spec, handler=handler)) == "shop.cart.add"

    @pytest.mark.parametrize("name", ["bootstrap", "bootstrap_errors", "interpreters", "test"])
    async def test_that_are_also_ours(self, bench: Any, name: str) -> None:
        spec = bench.function("", handler=f"{name}.handler")
        (spec.code / f"{name}.py").write_text("def handler(event, context): return __file__")
        assert await bench.value(spec) == str(spec.code / f"{name}.py")


class TestOutput:
    async def test_keeps_its_order_whoever_writes(self, bench: Any) -> None:
        spec = bench.function(
            """
            import logging, os, subprocess, sys
            log = logging.getLogger()
            log.setLevel(logging.INFO)
            def handler(event, context):
                print("printed")
                log.info("logged")
                os.write(1, b"written\\n")
                subprocess.run(["echo", "from a child"])
                print("to standard error", file=sys.stderr)
                log.warning("in\\ntwo lines")
                print("without an end", end="")
            """
        )
        await bench.value(spec, request_id="id")
        lines = output(bench, "id")
        stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
        assert re.fullmatch(rf"\[INFO\]\t{stamp}\tid\tlogged", lines.pop(1))
        assert re.fullmatch(rf"\[WARNING\]\t{stamp}\tid\tin\ntwo lines", lines.pop(4))
        assert lines == ["printed", "written", "from a child", "to standard error", "without an end"]

    async def test_is_returned_with_the_reply(self, bench: Any) -> None:
        reply = await bench.call(bench.function("def handler(event, context): print('hello')"), request_id="id")
        text = reply.log.decode().splitlines()
        assert text[:3] == ["START RequestId: id Version: $LATEST", "hello", "END RequestId: id"]
        assert text[3].startswith("REPORT RequestId: id\tDuration: ")
        assert "\tInit Duration: " in text[3]

    async def test_of_loading_comes_before_the_start(self, bench: Any) -> None:
        await bench.value(bench.function("print('loading')\ndef handler(event, context): pass"))
        assert [line.split(" ")[0] for line in bench.lines.all] == ["INIT_START", "loading", "START", "END", "REPORT"]

    async def test_of_a_short_event_is_one_burst(self, bench: Any) -> None:
        spec = bench.function("def handler(event, context): print('hello')")
        await bench.value(spec)
        bench.lines.bursts.clear()
        await bench.value(spec)
        assert len(bench.lines.bursts) == 1

    async def test_of_a_long_event_shows_before_its_end(self, bench: Any) -> None:
        spec = bench.function("def handler(event, context):\n    print('working')\n    open(event).read()")
        gate = bench.folder / "gate"
        os.mkfifo(gate)
        call = asyncio.create_task(bench.value(spec, str(gate), request_id="id"))
        await bench.lines.wait_for("START RequestId: id")
        await bench.lines.wait_for("working")
        assert not call.done()
        await asyncio.to_thread(gate.write_text, "")
        await call

    async def test_of_a_thread_that_goes_on_does_no_harm(self, bench: Any) -> None:
        spec = bench.function(
            """
            import threading
            def handler(event, context):
                if event:
                    return event
                threading.Timer(0.05, print, ("afterwards",)).start()
            """
        )
        await bench.value(spec)
        await bench.lines.wait_for("afterwards")
        assert await bench.value(spec, "next") == "next"

    async def test_of_many_megabytes_arrives_whole(self, bench: Any) -> None:
        spec = bench.function("def handler(event, context):\n    for n in range(100_000): print(f'line {n:020}')")
        await bench.value(spec, request_id="id")
        assert output(bench, "id") == [f"line {number:020}" for number in range(100_000)]

    async def test_that_is_no_text_is_no_error(self, bench: Any) -> None:
        spec = bench.function("import os\ndef handler(event, context):\n    print('\\ud800'); os.write(1, b'\\xff\\n')")
        await bench.value(spec, request_id="id")
        assert output(bench, "id") == ["\\ud800", "\ufffd"]

    async def test_may_be_closed(self, bench: Any) -> None:
        spec = bench.function("import sys\ndef handler(event, context):\n    sys.stdout.close()\n    return 1")
        assert [await bench.value(spec), await bench.value(spec)] == [1, 1]


class TestTheProcess:
    async def test_sees_only_its_own_world(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PYTHONPATH", "/node/only")
        monkeypatch.setenv("SECRET_OF_THE_NODE", "1")
        spec = bench.function(
            """
            import os, sys
            def handler(event, context):
                return {"path": sys.path, "cwd": os.getcwd(), "names": sorted(os.environ),
                        "temporary": os.path.isdir(os.environ["TMPDIR"]), "home": os.path.expanduser("~"),
                        "modules": sorted(sys.modules), "argv": sys.argv}
            """
        )
        found = await bench.value(spec)
        code = str(spec.code)
        assert found["path"][0] == code
        assert found["cwd"] == code
        assert found["temporary"]
        assert found["home"].startswith(str(bench.folder / "run" / "environments"))
        assert not [name for name in found["names"] if "PYTHON" in name or "SECRET_OF" in name or name == "YOBU_CACHE"]
        assert not [path for path in found["path"] if "site-packages" in path or "yobu" in path or "node" in path]
        assert not {"yobu", "bootstrap", "logging", "re", "typing"} & set(found["modules"]) - {"re"}

    async def test_honours_the_functions_own_python_path(self, bench: Any) -> None:
        spec = bench.function(
            "import extra\ndef handler(event, context): return extra.x", environment={"PYTHONPATH": "lib"}
        )
        (spec.code / "lib").mkdir()
        (spec.code / "lib" / "extra.py").write_text("x = 'found'")
        assert await bench.value(spec) == "found"

    async def test_may_fill_its_temporary_folder(self, bench: Any) -> None:
        spec = bench.function(
            "import tempfile\ndef handler(event, context): return tempfile.NamedTemporaryFile(delete=False).name"
        )
        path = Path(await bench.value(spec))
        assert path.exists()
        bench.fleet.reset()
        await bench.fleet._until(lambda: not bench.fleet._pools.everyone())
        await bench.fleet._cleaner
        assert not path.exists()

    async def test_leaves_nothing_in_its_package(self, bench: Any) -> None:
        source = "import other, part.one\ndef handler(event, context): return other.__cached__"
        spec = bench.function(source, environment={"PYTHONPATH": "."})
        (spec.code / "part").mkdir()
        for name in ("other.py", "part/one.py"):
            (spec.code / name).write_text("")
        await bench.value(spec)
        assert sorted(os.listdir(spec.code)) == ["app.py", "other.py", "part"]
        assert os.listdir(spec.code / "part") == ["one.py"]
        for name in ("app", "other", "one"):
            assert list((bench.folder / "run" / "cache").rglob(f"{name}.*.pyc"))

    async def test_may_have_files_named_like_the_standard_library(self, bench: Any) -> None:
        """On Lambda the runtime has imported these before the package is seen."""
        spec = bench.function(
            """
            import json, logging
            def handler(event, context):
                logging.getLogger().error("logged")
                raise ValueError(json.__file__)
            """
        )
        for name in ("json", "string", "weakref", "traceback", "token", "linecache", "logging"):
            (spec.code / f"{name}.py").write_text("raise ImportError('this is the package')")
        shape = error_of(await bench.call(spec, request_id="id"))
        assert not shape["errorMessage"].startswith(str(spec.code))
        assert shape["stackTrace"] == [
            '  File "/var/task/app.py", line 5, in handler\n    raise ValueError(json.__file__)\n'
        ]
        assert output(bench, "id")[0].endswith("\tid\tlogged")

    async def test_has_boto3_but_nothing_else_of_the_nodes(self, bench: Any) -> None:
        spec = bench.function(
            """
            import importlib.metadata, importlib.util
            def handler(event, context):
                import boto3
                client = boto3.client("s3")
                return [boto3.__version__, importlib.metadata.version("boto3"), client.meta.endpoint_url,
                        client.meta.region_name, [name for name in event if importlib.util.find_spec(name)]]
            """,
            memory_mb=256,
        )
        found = await bench.value(spec, ["rich", "uvicorn", "yobu", "pip", "cryptography"])
        assert found == [boto3.__version__, boto3.__version__, "http://127.0.0.1:4566", "eu-west-1", []]

    async def test_prefers_the_packages_own_boto3(self, bench: Any) -> None:
        spec = bench.function("import boto3\ndef handler(event, context): return boto3.mine")
        (spec.code / "boto3.py").write_text("mine = True")
        assert await bench.value(spec) is True

    async def test_reports_its_own_memory_not_the_nodes(self, bench: Any) -> None:
        ballast = bytearray(60_000_000)
        spec = bench.function("def handler(event, context): return len(bytearray(event))")
        small, large = await bench.call(spec, 1), await bench.call(spec, 50_000_000)
        assert 5 < small.max_memory_mb < 25
        assert 50 < large.max_memory_mb < 75
        assert len(ballast) == 60_000_000


FOUND = [
    f"python3.{minor}" for minor in range(8, 20) if not interpreters.interpreter((3, minor)).own
]  # whatever this host has besides the node's own


@pytest.mark.parametrize("runtime", FOUND)
async def test_other_pythons_of_the_host_run_it_too(bench: Any, runtime: str) -> None:
    spec = bench.function(
        """
        import logging, sys
        log = logging.getLogger()
        def handler(event, context):
            log.warning("logged")
            if event:
                raise ValueError(event)
            try:
                import boto3
                found = boto3.__file__
            except ImportError:
                found = None
            return ["python%d.%d" % sys.version_info[:2], found]
        """,
        runtime=runtime,
    )
    version, found = await bench.value(spec, request_id=Ids().uuid())
    assert version == runtime
    assert (found is None) == bool("boto3" in (bench.fleet.check(runtime) or ""))
    assert error_of(await bench.call(spec, "no"))["stackTrace"] == [
        '  File "/var/task/app.py", line 7, in handler\n    raise ValueError(event)\n'
    ]
    tag = runtime.replace("python", "cpython-").replace(".", "")
    own = Path(sysconfig.get_path("purelib"))
    assert not list((own / "boto3").rglob(f"*.{tag}.pyc")), "the node's packages are not written to"
    assert sys.version_info[:2] != tuple(int(part) for part in runtime.removeprefix("python").split("."))
