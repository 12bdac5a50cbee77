"""The asynchronous life of one event: resolve -> load -> execute -> settle.

In: a claimed row and its event. Out: whether the function had no room, once the outcome is committed. It must not
know who put the event, nor where its records go.
"""

from __future__ import annotations

from dataclasses import dataclass

from yobu.base.clock import Clock
from yobu.base.errors import AwsError
from yobu.base.log import logger
from yobu.invoke.decide import Attempt, Decision, Retry, expiry_ms
from yobu.invoke.invoker import Invoker
from yobu.invoke.lanes import Row
from yobu.invoke.queue import EventQueue
from yobu.invoke.settle import Settlement, invocation_of
from yobu.invoke.values import Functions, Outcome, QueuedEvent, Resolved
from yobu.store.port import StoreFull

NO_ROOM_S = 1.0
"""How long an outcome waits between two looks at a full disk (platform time)."""

_log = logger("invoke.attempt")


@dataclass(frozen=True, slots=True)
class AttemptParts:
    """What Attempts work with."""

    clock: Clock
    functions: Functions
    invoker: Invoker
    events: EventQueue
    settlement: Settlement


class Attempts:
    """Tries events. `run` is what `EventQueue.start` is given."""

    def __init__(self, parts: AttemptParts) -> None:
        self._parts = parts

    async def run(self, row: Row, event: QueuedEvent) -> bool:
        """Try the event once and settle it. True where it had to wait: throttled, or the platform failed.

        An event whose function is gone is dropped. Raises what the store raises where the settling commit fails;
        the event then remains due.
        """
        try:
            attempt = await self._try(event)
        except AwsError as error:
            await self._parts.settlement.drop(row, event, error.message)
            return False
        decision = await self._settle(row, attempt)
        return isinstance(decision, Retry) and decision.busy

    async def _settle(self, row: Row, attempt: Attempt) -> Decision:
        """Settle; where the disk has no room the outcome waits for it, or the function would run again and again."""
        parts = self._parts
        while True:
            try:
                return await parts.settlement.settle(row, attempt)
            except StoreFull as error:
                _log.warning("the outcome of event %s waits: %s", attempt.event.request_id, error)
                await parts.clock.sleep_until(parts.clock.now() + NO_ROOM_S)

    async def _try(self, event: QueuedEvent) -> Attempt:
        """Resolve, load and execute, unless the event is too old. Raises AwsError where the function is gone."""
        parts = self._parts
        start_ms = parts.clock.now_ms()
        function: Resolved | None = None
        payload = b""
        outcome: Outcome | None = None
        try:
            function = await parts.functions.resolve(event.function)
            payload = await parts.events.load(event)
            if start_ms < expiry_ms(event, function.policy):
                outcome = await parts.invoker.execute(invocation_of(event, function, payload))
        except AwsError as error:
            if function is None and error.code == "ResourceNotFoundException":
                raise
            outcome = Outcome("platform", reason=f"{error.code}: {error.message}")
        except Exception as error:  # noqa: BLE001  (the edge of the loop: whatever fails here is not the event's fault)
            _log.exception("event %s for %s: the platform failed", event.request_id, event.function.name)
            outcome = Outcome("platform", reason=f"{type(error).__name__}: {error}")
        return Attempt(event, function, outcome, payload, start_ms)
