"""A fleet without processes: handlers are Python callables, by function name. A shipped product for tests.

Everything that a caller sees of a real fleet is there: payloads, Lambda's error shape, START to REPORT lines in
the reply and in the log sink, cold and warm starts, the warnings for a runtime. What a handler does to the
process, and timeouts, are not imitated.
"""

from __future__ import annotations

import inspect
import json
import traceback
from collections.abc import Awaitable, Callable
from typing import Any

from yobu.base.clock import Clock
from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.fleet import failure, report
from yobu.fleet.port import FunctionSpec, LogSink, LogStream, OnChunk, Reply, Work

FakeHandler = Callable[[Any, Work], Any] | Callable[[Any, Work], Awaitable[Any]]


class FakeFleet:
    """Implements fleet.port.Fleet. `calls` lists what ran; `retired` what `retire` was told."""

    def __init__(self, clock: Clock | None = None, ids: Ids | None = None, log_sink: LogSink | None = None) -> None:
        self._clock = clock or Clock()
        self._ids = ids or Ids()
        self._sink = log_sink
        self._handlers: dict[str, FakeHandler] = {}
        self._streams: dict[tuple[str, str, str], tuple[str, str]] = {}
        self.calls: list[tuple[FunctionSpec, Work]] = []
        self.retired: list[tuple[str, str | None]] = []

    def handle(self, name: str, handler: FakeHandler) -> None:
        """Let `handler(event, work)`, plain or async, answer for the function of that name.

        Its answer must be what JSON can hold; what it raises becomes the error object that Lambda returns.
        """
        self._handlers[name] = handler

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self, within_s: float = 0.0) -> None:
        """Nothing to stop."""

    def reset(self) -> None:
        """Forget environments and calls; the handlers stay."""
        self._streams.clear()
        self.calls.clear()
        self.retired.clear()

    def status(self) -> dict[str, Any]:
        """As ProcessFleet.status()."""
        return {"isolation": "fake", "starting": 0, "idle": len(self._streams), "busy": 0}

    def check(self, runtime: str) -> str | None:
        """Every `python3.x` and `nodejs` runtime is served without a warning; others are refused."""
        if runtime.startswith(("python3.", "nodejs")):
            return None
        raise AwsError("InvalidRuntimeException", f"The runtime {runtime} is not served by this fleet.")

    def retire(self, arn: str, version: str | None = None) -> None:
        """Forget the environments of the function: its next start is cold."""
        self.retired.append((arn, version))
        for key in [key for key in self._streams if key[0] == arn and version in (None, key[1])]:
            del self._streams[key]

    async def run(self, spec: FunctionSpec, work: Work, on_chunk: OnChunk | None = None) -> Reply:
        """Call the function's handler. One that was never given raises AwsError `InvalidRuntimeException`."""
        handler = self._handlers.get(spec.name)
        if handler is None:
            raise AwsError("InvalidRuntimeException", f"FakeFleet has no handler for {spec.name}.")
        self.calls.append((spec, work))
        key = (spec.arn, spec.version, spec.revision)
        where = self._streams.get(key)
        cold = where is None
        if where is None:
            stream = report.stream_name(self._clock.now(), spec.version, self._ids.hex(32))
            where = self._streams[key] = (self._ids.hex(32), stream)
        began = self._clock.elapsed()
        payload, error_type = await self._answer(handler, work)
        if len(payload) > failure.RESPONSE_LIMIT_BYTES:
            large = failure.too_large()
            payload, error_type = large.body(work.request_id), large.error_type
        measured = report.Measured(
            duration_ms=(self._clock.elapsed() - began) * 1000,
            memory_mb=spec.memory_mb,
            max_memory_mb=min(spec.memory_mb, 32),
            init_ms=1.0 if cold else None,
        )
        return self._reply(spec, work, (payload, error_type), measured, where)

    async def _answer(self, handler: FakeHandler, work: Work) -> tuple[bytes, str | None]:
        """The handler's JSON, or the error object and its type."""
        try:
            answer = handler(json.loads(work.payload or b"null"), work)
            if inspect.isawaitable(answer):
                answer = await answer
            return json.dumps(answer).encode(), None
        except Exception as error:  # noqa: BLE001  (whatever a handler raises is its answer)
            name = type(error).__name__
            shape = {
                "errorMessage": str(error),
                "errorType": name,
                "requestId": work.request_id,
                "stackTrace": traceback.format_tb(error.__traceback__)[1:],
            }
            return json.dumps(shape).encode(), name

    def _reply(
        self,
        spec: FunctionSpec,
        work: Work,
        answer: tuple[bytes, str | None],
        measured: report.Measured,
        where: tuple[str, str],
    ) -> Reply:
        lines = [
            report.start(work.request_id, spec.version),
            report.end(work.request_id),
            report.report(work.request_id, measured),
        ]
        if self._sink is not None:
            stream = LogStream(spec.account, spec.region, report.log_group(spec), where[1])
            self._sink.append(stream, self._clock.now_ms(), lines)
        payload, error_type = answer
        return Reply(
            payload=payload,
            duration_ms=measured.duration_ms,
            billed_ms=measured.billed_ms,
            memory_mb=measured.memory_mb,
            max_memory_mb=measured.max_memory_mb,
            environment=where[0],
            log_stream=where[1],
            error=None if error_type is None else "Unhandled",
            error_type=error_type,
            init_ms=measured.init_ms,
            log=report.tail(lines),
        )
