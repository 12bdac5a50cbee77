from __future__ import annotations

import asyncio
from typing import Any

import pytest

from yobu.fleet.starts import Starts, at_once

A, B = ("a", "$LATEST", "1"), ("b", "$LATEST", "1")


async def begun(starts: Starts, key: Any, count: int) -> list[asyncio.Task[Any]]:
    tasks = [asyncio.create_task(starts.turn(key)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def turns(tasks: list[asyncio.Task[Any]]) -> int:
    return sum(task.done() and task.result() is None for task in tasks)


async def test_no_more_than_the_limit_start_and_each_end_lets_the_next_begin() -> None:
    starts = Starts(2)
    first, second = await begun(starts, A, 2), await begun(starts, B, 2)
    assert (turns(first), turns(second), starts.waiting) == (2, 0, 2)
    for number in (1, 2):
        starts.leave(A)
        await asyncio.sleep(0)
        assert turns(second) == number
    assert starts.waiting == 0


async def test_one_kind_leaves_a_quarter_to_the_others() -> None:
    starts = Starts(8)
    first, second = await begun(starts, A, 20), await begun(starts, B, 2)
    assert (turns(first), turns(second)) == (6, 2)


async def test_kinds_that_wait_take_turns() -> None:
    starts = Starts(1)
    (running,) = await begun(starts, A, 1)
    first = await begun(starts, A, 2)
    await begun(starts, B, 2)
    order = []
    for _ in range(4):
        starts.leave(A if order[-1:] != ["b"] else B)
        await asyncio.sleep(0)
        order.append("a" if turns(first) > order.count("a") else "b")
    assert running.result() is None
    assert order == ["a", "b", "a", "b"]


async def test_a_free_environment_goes_to_who_waits_longest_for_its_kind() -> None:
    starts, environment = Starts(1), object()
    await begun(starts, B, 1)
    first, second = await begun(starts, A, 2)
    assert not starts.hand(B, environment)
    assert starts.hand(A, environment)
    await asyncio.sleep(0)
    assert (first.result(), second.done()) == (environment, False)
    assert starts.waiting == 1
    second.cancel()
    await asyncio.sleep(0)


async def test_who_goes_away_is_passed_over() -> None:
    starts = Starts(1)
    await begun(starts, A, 1)
    first, second = await begun(starts, A, 2)
    first.cancel()
    await asyncio.sleep(0)
    starts.leave(A)
    await asyncio.sleep(0)
    assert second.result() is None


async def test_a_turn_that_comes_as_its_caller_leaves_is_given_on() -> None:
    starts = Starts(1)
    await begun(starts, A, 1)
    first, second = await begun(starts, A, 2)
    starts.leave(A)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await asyncio.sleep(0)
    assert second.result() is None


async def test_a_reset_sends_everybody_away() -> None:
    starts = Starts(1)
    await begun(starts, A, 1)
    waiting = await begun(starts, A, 3)
    starts.reset()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert all(task.cancelled() for task in waiting)
    starts.leave(A)
    assert (await begun(starts, A, 1))[0].result() is None


@pytest.mark.parametrize("cores,limit", [(1, 8), (2, 8), (4, 16), (64, 256)])
def test_more_cores_start_more(cores: int, limit: int) -> None:
    assert at_once(cores) == limit
