"""decide is pure: what follows an attempt, row by row."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from yobu.fleet.port import Reply
from yobu.invoke.decide import Attempt, Retry, Settled, backoff_ms, decide
from yobu.invoke.values import FunctionRef, Outcome, QueuedEvent, Resolved

NOW = 1_700_000_000_000
OK = Outcome("ok", Reply(b"1", 1.0, 1, 128, 32, "e", "s"))
ERROR = Outcome("error", Reply(b"{}", 1.0, 1, 128, 32, "e", "s", error="Unhandled"))
THROTTLED = Outcome("throttled", reason="ReservedFunctionConcurrentInvocationLimitExceeded")
PLATFORM = Outcome("platform", reason="no")

MakeResolved = Callable[..., Resolved]


def attempt(
    function: Resolved | None, outcome: Outcome | None, attempts: int = 0, throttles: int = 0, age_s: float = 0
) -> Attempt:
    ref = FunctionRef("123456789012", "us-east-1", "f")
    event = QueuedEvent("r", ref, NOW - int(age_s * 1000), "api", attempts=attempts, throttles=throttles)
    return Attempt(event, function, outcome, b"1", NOW)


def test_success_is_acknowledged(make_resolved: MakeResolved) -> None:
    assert decide(attempt(make_resolved(), OK, attempts=1), NOW, 0.5) == Settled("Success", 2)


@pytest.mark.parametrize(("attempts", "wait_s"), [(0, 60), (1, 120)])
def test_a_function_error_is_retried(make_resolved: MakeResolved, attempts: int, wait_s: int) -> None:
    decision = decide(attempt(make_resolved(), ERROR, attempts, throttles=5), NOW, 0.5)
    assert isinstance(decision, Retry)
    assert decision.at_ms == NOW + wait_s * 1000
    assert (decision.event.attempts, decision.event.throttles, decision.busy) == (attempts + 1, 0, False)


@pytest.mark.parametrize(("retries", "attempts"), [(0, 0), (1, 1), (2, 2), (2, 5)])
def test_retries_exhausted(make_resolved: MakeResolved, retries: int, attempts: int) -> None:
    decision = decide(attempt(make_resolved(max_retries=retries), ERROR, attempts), NOW, 0.5)
    assert decision == Settled("RetriesExhausted", attempts + 1)


@pytest.mark.parametrize(("age_s", "retried"), [(59.0, True), (60.0, False), (500.0, False)])
def test_a_retry_must_come_before_the_event_is_too_old(
    make_resolved: MakeResolved, age_s: float, retried: bool
) -> None:
    decision = decide(attempt(make_resolved(max_age_s=120), ERROR, age_s=age_s), NOW, 0.5)
    assert isinstance(decision, Retry) == retried
    if not retried:
        assert decision == Settled("EventAgeExceeded", 1)


@pytest.mark.parametrize("outcome", [THROTTLED, PLATFORM])
def test_no_room_and_platform_failures_back_off(make_resolved: MakeResolved, outcome: Outcome) -> None:
    decision = decide(attempt(make_resolved(reserved=1), outcome, attempts=1, throttles=3), NOW, 0.0)
    assert isinstance(decision, Retry)
    assert decision.at_ms == NOW + 8_000
    assert (decision.event.attempts, decision.event.throttles, decision.busy) == (1, 4, True)


def test_the_last_wait_ends_when_the_event_is_too_old(make_resolved: MakeResolved) -> None:
    decision = decide(attempt(make_resolved(max_age_s=60), THROTTLED, throttles=9, age_s=50), NOW, 0.0)
    assert isinstance(decision, Retry)
    assert decision.at_ms == NOW + 10_000


@pytest.mark.parametrize("outcome", [THROTTLED, PLATFORM, None])
def test_too_old(make_resolved: MakeResolved, outcome: Outcome | None) -> None:
    assert decide(attempt(make_resolved(max_age_s=60), outcome, 1, age_s=60), NOW, 0.0) == Settled(
        "EventAgeExceeded", 1
    )


def test_reserved_zero_is_never_retried(make_resolved: MakeResolved) -> None:
    assert decide(attempt(make_resolved(reserved=0), THROTTLED), NOW, 0.0) == Settled("ZeroReservedConcurrency", 0)


def test_a_function_not_resolved_follows_awss_defaults() -> None:
    assert isinstance(decide(attempt(None, PLATFORM, age_s=21_599), NOW, 0.0), Retry)
    assert decide(attempt(None, PLATFORM, age_s=21_600), NOW, 0.0) == Settled("EventAgeExceeded", 0)


def test_backoff_doubles_to_five_minutes_with_a_tenth_of_jitter() -> None:
    assert [backoff_ms(count, 0.0) // 1000 for count in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert backoff_ms(10**9, 0.0) == 300_000
    assert backoff_ms(0, 1.0) == 900
