"""How Lambda words the failures that are not the function's own exceptions: a reason in, a payload out.

https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass

RESPONSE_LIMIT_BYTES = 6_291_556

_SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an environment gave no answer.

    `error_type` is Lambda's; `lines` go to the function's log; `message` is the payload's errorMessage;
    `payload` is set where the runtime worded the error itself. `timed_out` is REPORT's `Status: timeout`.
    """

    error_type: str
    message: str = ""
    lines: tuple[str, ...] = ()
    payload: bytes | None = None
    timed_out: bool = False

    def body(self) -> bytes:
        """The error object that the caller of the function gets."""
        if self.payload is not None:
            return self.payload
        text = json.dumps({"errorType": self.error_type, "errorMessage": self.message}, separators=(",", ":"))
        return text.encode()


def timed_out(request_id: str, timeout_s: float, at_iso: str) -> Failure:
    """The handler ran longer than Timeout; `at_iso` is the time of the log line."""
    task = f"Task timed out after {timeout_s:.2f} seconds"
    return Failure(
        error_type="Sandbox.Timedout",
        message=f"RequestId: {request_id} Error: {task}",
        lines=(f"{at_iso} {request_id} {task}", ""),
        timed_out=True,
    )


def exited(request_id: str, status: int | None) -> Failure:
    """The process ended; `status` as `Popen.returncode` counts it (negative: a signal), None where unknown."""
    return _gone("Runtime.ExitError", request_id, _reason(status))


def out_of_memory(request_id: str) -> Failure:
    """The environment used more than MemorySize and was killed for it."""
    return _gone("Runtime.OutOfMemory", request_id, _reason(-9))


def too_large() -> Failure:
    """The response is longer than Lambda returns."""
    return Failure(
        error_type="Function.ResponseSizeTooLarge",
        message=f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes).",
    )


def _gone(error_type: str, request_id: str, reason: str) -> Failure:
    message = f"RequestId: {request_id} Error: {reason}"
    return Failure(error_type=error_type, message=message, lines=(message, error_type))


def _reason(status: int | None) -> str:
    if not status:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_SIGNALS.get(-status, f'signal {-status}')}"
