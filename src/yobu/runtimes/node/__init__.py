"""The Node.js family: any `nodejsNN.x` runs on the best node of this host.

A module that is a fleet.port.Runtime. The process that it starts runs bootstrap.cjs, which knows nothing of yobu.
"""

from __future__ import annotations

import os
import re

from yobu.runtimes import Launch
from yobu.runtimes.node.interpreters import Interpreter, interpreter

_RUNTIME = re.compile(r"nodejs(\d{1,4})\.x")


def serves(runtime: str) -> bool:
    """Whether a Lambda runtime string is `nodejsNN.x`."""
    return _RUNTIME.fullmatch(runtime) is not None


def launch(runtime: str, handler: str, code: str, socket_fd: int, memory_mb: int = 128) -> Launch:
    """How to start `runtime`. The first call for a version looks for it on the host, which takes some milliseconds.

    Raises YobuError where the host has no node that can run it.
    """
    major = _major(runtime)
    found = interpreter(major)
    folder = os.path.dirname(__file__)
    return Launch(
        argv=(found.path, *_heap(memory_mb), os.path.join(folder, "bootstrap.cjs"), str(socket_fd)),
        environment={
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
            "LAMBDA_RUNTIME_DIR": folder,
            # As on Lambda a package may be required by its path from the package's root.
            "NODE_PATH": code,
            "PATH": f"{os.path.dirname(found.path)}:/usr/local/bin:/usr/bin:/bin:/opt/bin",
        },
        cwd=code,
        warning=_warning(major, found),
    )


def _major(runtime: str) -> int:
    match = _RUNTIME.fullmatch(runtime)
    if match is None:
        raise ValueError(f"not a Node.js runtime: {runtime!r}")
    return int(match[1])


def _heap(memory_mb: int) -> tuple[str, str]:
    """V8's bounds, as Lambda sets them: a tenth for the young generation, the rest for the old one.

    Without them it looks at the machine's memory, and a small function is ended for garbage not yet collected.
    """
    young_mb = memory_mb // 10
    return f"--max-semi-space-size={max(1, young_mb // 2)}", f"--max-old-space-size={memory_mb - young_mb}"


def _warning(wanted: int, found: Interpreter) -> str | None:
    """What the owner of a function should know about the interpreter, or None."""
    if wanted == found.major:
        return None
    return f"Node.js {wanted} is not installed on this host: the function runs on {found.version} ({found.path})."
