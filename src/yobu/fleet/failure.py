"""How Lambda words the failures that are not the function's own exceptions: a reason in, a payload out.

https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html
"""

from __future__ import annotations

import json
import re
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


# What Lambda lets stand as an error type in its reports; every other one is `Runtime.Unknown` there.
_REPORTED = re.compile(r"(Runtime|Function|Sandbox)\.[A-Z][a-zA-Z]+")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an event has no answer of its handler's.

    `error_type` is Lambda's; `reason` a sentence, `payload` the whole error object where the runtime worded it.
    `status` is what REPORT says: `timeout`, an error type, or nothing (None) of what the handler raised.
    """

    error_type: str
    reason: str = ""
    payload: bytes | None = None
    status: str | None = None

    def body(self, request_id: str) -> bytes:
        """The error object that the caller of the function gets."""
        if self.payload is not None:
            return self.payload
        shape = {"errorType": self.error_type, "errorMessage": f"RequestId: {request_id} Error: {self.reason}"}
        return json.dumps(shape, separators=(",", ":")).encode()

    def lines(self, request_id: str, at_iso: str) -> tuple[str, ...]:
        """What goes to the function's log at `at_iso`; the runtime logs what it worded itself."""
        if self.payload is not None:
            return ()
        if self.status == "timeout":
            return f"{at_iso} {request_id} {self.reason}", ""
        return f"RequestId: {request_id} Error: {self.reason}", self.error_type


def timed_out(timeout_s: float) -> Failure:
    """The handler, or a repeated initialisation, ran longer than Timeout."""
    return Failure("Sandbox.Timedout", f"Task timed out after {timeout_s:.2f} seconds", status="timeout")


def exited(status: int) -> Failure:
    """The process ended; `status` as `Popen.returncode` counts it (negative: a signal)."""
    return Failure("Runtime.ExitError", _reason(status), status="Runtime.ExitError")


def out_of_memory() -> Failure:
    """The environment used more than MemorySize and was killed for it."""
    return Failure("Runtime.OutOfMemory", _reason(-9), status="Runtime.OutOfMemory")


def raised(error_type: str, payload: bytes) -> Failure:
    """The handler raised; `payload` is the runtime's error object."""
    return Failure(error_type, payload=payload)


def not_loaded(error_type: str, payload: bytes) -> Failure:
    """The handler could not be loaded; `payload` is the runtime's error object."""
    status = error_type if _REPORTED.fullmatch(error_type) else "Runtime.Unknown"
    return Failure(error_type, payload=payload, status=status)


def too_large() -> Failure:
    """The response is longer than Lambda returns."""
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
    error_type = "Function.ResponseSizeTooLarge"
    payload = json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":")).encode()
    return Failure(error_type, payload=payload)


def _reason(status: int) -> str:
    if status == 0:
        return "Runtime exited without providing a reason"
    if status > 0:
        return f"Runtime exited with error: exit status {status}"
    return f"Runtime exited with error: signal: {_SIGNALS.get(-status, f'signal {-status}')}"
