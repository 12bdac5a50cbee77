"""Execute one invocation: admit -> fleet -> usage record -> Outcome.

In: a frozen Invocation. Out: its Outcome. It must not know who called, how a payload came, or what follows an
outcome: retries are the queue's, words for a client the lambda room's.
"""

from __future__ import annotations

from dataclasses import dataclass

from yobu.base.clock import Clock
from yobu.fleet.port import Fleet, OnChunk, Work
from yobu.invoke.admit import Admission
from yobu.invoke.usage import Usage, record_of
from yobu.invoke.values import Invocation, Outcome


@dataclass(frozen=True, slots=True)
class InvokerParts:
    """What an Invoker works with."""

    fleet: Fleet
    admission: Admission
    usage: Usage
    clock: Clock


class Invoker:
    """Runs invocations. `admission` is open to the lambda room, which tells it the reservations."""

    def __init__(self, parts: InvokerParts) -> None:
        self._fleet = parts.fleet
        self._usage = parts.usage
        self._clock = parts.clock
        self.admission = parts.admission

    async def execute(self, invocation: Invocation, on_chunk: OnChunk | None = None) -> Outcome:
        """Run `invocation` now: `ok`, `error` or `throttled`.

        Raises AwsError where no environment can exist (such as InvalidRuntimeException): a synchronous caller
        must see AWS's own error, and the asynchronous life makes a `platform` outcome of it. The record of a
        synchronous call is packed here; that of an event belongs into the commit that settles it. A call that
        is cancelled gives its place back and leaves no record.
        """
        function = invocation.function
        slot = self.admission.enter(function)
        if isinstance(slot, str):
            return Outcome("throttled", reason=slot)
        work = Work(
            request_id=invocation.request_id,
            payload=invocation.payload,
            invoked_arn=function.invoked_arn,
            client_context=invocation.client_context,
            trace=invocation.trace,
        )
        start_ms = self._clock.now_ms()
        try:
            reply = await self._fleet.run(function.spec, work, on_chunk)
        finally:
            slot.leave()
        if invocation.kind == "RequestResponse":
            self._usage.write_packed(record_of(invocation, reply, start_ms))
        return Outcome("error" if reply.error else "ok", reply)

    def reset(self) -> None:
        """Forget all counters and reservations."""
        self.admission.reset()
