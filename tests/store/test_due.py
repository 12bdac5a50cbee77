from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from yobu.base.clock import FakeClock
from yobu.store.due import MAX_BACKING_OFF, DueLoop, DueQueue
from yobu.store.memory import MemoryStore
from yobu.store.port import Range, Store, Tx
from yobu.store.sqlite import SqliteStore


class Bench:
    """A queue over a store, a clock that stands still, and what its handler has seen."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock()
        self.queue: DueQueue[str] = DueQueue("test", str)
        self.seen: list[str] = []
        self.running = self.most = 0
        self.loops: list[DueLoop[str]] = []

    def loop(self, limit: int = 4, handler: Callable[[bytes, str], Awaitable[None]] | None = None) -> DueLoop[str]:
        loop = DueLoop(self.store, self.clock, self.queue, handler or self.handle, limit)
        self.loops.append(loop)
        loop.start()
        return loop

    async def put(self, *values: str, in_ms: int = 0) -> list[bytes]:
        async def fn(tx: Tx) -> list[bytes]:
            return [self.queue.put(tx, self.clock.now_ms() + in_ms, value) for value in values]

        return await self.store.write(fn)

    async def settle(self, row: bytes) -> None:
        async def fn(tx: Tx) -> None:
            self.queue.delete(tx, row)

        await self.store.write(fn)

    async def handle(self, row: bytes, value: str) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.seen.append(value)
        await self.settle(row)
        self.running -= 1


@pytest.fixture(params=["memory", "sqlite"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    store: Store = MemoryStore() if request.param == "memory" else await SqliteStore.open(tmp_path / "s.db")
    bench = Bench(store)
    yield bench
    for loop in bench.loops:
        await loop.stop(0)
    await store.close()


async def test_rows_are_read_in_due_order(bench: Bench) -> None:
    await bench.put("late", in_ms=2_000)
    await bench.put("soon", in_ms=1_000)
    (row,) = await bench.put("now")
    now = bench.clock.now_ms()
    assert [value for _, value in await bench.queue.due(bench.store, now)] == ["now"]
    assert [value for _, value in await bench.queue.due(bench.store, now + 2_000)] == ["now", "soon", "late"]
    assert [value for _, value in await bench.queue.due(bench.store, now + 2_000, 1)] == ["now"]
    assert await bench.queue.next_due(bench.store) == now == bench.queue.due_ms(row)
    assert await bench.queue.get(bench.store, row) == "now"
    await bench.settle(row)
    assert await bench.queue.get(bench.store, row) is None
    assert await bench.queue.next_due(bench.store) == now + 1_000


async def test_an_empty_queue_has_no_next(bench: Bench) -> None:
    assert await bench.queue.next_due(bench.store) is None
    assert await bench.queue.due(bench.store, 2**50) == []


async def test_the_loop_runs_what_is_due_when_it_is_due(bench: Bench) -> None:
    await bench.put("before the start")
    loop = bench.loop()
    await loop.idle()
    await bench.put("now")
    await bench.put("in 5 s", in_ms=5_000)
    await bench.put("in 3 s", in_ms=3_000)
    await loop.idle()
    assert bench.seen == ["before the start", "now"]
    bench.clock.advance(2.999)
    await loop.idle()
    assert bench.seen == ["before the start", "now"]
    bench.clock.advance(0.001)
    await loop.idle()
    assert bench.seen[2:] == ["in 3 s"]
    bench.clock.advance(3600)
    await loop.idle()
    assert bench.seen[3:] == ["in 5 s"]
    assert await bench.queue.next_due(bench.store) is None


async def test_it_wakes_by_itself(bench: Bench) -> None:
    """Without `idle`, which looks: by a row that lands, and by the clock."""
    ran = asyncio.Event()

    async def handle(row: bytes, value: str) -> None:
        await bench.settle(row)
        ran.set()

    loop = bench.loop(handler=handle)
    await loop.idle()
    await bench.put("now")
    await asyncio.wait_for(ran.wait(), 5)
    ran.clear()
    await bench.put("later", in_ms=1_000)
    await loop.idle()
    bench.clock.advance(1)
    await asyncio.wait_for(ran.wait(), 5)


async def test_no_more_than_the_limit_run_at_once(bench: Bench) -> None:
    loop = bench.loop(limit=3)
    await bench.put(*(f"{number}" for number in range(50)))
    await loop.idle()
    assert bench.seen == [f"{number}" for number in range(50)]
    assert bench.most == 3


async def test_a_row_in_the_past_is_not_passed_over(bench: Bench) -> None:
    gate = asyncio.Event()

    async def handle(row: bytes, value: str) -> None:
        bench.seen.append(value)
        if value == "slow":
            await gate.wait()
        await bench.settle(row)

    loop = bench.loop(handler=handle)
    await bench.put("slow", "quick")
    await bench.put("from yesterday", in_ms=-86_400_000)
    await bench.put("another", in_ms=-1)
    while len(bench.seen) < 4:
        await asyncio.sleep(0)
    gate.set()
    await loop.idle()
    assert sorted(bench.seen) == ["another", "from yesterday", "quick", "slow"]


async def test_a_failure_is_tried_again_later_and_later(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def handle(row: bytes, value: str) -> None:
        bench.seen.append(value)
        if len(bench.seen) < 4:
            raise LookupError("not yet")
        await bench.settle(row)

    loop = bench.loop(handler=handle)
    await bench.put("row")
    await loop.idle()
    for wait, count in ((0.9, 1), (0.1, 2), (1.9, 2), (0.1, 3), (3.9, 3), (0.1, 4), (1000, 4)):
        bench.clock.advance(wait)
        await loop.idle()
        assert len(bench.seen) == count
    assert caplog.text.count("not yet") >= 3
    assert await bench.queue.next_due(bench.store) is None


async def test_a_row_that_is_left_is_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def handle(row: bytes, value: str) -> None:
        bench.seen.append(value)
        if len(bench.seen) == 2:
            await bench.settle(row)

    loop = bench.loop(handler=handle)
    await bench.put("row")
    await loop.idle()
    assert "left its row unsettled" in caplog.text
    bench.clock.advance(1)
    await loop.idle()
    assert bench.seen == ["row", "row"]


async def test_a_failing_row_does_not_hold_up_others(bench: Bench) -> None:
    async def handle(row: bytes, value: str) -> None:
        if value == "bad":
            raise LookupError
        await bench.handle(row, value)

    loop = bench.loop(limit=1, handler=handle)
    await bench.put("bad", "good", "good")
    await loop.idle()
    assert bench.seen == ["good", "good"]


async def test_memory_of_failing_rows_is_bounded(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")

    async def handle(row: bytes, value: str) -> None:
        bench.seen.append(value)
        raise LookupError

    loop = bench.loop(limit=100, handler=handle)
    await bench.put(*("row" for _ in range(MAX_BACKING_OFF * 2)))
    await loop.idle()
    assert MAX_BACKING_OFF <= len(bench.seen) < MAX_BACKING_OFF + 100


async def test_a_row_settled_by_another_is_not_run_again(bench: Bench) -> None:
    async def handle(row: bytes, value: str) -> None:
        bench.seen.append(value)
        raise LookupError

    loop = bench.loop(handler=handle)
    (row,) = await bench.put("row")
    await loop.idle()
    await bench.settle(row)
    bench.clock.advance(60)
    await loop.idle()
    assert bench.seen == ["row"]


async def test_stop_waits_then_cancels_and_a_start_claims_again(bench: Bench) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def handle(row: bytes, value: str) -> None:
        bench.seen.append(value)
        begun.set()
        await gate.wait()
        await bench.settle(row)

    loop = bench.loop(handler=handle)
    await bench.put("row")
    await begun.wait()
    await loop.stop(0)
    assert await bench.queue.next_due(bench.store) is not None
    begun.clear()
    loop.start()
    await begun.wait()
    stopping = asyncio.create_task(loop.stop(30))
    await asyncio.sleep(0)
    gate.set()
    await stopping
    assert bench.seen == ["row", "row"]
    assert await bench.queue.next_due(bench.store) is None


async def test_reset_forgets_what_was_claimed(bench: Bench) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def handle(row: bytes, value: str) -> None:
        bench.seen.append(value)
        if value == "old":
            begun.set()
            await gate.wait()
        await bench.settle(row)

    loop = bench.loop(limit=1, handler=handle)
    await bench.put("old")
    await begun.wait()
    await bench.store.clear()
    loop.reset()
    await bench.put("new", in_ms=-5_000)
    await loop.idle()
    assert bench.seen == ["old", "new"]


async def test_a_failing_scan_is_tried_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(range: Range, limit: int = 1, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        raise OSError("not now")

    monkeypatch.setattr(bench.store, "scan", broken)
    loop = bench.loop()
    await bench.put("row")
    monkeypatch.undo()
    bench.clock.advance(1)
    await loop.idle()
    assert bench.seen == ["row"]


async def test_a_long_backlog_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many rows claimed, rows are neither all held in memory nor scanned again and again."""
    bench = Bench(MemoryStore())
    read = 0
    scan = bench.store.scan

    async def counted(range: Range, limit: int = 1_000, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        nonlocal read
        found = await scan(range, limit, reverse=reverse)
        read += len(found)
        return found

    monkeypatch.setattr(bench.store, "scan", counted)
    for _ in range(4):
        await bench.put(*(f"{number}" for number in range(1_000)))
    loop = bench.loop(limit=200)
    await loop.idle()
    assert len(bench.seen) == 4_000
    assert read < 10_000
    await loop.stop(1)
