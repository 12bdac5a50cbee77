from __future__ import annotations

import asyncio

import pytest

from yobu.base.clock import Clock, FakeClock, iso_millis, iso_offset


async def test_sleepers_wake_in_order_when_time_is_moved() -> None:
    clock, woken = FakeClock(100.0), []

    async def sleeper(instant: float) -> None:
        await clock.sleep_until(instant)
        woken.append(instant)

    tasks = [asyncio.create_task(sleeper(instant)) for instant in (130.0, 110.0, 120.0)]
    await asyncio.sleep(0)
    clock.advance(20)
    await asyncio.sleep(0)
    assert woken == [110.0, 120.0]
    clock.advance(10)
    await asyncio.gather(*tasks)
    assert woken == [110.0, 120.0, 130.0]


async def test_a_cancelled_sleeper_is_forgotten() -> None:
    clock = FakeClock(0.0)
    task = asyncio.create_task(clock.sleep_until(5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.advance(10)
    assert clock.now() == 10


async def test_real_time_passes_and_advance_shortens_the_wait() -> None:
    clock = Clock()
    task = asyncio.create_task(clock.sleep_until(clock.now() + 3600))
    await asyncio.sleep(0)
    clock.advance(3601)
    await asyncio.wait_for(task, 5)
    await asyncio.wait_for(clock.sleep_until(clock.now() + 0.01), 5)


async def test_the_past_needs_no_waiting() -> None:
    await FakeClock(50.0).sleep_until(49.0)


def test_time_never_goes_back() -> None:
    with pytest.raises(ValueError, match="never goes back"):
        Clock().advance(-1)


def test_forms() -> None:
    assert iso_millis(1_700_000_000.25) == "2023-11-14T22:13:20.250Z"
    assert iso_offset(1_700_000_000.25) == "2023-11-14T22:13:20.250+0000"
