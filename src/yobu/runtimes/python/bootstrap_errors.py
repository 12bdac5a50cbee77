"""Inside a Python environment: an exception in, Lambda's error object out, and the log record that goes with it.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

from __future__ import annotations

import os
import traceback

TYPE_CHECKING = False  # `typing` is dear to import
if TYPE_CHECKING:
    from typing import Any

INDENT = "\u00a0"  # Lambda indents a logged trace with no-break spaces


def shape(error: Exception, request_id: str, places: tuple[str, str, str]) -> dict[str, Any]:
    """`errorMessage`, `errorType`, `requestId`, `stackTrace`; also written to the log.

    `places` are the package's folder, what it is called in traces, and the file whose frames are left out.
    """
    code, task_root, own_file = places
    fault_type = getattr(error, "error_type", None)
    if type(error).__name__ == "Fault" and fault_type:
        error_type = fault_type
        trace = [line.replace(code + os.sep, task_root + os.sep) for line in getattr(error, "trace", ())]
    else:
        error_type = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        while frames and frames[0].filename == own_file:
            frames.pop(0)
        # As tuples: Lambda's traces have no carets.
        rows: Any = [
            (_shown(frame.filename, code, task_root), frame.lineno, frame.name, frame.line) for frame in frames
        ]
        trace = traceback.format_list(rows)
    found = {"errorMessage": str(error), "errorType": error_type, "requestId": request_id, "stackTrace": trace}
    write(found)
    return found


def _shown(path: str, code: str, task_root: str) -> str:
    return task_root + path[len(code) :] if path.startswith(code + os.sep) else path


def write(found: dict[str, Any]) -> None:
    """Log the error as one record."""
    lines = ["[ERROR] %s" % found["errorType"]]
    if found["errorMessage"]:
        lines[0] += ": " + found["errorMessage"]
    lines.append("Traceback (most recent call last):")
    for entry in found["stackTrace"]:
        for line in entry.splitlines():
            bare = line.lstrip(" ")
            lines.append(INDENT * (len(line) - len(bare)) + bare)
    record = "\n".join(lines).replace("\n", "\0\n") + "\n"
    data = record.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(1, data) :]
