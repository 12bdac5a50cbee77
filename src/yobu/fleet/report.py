"""The lines that Lambda itself writes around an invocation: facts in, text out.

https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html and
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html (INIT_REPORT)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from yobu.fleet.port import FunctionSpec

TAIL_BYTES = 4096


class Measured(msgspec.Struct, frozen=True):
    """What an invocation took. Times in milliseconds; `init_ms` is None for a warm start."""

    duration_ms: float
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds, rounded up; initialisation is billed too (AWS since August 2025)."""
        return max(1, math.ceil(round(self.duration_ms + (self.init_ms or 0.0), 2)))


def log_group(spec: FunctionSpec) -> str:
    """The log group of a function's lines."""
    return spec.log_group or f"/aws/lambda/{spec.name}"


def stream_name(now: float, version: str, digits: str) -> str:
    """The log stream of an environment made at `now`: `2026/11/25/[$LATEST]<32 hexadecimal digits>`."""
    return f"{datetime.fromtimestamp(now, UTC):%Y/%m/%d}/[{version}]{digits}"


def init_start(runtime: str, region: str) -> str:
    """The first line of an environment."""
    arn = runtime_version_arn(runtime, region)
    return f"INIT_START Runtime Version: {runtime_version(runtime)}\tRuntime Version ARN: {arn}"


def runtime_version(runtime: str) -> str:
    """`python3.12` as INIT_START names it: `python:3.12.v1`."""
    language = runtime.rstrip("0123456789.x")
    return f"{language}:{runtime[len(language) :].removesuffix('.x')}.v1"


def runtime_version_arn(runtime: str, region: str) -> str:
    """The ARN of the one version of a runtime that there is: in INIT_START and in a function's configuration."""
    return f"arn:aws:lambda:{region}::runtime:{sha256(runtime_version(runtime).encode()).hexdigest()}"


def init_report(init_ms: float, phase: str, failure: str | None) -> str:
    """The line after an initialisation that failed; `phase` is init or invoke, `failure` as in `report`."""
    return f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\t{_status(failure)}"


def start(request_id: str, version: str) -> str:
    """The line before the function's own."""
    return f"START RequestId: {request_id} Version: {version}"


def end(request_id: str) -> str:
    """The line after the function's own."""
    return f"END RequestId: {request_id}"


def report(request_id: str, measured: Measured, failure: str | None = None) -> str:
    """The last line; `failure` is None, `timeout`, or the error type of a runtime that did not answer."""
    line = (
        f"REPORT RequestId: {request_id}\tDuration: {measured.duration_ms:.2f} ms\t"
        f"Billed Duration: {measured.billed_ms} ms\tMemory Size: {measured.memory_mb} MB\t"
        f"Max Memory Used: {measured.max_memory_mb} MB\t"
    )
    if measured.init_ms is not None:
        line += f"Init Duration: {measured.init_ms:.2f} ms\t"
    return line if failure is None else line + _status(failure)


def _status(failure: str | None) -> str:
    return "Status: timeout" if failure == "timeout" else f"Status: error\tError Type: {failure}"


def tail(lines: Sequence[str]) -> bytes:
    """The last 4 KB of the lines, as `LogType=Tail` returns them."""
    whole = "\n".join(lines) + "\n"
    return whole.encode()[-TAIL_BYTES:]
