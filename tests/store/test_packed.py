from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import yobu.store.packed as module
from yobu.base.clock import FakeClock
from yobu.store import packfile
from yobu.store.packed import Packed

LOG = ("log", "000000000000", "/aws/lambda/f", "stream")


@pytest.fixture(params=[False, True], ids=["memory", "file"])
async def packed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Packed]:
    packed = await Packed.open(tmp_path / "packed.db" if request.param else None, FakeClock())
    yield packed
    await packed.close()


def fill(packed: Packed, stream: tuple[Any, ...], first: int, last: int) -> None:
    for number in range(first, last):
        packed.append(stream, b"%d" % number)


def items(first: int, last: int) -> list[tuple[int, bytes]]:
    return [(number, b"%d" % number) for number in range(first, last)]


async def test_items_come_back_flushed_or_not(packed: Packed) -> None:
    assert await packed.read(LOG) == []
    fill(packed, LOG, 0, 5)
    assert await packed.read(LOG) == items(0, 5)
    await packed.flush()
    assert await packed.read(LOG) == items(0, 5)
    fill(packed, LOG, 5, 8)
    assert await packed.read(LOG) == items(0, 8)
    assert packed.backlog == 3
    await packed.flush()
    assert packed.backlog == 0


async def test_parts_are_read_from_either_end(packed: Packed) -> None:
    for at in range(0, 300, 2):
        fill(packed, LOG, at, at + 2)
        await packed.flush()
    fill(packed, LOG, 300, 305)
    assert await packed.read(LOG, 7, 4) == items(7, 11)
    assert await packed.read(LOG, 1, 250) == items(1, 251)
    assert await packed.read(LOG, 298) == items(298, 305)
    assert await packed.read(LOG, 305) == await packed.read(LOG, limit=0) == []
    assert await packed.read(LOG, 10, end=13) == items(10, 13)
    assert await packed.read(LOG, limit=7, reverse=True) == items(298, 305)[::-1]
    assert await packed.read(LOG, reverse=True) == items(0, 305)[::-1]
    assert await packed.read(LOG, 290, reverse=True, end=299) == items(290, 299)[::-1]
    assert await packed.read(LOG, limit=3, reverse=True, end=100) == items(97, 100)[::-1]


async def test_streams_are_apart(packed: Packed) -> None:
    fill(packed, ("a",), 0, 3)
    fill(packed, ("a", "b"), 0, 2)
    await packed.flush()
    fill(packed, ("c",), 0, 1)
    assert await packed.read(("a",)) == items(0, 3)
    assert await packed.read(("a", "b")) == items(0, 2)
    assert await packed.read(("c",)) == items(0, 1)


async def test_drop_takes_the_streams_below(packed: Packed) -> None:
    for stream in (("a",), ("a", "b"), ("a", "c"), ("ab",)):
        fill(packed, stream, 0, 3)
    await packed.flush()
    fill(packed, ("a", "b"), 3, 5)
    fill(packed, ("ab",), 3, 5)
    await packed.drop(("a",))
    assert [await packed.read(stream) for stream in (("a",), ("a", "b"), ("a", "c"))] == [[], [], []]
    assert await packed.read(("ab",)) == items(0, 5)
    fill(packed, ("a", "b"), 0, 1)
    await packed.flush()
    assert await packed.read(("a", "b")) == items(0, 1)
    assert packed.backlog == 0


