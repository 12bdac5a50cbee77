"""Admission: counters that stay true whatever happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from yobu.invoke.admit import ACCOUNT_EXCEEDED, RESERVED_EXCEEDED, Admission, Slot
from yobu.invoke.values import Resolved

MakeResolved = Callable[..., Resolved]
WHERE = ("123456789012", "us-east-1")


def enter(admission: Admission, function: Resolved) -> Slot:
    slot = admission.enter(function)
    assert isinstance(slot, Slot)
    return slot


def test_reserved_concurrency_bounds_the_function_over_all_its_versions(make_resolved: MakeResolved) -> None:
    admission = Admission(10)
    slots = [enter(admission, make_resolved(reserved=2, version=version)) for version in ("1", "2")]
    assert admission.enter(make_resolved(reserved=2, version="3")) == RESERVED_EXCEEDED
    slots[0].leave()
    assert isinstance(admission.enter(make_resolved(reserved=2, version="3")), Slot)


def test_reserved_zero_admits_nothing(make_resolved: MakeResolved) -> None:
    assert Admission(10).enter(make_resolved(reserved=0)) == RESERVED_EXCEEDED


def test_the_unreserved_pool_is_the_limit_less_all_reservations(make_resolved: MakeResolved) -> None:
    admission = Admission(5)
    admission.reserve(*WHERE, "arn:x", 3)
    assert admission.unreserved(*WHERE) == 2
    slots = [enter(admission, make_resolved("a")), enter(admission, make_resolved("b"))]
    assert admission.enter(make_resolved("a")) == ACCOUNT_EXCEEDED
    admission.reserve(*WHERE, "arn:x", 1)
    slots.append(enter(admission, make_resolved("a")))
    slots.append(enter(admission, make_resolved("a")))
    assert admission.enter(make_resolved("a")) == ACCOUNT_EXCEEDED
    admission.reserve(*WHERE, "arn:x", None)
    assert admission.unreserved(*WHERE) == 5
    assert admission.running(*WHERE) == 4


def test_a_reserved_function_does_not_touch_the_pool(make_resolved: MakeResolved) -> None:
    admission = Admission(1)
    enter(admission, make_resolved("a", reserved=5))
    assert isinstance(admission.enter(make_resolved("b")), Slot)


def test_accounts_and_regions_have_their_own_counters(make_resolved: MakeResolved) -> None:
    admission = Admission(1)
    enter(admission, make_resolved())
    admission.reserve("999999999999", "us-east-1", "arn:x", 1)
    assert admission.unreserved(*WHERE) == 1
    assert admission.unreserved("999999999999", "us-east-1") == 0


def test_a_call_leaves_the_pool_that_it_entered(make_resolved: MakeResolved) -> None:
    """A reservation that comes or goes meanwhile changes nothing for those that run."""
    admission = Admission(1)
    before = enter(admission, make_resolved("a"))
    assert admission.enter(make_resolved("a", reserved=1)) == RESERVED_EXCEEDED
    before.leave()
    reserved = enter(admission, make_resolved("a", reserved=1))
    unreserved = enter(admission, make_resolved("b"))
    reserved.leave()
    assert admission.enter(make_resolved("b")) == ACCOUNT_EXCEEDED
    unreserved.leave()
    assert admission.running(*WHERE) == 0


def test_leaving_twice_counts_once(make_resolved: MakeResolved) -> None:
    admission = Admission(10)
    first, _second = enter(admission, make_resolved()), enter(admission, make_resolved())
    first.leave()
    first.leave()
    assert admission.running(*WHERE, make_resolved().spec.arn) == 1


def test_slots_of_before_a_reset_leave_quietly(make_resolved: MakeResolved) -> None:
    admission = Admission(1)
    old = enter(admission, make_resolved())
    admission.reset()
    new = enter(admission, make_resolved())
    old.leave()
    assert admission.enter(make_resolved()) == ACCOUNT_EXCEEDED
    new.leave()
    assert admission.running(*WHERE) == 0


async def test_the_counters_are_true_under_a_thousand_calls(make_resolved: MakeResolved) -> None:
    """Some end, some raise, some are cancelled; at no moment do more run than may."""
    admission, chance = Admission(300), random.Random(5)
    functions = [make_resolved("a", reserved=50), make_resolved("b"), make_resolved("c")]
    admission.reserve(*WHERE, functions[0].spec.arn, 50)
    running: dict[str, int] = {}
    most: dict[str, int] = {}

    async def call(function: Resolved) -> None:
        slot = admission.enter(function)
        if isinstance(slot, str):
            return
        name = function.spec.name
        running[name] = running.get(name, 0) + 1
        most[name] = max(most.get(name, 0), running[name])
        assert running.get("b", 0) + running.get("c", 0) <= 250
        try:
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            if chance.random() < 0.3:
                raise ValueError("the handler")
        finally:
            running[name] -= 1
            slot.leave()

    tasks = [asyncio.create_task(call(chance.choice(functions))) for _ in range(1_000)]
    await asyncio.sleep(0)
    assert admission.running(*WHERE) == sum(running.values())
    for task in chance.sample(tasks, 200):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert most["a"] == 50
    assert admission.running(*WHERE) == 0
    assert admission.running(*WHERE, functions[0].spec.arn) == 0
