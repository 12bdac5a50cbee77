"""Settle an attempt: ONE commit holds ack, retry-at or dead letter, the usage record and what is sent.

In: the row and the attempt at its event. Out: the decision, durable. It must not know how an attempt is made.
"""

from __future__ import annotations

from dataclasses import dataclass

from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.base.log import logger
from yobu.invoke.decide import Attempt, Decision, Retry, Settled, decide
from yobu.invoke.deliver import Deliveries
from yobu.invoke.lanes import Row
from yobu.invoke.queue import EventQueue
from yobu.invoke.records import deliveries
from yobu.invoke.usage import Usage, record_of
from yobu.invoke.values import Invocation, QueuedEvent, Resolved
from yobu.meter.usage import UsageRecord
from yobu.store.port import Store, Tx

_log = logger("invoke.settle")

_FAILED = "event %s for %s failed for good: %s after %d runs"


@dataclass(frozen=True, slots=True)
class SettlementParts:
    """What a Settlement works with."""

    store: Store
    clock: Clock
    ids: Ids
    events: EventQueue
    deliveries: Deliveries
    usage: Usage


class Settlement:
    """Writes down what became of events."""

    def __init__(self, parts: SettlementParts) -> None:
        self._parts = parts

    async def settle(self, row: Row, attempt: Attempt) -> Decision:
        """Decide what follows and commit it. An event that somebody has settled meanwhile is left alone."""
        parts, event = self._parts, attempt.event
        now_ms = parts.clock.now_ms()
        decision = decide(attempt, now_ms, parts.ids.fraction())
        outgoing = deliveries(attempt, decision, now_ms, parts.ids.uuid) if isinstance(decision, Settled) else []
        usage = _usage(attempt)

        async def commit(tx: Tx) -> None:
            if not await parts.events.waits(tx, row):
                return
            if isinstance(decision, Retry):
                parts.events.again(tx, row, decision.event, decision.at_ms)
            else:
                parts.events.remove(tx, row, event)
            if usage is not None:
                parts.usage.write_tx(tx, usage)
            await parts.deliveries.send(tx, outgoing)

        await parts.store.write(commit)
        if isinstance(decision, Settled) and decision.condition != "Success":
            _log.warning(_FAILED, event.request_id, event.function.name, decision.condition, decision.runs)
        return decision

    async def drop(self, row: Row, event: QueuedEvent, reason: str) -> None:
        """Remove an event that nobody can take any more: its function is gone, and its destinations with it."""

        async def commit(tx: Tx) -> None:
            if await self._parts.events.waits(tx, row):
                self._parts.events.remove(tx, row, event)

        await self._parts.store.write(commit)
        _log.warning("event %s for %s is dropped: %s", event.request_id, event.function.name, reason)


def invocation_of(event: QueuedEvent, function: Resolved, payload: bytes) -> Invocation:
    """The invocation that an event asks for."""
    return Invocation(
        request_id=event.request_id,
        function=function,
        payload=payload,
        kind="Event",
        cause=event.cause,
        client_context=event.client_context,
        trace=event.trace,
    )


def _usage(attempt: Attempt) -> UsageRecord | None:
    """The usage record of an attempt that ran."""
    reply = None if attempt.outcome is None else attempt.outcome.reply
    if reply is None or attempt.function is None:
        return None
    return record_of(invocation_of(attempt.event, attempt.function, b""), reply, attempt.start_ms)
