"""Inside a Python environment: an exception in, Lambda's error object out, and the log record that goes with it.

https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
"""

import os
import traceback

INDENT = "\u00a0"  # Lambda indents a logged trace with no-break spaces


def shape(error, request_id, places):
    """`errorMessage`, `errorType`, `requestId`, `stackTrace`; also written to the log.

    `places` are the package's folder, what it is called in traces, and the file whose frames are left out.
    """
    code, task_root, own_file = places
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename == own_file:
        frames.pop(0)
    for frame in frames:
        if frame.filename.startswith(code + os.sep):
            frame.line  # noqa: B018  (read now: the file is found under its true name only)
            frame.filename = task_root + frame.filename[len(code) :]
    fault_type = getattr(error, "error_type", None)
    if type(error).__name__ == "Fault" and fault_type:
        trace = [line.replace(code + os.sep, task_root + os.sep) for line in error.trace]
    else:
        fault_type = type(error).__name__
        trace = traceback.format_list(frames)
    found = {"errorMessage": str(error), "errorType": fault_type, "requestId": request_id, "stackTrace": trace}
    write(found)
    return found


def write(found):
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
