"""The Python family: any `python3.x` runs on the best interpreter of this host.

A module that is a fleet.port.Runtime. The process that it starts runs bootstrap.py, which imports nothing from yobu.
"""

from __future__ import annotations

import os
import re

from yobu.runtimes import Launch
from yobu.runtimes.python.interpreters import OLDEST, Interpreter, interpreter, sdk_folder

_RUNTIME = re.compile(r"python3\.(\d+)")

# -S: no site-packages of the host's, and a third of the start's time less; -X utf8: as on Lambda, whatever the
# host's locale. bootstrap is imported, not run, so that its compiled form is cached.
_FLAGS = ("-S", "-X", "utf8", "-c")
# The working folder leaves sys.path first: a package's json.py must not become ours.
_ENTRY = (
    "import sys; sys.path[:] = [sys.argv[1]] + [path for path in sys.path if path]; "
    "import bootstrap; bootstrap.main(int(sys.argv[2]), *sys.argv[3:])"
)


def serves(runtime: str) -> bool:
    """Whether a Lambda runtime string is `python3.x`."""
    return _RUNTIME.fullmatch(runtime) is not None


def launch(runtime: str, handler: str, code: str, socket_fd: int, memory_mb: int = 128) -> Launch:
    """How to start `runtime`, whatever its memory.

    The first call for a version looks for it on the host, which takes up to 0.1 s.
    """
    version = _version(runtime)
    found = interpreter(version)
    sdk = sdk_folder(found.version)
    folder = os.path.dirname(__file__)
    return Launch(
        argv=(found.path, *_FLAGS, _ENTRY, folder, str(socket_fd), sdk or "", "" if found.own else "foreign"),
        environment={
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "LAMBDA_RUNTIME_DIR": folder,
            "PATH": f"{os.path.dirname(found.path)}:/usr/local/bin:/usr/bin:/bin:/opt/bin",
        },
        cwd=code,
        warning=_warning(version, found, sdk),
    )


def _version(runtime: str) -> tuple[int, int]:
    match = _RUNTIME.fullmatch(runtime)
    if match is None:
        raise ValueError(f"not a Python runtime: {runtime!r}")
    return 3, int(match[1])


def _warning(wanted: tuple[int, int], found: Interpreter, sdk: str | None) -> str | None:
    """What the owner of a function should know about the interpreter, or None."""
    name, used = (f"python{version[0]}.{version[1]}" for version in (wanted, found.version))
    texts = []
    if wanted < OLDEST:
        texts.append(f"{name} is older than yobu's environments support: the function runs on {used} ({found.path}).")
    elif wanted != found.version:
        texts.append(f"{name} is not installed on this host: the function runs on {used} ({found.path}).")
    if sdk is None:
        texts.append(f"The node's boto3 does not run on {used}: a function that needs it must bring its own.")
    return " ".join(texts) or None
