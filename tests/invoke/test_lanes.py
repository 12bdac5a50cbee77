"""Lanes: due order, bounds, fairness, and what is left to memory."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from yobu.base.clock import FakeClock
from yobu.base.ids import SeededIds
from yobu.invoke.lanes import PAUSE_MS, LaneLoop, LaneQueue, Limits, Row
from yobu.store.memory import MemoryStore
from yobu.store.port import Range, Tx
from yobu.store.transaction import Rerun


class SlowStore(MemoryStore):
    """A store whose reads take a few turns of the loop, as another engine's may."""

    async def scan(self, range: Range, limit: int = 1_000, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        found = await super().scan(range, limit, reverse)
        await turns(3)
        return found


class Bench:
    """A queue of strings and a loop; `seen` are the values in the order in which they were handled."""

    def __init__(self, store: MemoryStore, total: int, lane: int) -> None:
        self.store, self.clock = store, FakeClock()
        self.queue = LaneQueue("test", str)
        self.seen: list[str] = []
        self.most = 0
        self.hold: asyncio.Event | None = None
        self.verdict: Callable[[str], bool] = lambda value: False
        self.loop = LaneLoop(self.store, self.clock, self.queue, self._handle, Limits(total, lane))

    async def put(self, lane: str, value: str, after_s: float = 0) -> None:
        due_ms = self.clock.now_ms() + int(after_s * 1000)

        async def fn(tx: Tx) -> None:
            self.queue.put(tx, (lane,), due_ms, value)

        await self.store.write(fn)

    async def _handle(self, row: Row, value: str) -> bool:
        self.seen.append(value)
        self.most = max(self.most, self.loop.running)
        if self.hold is not None:
            await self.hold.wait()
        full = self.verdict(value)

        async def fn(tx: Tx) -> None:
            assert await self.queue.get(tx, row) is not None, "handled twice"
            self.queue.delete(tx, row)
            if full:
                self.queue.put(tx, row.lane, self.clock.now_ms() + 5_000, value)

        await self.store.write(fn)
        return full

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.loop.idle()


MakeBench = Callable[..., Awaitable[Bench]]


@pytest.fixture(params=[MemoryStore, SlowStore])
async def make_bench(request: pytest.FixtureRequest) -> AsyncIterator[MakeBench]:
    made: list[Bench] = []

    async def make(total: int = 100, lane: int = 100, start: bool = True) -> Bench:
        made.append(Bench(request.param(rerun=Rerun(SeededIds(3))), total, lane))
        if start:
            made[-1].loop.start()
        return made[-1]

    yield make
    for bench in made:
        await bench.loop.stop(0)


async def turns(count: int = 50) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_rows_run_when_they_are_due_in_due_order(make_bench: MakeBench) -> None:
    bench = await make_bench()
    await bench.put("a", "third", 30)
    await bench.put("a", "first", 10)
    await bench.put("b", "second", 20)
    await bench.loop.idle()
    assert bench.seen == []
    assert bench.loop.next_ms() == bench.clock.now_ms() + 10_000
    for expected in (["first"], ["first", "second"], ["first", "second", "third"]):
        await bench.advance(10)
        assert bench.seen == expected


async def test_an_earlier_row_moves_the_alarm_forward(make_bench: MakeBench) -> None:
    bench = await make_bench()
    await bench.put("a", "late", 100)
    await bench.loop.idle()
    await bench.put("a", "early", 5)
    await bench.advance(5)
    assert bench.seen == ["early"]


async def test_no_more_than_the_limits_run_at_once(make_bench: MakeBench) -> None:
    bench = await make_bench(total=5, lane=3)
    bench.hold = asyncio.Event()
    for number in range(20):
        await bench.put("a", f"a{number}")
    await turns()
    assert bench.loop.running == 3
    for number in range(20):
        await bench.put("b", f"b{number}")
    await turns()
    assert bench.loop.running == 5
    assert bench.seen == ["a0", "a1", "a2", "b0", "b1"]
    bench.hold.set()
    await bench.loop.idle()
    assert bench.most <= 5
    assert sorted(bench.seen) == sorted([f"a{number}" for number in range(20)] + [f"b{number}" for number in range(20)])


async def test_a_backlog_of_one_lane_lets_the_others_have_their_turns(make_bench: MakeBench) -> None:
    bench = await make_bench(total=4, start=False)
    for number in range(300):
        await bench.put("a", f"a{number}")
    await bench.put("b", "b")
    bench.loop.start()
    await bench.loop.idle()
    assert len(bench.seen) == 301
    assert bench.seen.index("b") < 40


async def test_a_lane_without_room_narrows_and_widens_again(make_bench: MakeBench) -> None:
    bench = await make_bench(start=False)
    bench.verdict = lambda value: True
    for number in range(10):
        await bench.put("a", f"{number}")
    bench.loop.start()
    await bench.loop.idle()
    assert len(bench.seen) == 10
    await bench.put("a", "new")
    await turns()
    assert len(bench.seen) == 10  # it rests
    await bench.advance(PAUSE_MS / 1000)
    assert len(bench.seen) == 11  # one probe
    bench.verdict = lambda value: False
    await bench.advance(10)
    assert len(bench.seen) == 22
    assert bench.loop.next_ms() is None


async def test_a_handler_that_raises_is_tried_again_and_holds_up_nobody(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench = await make_bench()
    broken = True

    def verdict(value: str) -> bool:
        if value == "bad" and broken:
            raise RuntimeError("broken")
        return False

    bench.verdict = verdict
    with caplog.at_level(logging.ERROR):
        await bench.put("a", "bad")
        await bench.put("a", "good")
        await bench.loop.idle()
    assert "tried again" in caplog.text
    assert "good" in bench.seen
    broken = False
    await bench.advance(1)
    assert await bench.queue.next_lane(bench.store, None) is None


async def test_stop_cancels_what_does_not_end_and_a_new_loop_claims_it(make_bench: MakeBench) -> None:
    bench = await make_bench()
    bench.hold = asyncio.Event()
    await bench.put("a", "x")
    await turns()
    await bench.loop.stop(0)
    assert bench.loop.running == 0
    again = Bench(bench.store, 10, 10)
    again.loop.start()
    await again.loop.idle()
    assert again.seen == ["x"]
    await again.loop.stop(0)


async def test_stop_waits_for_what_ends(make_bench: MakeBench) -> None:
    bench = await make_bench()
    bench.hold = asyncio.Event()
    await bench.put("a", "x")
    await turns()
    stopping = asyncio.create_task(bench.loop.stop(10))
    await turns()
    assert not stopping.done()
    bench.hold.set()
    await stopping
    assert await bench.queue.next_lane(bench.store, None) is None


async def test_reset_drops_claims_and_lanes(make_bench: MakeBench) -> None:
    bench = await make_bench()
    bench.hold = asyncio.Event()
    await bench.put("a", "old")
    await bench.put("b", "later", 100)
    await turns()
    await bench.store.clear()
    bench.loop.reset()
    await bench.loop.idle()
    bench.hold = None
    await bench.put("a", "new")
    await bench.advance(200)
    assert bench.seen == ["old", "new"]


async def test_memory_holds_lanes_and_claims_only(make_bench: MakeBench) -> None:
    """Retries far ahead and many notices must not pile up on the agenda."""
    bench = await make_bench(total=3)
    await bench.put("a", "far", 3_600)
    for number in range(500):
        await bench.put("a", f"{number}")
        await bench.loop.idle()
    sizes: dict[str, Any] = vars(bench.loop)
    assert len(sizes["_lanes"]) == 1
    assert len(sizes["_agenda"]) <= 100
    assert not sizes["_claimed"]
    await bench.advance(3_600)
    assert not sizes["_lanes"]


async def test_lanes_of_before_the_start_are_found(make_bench: MakeBench) -> None:
    bench = await make_bench(start=False)
    for number in range(40):
        await bench.put(f"lane{number}", f"{number}", after_s=number % 3)
    bench.loop.start()
    await bench.advance(3)
    assert len(bench.seen) == 40


async def test_a_row_is_claimed_once_while_reads_lag_behind_commits(make_bench: MakeBench) -> None:
    """The handler asserts it; here many rows land and settle in the same moments."""
    bench = await make_bench(total=7, lane=5)
    await asyncio.gather(*(bench.put(f"lane{number % 3}", f"{number}") for number in range(200)))
    await bench.loop.idle()
    assert sorted(bench.seen, key=int) == [f"{number}" for number in range(200)]


async def test_rows_that_cannot_be_read_stop_nothing(make_bench: MakeBench, caplog: pytest.LogCaptureFixture) -> None:
    bench = await make_bench()
    numbers = LaneQueue("test", int)

    async def corrupt(tx: Tx) -> None:
        numbers.put(tx, ("bad",), bench.clock.now_ms(), 5)
        tx.after_commit(lambda: bench.queue.noticed(("bad",), bench.clock.now_ms()))  # type: ignore[misc]

    with caplog.at_level(logging.ERROR):
        await bench.store.write(corrupt)
        await bench.put("good", "x")
        await bench.loop.idle()
    assert bench.seen == ["x"]
    assert "could not be read" in caplog.text
