from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest
import uvloop

from yobu.base.clock import Clock
from yobu.store.handover import GiveWay, WorkThread
from yobu.store.port import Tx
from yobu.store.sqlite import SqliteStore


async def test_the_loop_stands_still_only_while_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    way = GiveWay()
    stood = asyncio.Event()
    monkeypatch.setattr(way, "_stand_still", stood.set)
    first, second = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()
    waits = [asyncio.ensure_future(way.wait(first)), asyncio.ensure_future(way.wait(second))]
    await asyncio.sleep(0)
    await asyncio.wait_for(stood.wait(), 5)
    first.set_result("first")
    second.set_exception(LookupError("second"))
    outcomes = await asyncio.gather(*waits, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["first", "second"]
    assert way._timer is None


@pytest.mark.parametrize("see_it_begin", [False, True])
async def test_work_is_done_in_the_thread_and_told_on_the_loop(see_it_begin: bool) -> None:
    told: asyncio.Queue[tuple[Exception | None, int]] = asyncio.Queue()
    threads: list[int] = []
    thread = WorkThread("test", lambda error: told.put_nowait((error, threading.get_ident())))

    def fail() -> None:
        threads.append(threading.get_ident())
        raise LookupError("mine")

    thread.run(lambda: threads.append(threading.get_ident()), see_it_begin=see_it_begin)
    assert thread.busy
    assert await told.get() == (None, threading.get_ident())
    assert not thread.busy
    thread.run(fail, see_it_begin=see_it_begin)
    error, _ = await told.get()
    assert isinstance(error, LookupError)
    assert len(set(threads)) == 1 and threads[0] != threading.get_ident()
    await thread.end()
    await thread.end()


def test_a_loop_that_never_rests_does_not_starve_commits(tmp_path: Path) -> None:
    """Without giving way, a single commit took 2 to 14 s here."""

    async def burn() -> None:
        clock = Clock()
        while True:
            end = clock.elapsed() + 0.0005
            while clock.elapsed() < end:
                pass
            await asyncio.sleep(0)

    async def main() -> float:
        store = await SqliteStore.open(tmp_path / "s.db")
        burning = asyncio.create_task(burn())

        async def fn(tx: Tx) -> None:
            tx.put(b"%d" % tx.stamp(), b"v")

        begun = Clock().elapsed()
        for _ in range(20):
            await store.write(fn)
        await asyncio.gather(*(store.write(fn) for _ in range(200)))
        took = Clock().elapsed() - begun
        burning.cancel()
        await store.close()
        return took

    assert uvloop.run(main()) < 2