async def test_what_comes_during_a_drop_is_a_new_stream(packed: Packed) -> None:
    fill(packed, LOG, 0, 3)
    await packed.flush()
    dropping = asyncio.create_task(packed.drop(LOG[:2]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    fill(packed, LOG, 0, 2)
    await dropping
    await packed.flush()
    assert await packed.read(LOG) == items(0, 2)


@pytest.mark.parametrize("reverse", [False, True])
async def test_no_more_is_decoded_than_was_asked_for(
    packed: Packed, monkeypatch: pytest.MonkeyPatch, reverse: bool
) -> None:
    for first in range(0, 2_000, 100):
        fill(packed, LOG, first, first + 100)
        await packed.flush()
    decoded = []
    decode = packfile._decode

    def counted(value: bytes) -> list[bytes]:
        decoded.append(value)
        return decode(value)

    monkeypatch.setattr(packfile, "_decode", counted)
    assert len(await packed.read(LOG, 150, 120, reverse=reverse, end=1_850)) == 120
    assert len(decoded) <= 3


async def test_a_small_part_behind_a_large_pack_is_found_in_what_waits(packed: Packed) -> None:
    fill(packed, LOG, 0, 100)
    await packed.flush()
    assert await packed.read(LOG, 100, 5) == []
    fill(packed, LOG, 100, 103)
    assert await packed.read(LOG, 100, 2) == items(100, 102)
    assert await packed.read(LOG, 98, 4) == items(98, 102)
    assert await packed.read(LOG, 101, 5) == items(101, 103)


async def test_streams_are_named_flushed_or_not(packed: Packed) -> None:
    for name in (("usage", "2", "b"), ("usage", "1", "a"), ("usagex", "1"), LOG):
        fill(packed, name, 0, 1)
    assert packed.streams(("usage",)) == [("usage", "1", "a"), ("usage", "2", "b")]
    await packed.flush()
    fill(packed, ("usage", "1", "b"), 0, 1)
    assert packed.streams(("usage",)) == [("usage", "1", "a"), ("usage", "1", "b"), ("usage", "2", "b")]
    await packed.drop(("usage", "1"))
    assert packed.streams(("usage",)) == [("usage", "2", "b")]
    assert packed.streams(("none",)) == []


async def test_clear_drops_everything(packed: Packed) -> None:
    fill(packed, LOG, 0, 3)
    await packed.flush()
    fill(packed, ("other",), 0, 3)
    await packed.clear()
    assert await packed.read(LOG) == await packed.read(("other",)) == []


async def test_trim_keeps_the_sequence(tmp_path: Path) -> None:
    clock = FakeClock()
    packed = await Packed.open(tmp_path / "packed.db", clock)
    fill(packed, LOG, 0, 3)
    await packed.flush()
    clock.advance(60)
    fill(packed, LOG, 3, 5)
    await packed.flush()
    await packed.trim(LOG[:3], clock.now_ms())
    assert await packed.read(LOG) == items(3, 5)
    await packed.trim(LOG, clock.now_ms() + 1)
    assert await packed.read(LOG) == []
    await packed.close()
    packed = await Packed.open(tmp_path / "packed.db", clock)
    await packed.trim(LOG, clock.now_ms() + 1)
    fill(packed, LOG, 5, 7)
    assert await packed.read(LOG) == items(5, 7)
    await packed.flush()
    assert await packed.read(LOG) == items(5, 7)
    assert await packed.read(LOG, reverse=True) == items(5, 7)[::-1]
    await packed.close()


async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    fill(packed, LOG, 0, 3)
    await packed.close()
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    fill(packed, LOG, 3, 4)
    fill(packed, ("new",), 0, 1)
    assert await packed.read(LOG) == items(0, 4)
    assert await packed.read(("new",)) == items(0, 1)
    await packed.close()


async def test_a_crash_loses_no_more_than_the_last_flush(tmp_path: Path) -> None:
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    fill(packed, LOG, 0, 3)
    await packed.flush()
    fill(packed, LOG, 3, 5)
    shutil.copytree(tmp_path, tmp_path / "image")  # what a killed process leaves
    await packed.close()
    packed = await Packed.open(tmp_path / "image" / "packed.db", FakeClock())
    assert await packed.read(LOG) == items(0, 3)
    await packed.close()


async def test_it_is_flushed_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.001)
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    for first in (0, 3):
        fill(packed, LOG, first, first + 3)
        while packed.backlog:
            await asyncio.sleep(0)
    file = sqlite3.connect(tmp_path / "packed.db")
    assert file.execute("SELECT first, count FROM pack").fetchall() == [(0, 3), (3, 3)]
    file.close()
    await packed.close()


async def test_much_at_once_is_not_held_back(tmp_path: Path) -> None:
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    for _ in range(5):
        packed.append(LOG, bytes(1_000_000))
    while packed.backlog > 1_000_000:
        await asyncio.sleep(0)
    assert len(await packed.read(LOG)) == 5
    await packed.close()


async def test_thousands_of_streams_are_forgotten_and_found(packed: Packed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 10)
    for _ in range(2):
        for number in range(300):
            packed.append(("s", number), b"item")
        await packed.flush()
    assert len(packed._streams) <= 10
    for number in range(0, 300, 7):
        packed.append(("s", number), b"item")
        assert await packed.read(("s", number)) == [(0, b"item"), (1, b"item"), (2, b"item")]


async def test_who_waits_hears_of_the_stream_and_those_below(packed: Packed) -> None:
    exact, above, other = packed.wait(LOG), packed.wait(LOG[:3]), asyncio.ensure_future(packed.wait(("other",)))
    packed.append(LOG, b"item")
    await asyncio.gather(exact, above)
    assert not other.done()
    other.cancel()


async def test_a_cancelled_flush_goes_on(tmp_path: Path) -> None:
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    fill(packed, LOG, 0, 3)
    flush = asyncio.create_task(packed.flush())
    await asyncio.sleep(0)
    flush.cancel()
    fill(packed, LOG, 3, 5)
    await packed.flush()
    assert await packed.read(LOG) == items(0, 5)
    await packed.close()


async def test_a_failed_flush_is_tried_again_up_to_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*arguments: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(module, "FLUSH_S", 60)
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    with monkeypatch.context() as context:
        context.setattr(packed._file, "write", broken)
        fill(packed, LOG, 0, 3)
        await packed.flush()
        assert await packed.read(LOG) == items(0, 3)
    await packed.flush()
    assert packed.backlog == 0
    with monkeypatch.context() as context:
        context.setattr(packed._file, "write", broken)
        context.setattr(module, "MOST_BYTES", 10)
        fill(packed, LOG, 3, 30)
        await packed.flush()
    assert packed.backlog == 0
    assert "27 items are lost" in caplog.text
    assert await packed.read(LOG) == items(0, 3)
    await packed.close()


async def test_thousands_of_streams_share_one_commit(tmp_path: Path) -> None:
    packed = await Packed.open(tmp_path / "packed.db", FakeClock())
    commits: list[str] = []
    packed._file._writer.set_trace_callback(lambda sql: commits.append(sql) if "COMMIT" in sql else None)
    for number in range(2_000):
        packed.append(("s", number), b"x" * 100)
    await packed.flush()
    packed._file._writer.set_trace_callback(None)
    assert len(commits) == 1
    await packed.close()


steps = st.lists(st.tuples(st.sampled_from(["append", "append", "flush", "drop"]), st.integers(0, 2)), max_size=40)


@settings(max_examples=40, deadline=None)
@given(steps, st.integers(0, 12), st.integers(0, 12), st.integers(0, 12))
def test_it_agrees_with_lists(steps: list[tuple[str, int]], start: int, end: int, limit: int) -> None:
    async def compare() -> None:
        packed = await Packed.open(None, FakeClock())
        model: dict[int, list[tuple[int, bytes]]] = {0: [], 1: [], 2: []}
        for number, (step, stream) in enumerate(steps):
            if step == "append":
                packed.append(("s", stream), b"%d" % number)
                model[stream].append((len(model[stream]), b"%d" % number))
            elif step == "flush":
                await packed.flush()
            else:
                await packed.drop(("s", stream))
                model[stream] = []
        for stream, expected in model.items():
            inside = [pair for pair in expected if start <= pair[0] < end]
            assert await packed.read(("s", stream), start, limit, end=end) == inside[:limit]
            assert await packed.read(("s", stream), start, limit, True, end) == inside[::-1][:limit]
        await packed.close()

    asyncio.run(compare())
