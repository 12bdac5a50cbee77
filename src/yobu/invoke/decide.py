"""What follows an attempt at an asynchronous event. Pure: the clock and the jitter are passed in.

In: the attempt (event, function, outcome) and the time. Out: a decision as a value. It must not know the store,
nor how a record looks or is delivered.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from yobu.invoke.values import EventPolicy, Outcome, QueuedEvent, Resolved

Condition = Literal["Success", "RetriesExhausted", "EventAgeExceeded", "ZeroReservedConcurrency"]
"""AWS's word in the destination record for how an event ended."""

ERROR_DELAYS_S = (60, 120)
"""The waits after the first and the second function error."""

BACKOFF_FIRST_S = 1.0
BACKOFF_MOST_S = 300.0
_JITTER = 0.1


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at an event.

    `function` is None where it could not be resolved for the moment; `outcome` None where the event was found too
    old and not tried. `payload` is the event's body, `start_ms` when the try began (platform milliseconds).
    """

    event: QueuedEvent
    function: Resolved | None
    outcome: Outcome | None
    payload: bytes
    start_ms: int

    @property
    def policy(self) -> EventPolicy:
        """The function's policy, or AWS's defaults."""
        return EventPolicy() if self.function is None else self.function.policy


@dataclass(frozen=True, slots=True)
class Settled:
    """The event leaves the queue. `runs` counts how often the function ran for it."""

    condition: Condition
    runs: int


@dataclass(frozen=True, slots=True)
class Retry:
    """The event goes back to the queue, due at `at_ms`, with its counters moved on.

    `busy` says that it was no fault of the event: the function had no room, or the platform failed.
    """

    event: QueuedEvent
    at_ms: int
    busy: bool


Decision = Settled | Retry


def expiry_ms(event: QueuedEvent, policy: EventPolicy) -> int:
    """The instant from which the event is too old to be tried."""
    return event.enqueued_ms + policy.max_age_s * 1000


def backoff_ms(failures: int, jitter: float) -> int:
    """The wait after one failure that `failures` others came before: doubling from 1 s to 5 minutes.

    `jitter` (0 to 1) shortens it by up to a tenth, so that what failed together does not come back together.
    """
    # 2**9 s is above the cap already: a long-lived counter must not make a huge power.
    wait_s = min(BACKOFF_FIRST_S * 2.0 ** min(failures, 9), BACKOFF_MOST_S)
    return int(wait_s * (1 - _JITTER * jitter) * 1000)


def decide(attempt: Attempt, now_ms: int, jitter: float) -> Decision:
    """What follows `attempt` at `now_ms`."""
    event, outcome = attempt.event, attempt.outcome
    if outcome is None:
        return Settled("EventAgeExceeded", event.attempts)
    if outcome.status == "ok":
        return Settled("Success", event.attempts + 1)
    if outcome.status == "error":
        return _after_error(event, attempt.policy, now_ms)
    if outcome.status == "throttled" and attempt.function is not None and attempt.function.reserved == 0:
        return Settled("ZeroReservedConcurrency", event.attempts)
    return _after_no_run(event, attempt.policy, now_ms, jitter)


def _after_error(event: QueuedEvent, policy: EventPolicy, now_ms: int) -> Decision:
    """The function itself failed: at most two retries, one and two minutes later."""
    runs = event.attempts + 1
    if runs > min(policy.max_retries, len(ERROR_DELAYS_S)):
        return Settled("RetriesExhausted", runs)
    at_ms = now_ms + ERROR_DELAYS_S[event.attempts] * 1000
    if at_ms >= expiry_ms(event, policy):
        # It would be too old by then. Settled now, while the response for the record is at hand.
        return Settled("EventAgeExceeded", runs)
    return Retry(msgspec.structs.replace(event, attempts=runs, throttles=0), at_ms, busy=False)


def _after_no_run(event: QueuedEvent, policy: EventPolicy, now_ms: int, jitter: float) -> Decision:
    """Throttled, or the platform failed: again and again until the event is too old."""
    last_ms = expiry_ms(event, policy)
    if now_ms >= last_ms:
        return Settled("EventAgeExceeded", event.attempts)
    at_ms = min(now_ms + backoff_ms(event.throttles, jitter), last_ms)
    return Retry(msgspec.structs.replace(event, throttles=event.throttles + 1), at_ms, busy=True)
