from __future__ import annotations

import asyncio
import os
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from yobu.base.clock import FakeClock
from yobu.base.ids import SeededIds
from yobu.store.blobs import DELETE_AFTER_MS, Blobs
from yobu.store.drafts import BUFFER
from yobu.store.memory import MemoryStore
from yobu.store.port import StoreFull, Tx
from yobu.store.space import Space


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        self.clock = FakeClock()
        self.ids = SeededIds(1)
        self.blobs: Blobs

    async def open(self) -> Blobs:
        self.blobs = await Blobs.open(self.folder, self.store, self.clock, self.ids)
        return self.blobs

    async def write(self, call: Callable[[Tx, str], None], blob_id: str) -> None:
        async def fn(tx: Tx) -> None:
            call(tx, blob_id)

        await self.store.write(fn)

    def files(self) -> set[str]:
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "blobs")
    await bench.open()
    yield bench
    await bench.blobs.stop()


async def read(blobs: Blobs, blob_id: str, **options: int) -> bytes:
    return b"".join([chunk async for chunk in blobs.read(blob_id, **options)])


async def chunks(*data: bytes) -> AsyncIterator[bytes]:
    for chunk in data:
        yield chunk


@pytest.mark.parametrize("size", [0, 1, 100_000, BUFFER, 3 * BUFFER + 7])
async def test_a_body_comes_back(bench: Bench, size: int) -> None:
    data = os.urandom(size)
    blob = await bench.blobs.add(data)
    assert blob.size == size
    assert await bench.blobs.load(blob.id) == await read(bench.blobs, blob.id) == data
    pieces = await bench.blobs.add(chunks(*(data[at : at + 65_536] for at in range(0, size, 65_536))))
    assert await bench.blobs.load(pieces.id) == data
    assert bench.blobs.path(blob.id) == bench.folder / blob.id[:2] / blob.id
    assert len(blob.id) == 32 and blob.id != pieces.id


async def test_parts_are_read(bench: Bench) -> None:
    blob = await bench.blobs.add(b"0123456789")
    assert await read(bench.blobs, blob.id, start=3) == b"3456789"
    assert await read(bench.blobs, blob.id, start=3, end=5) == b"34"
    assert await read(bench.blobs, blob.id, start=3, end=500) == b"3456789"
    assert await read(bench.blobs, blob.id, start=10) == await read(bench.blobs, blob.id, start=4, end=4) == b""
    assert [chunk async for chunk in bench.blobs.read(blob.id, 1, 8, chunk=3)] == [b"123", b"456", b"7"]


async def test_a_missing_body_is_said_so(bench: Bench) -> None:
    with pytest.raises(FileNotFoundError):
        await bench.blobs.load("00" * 16)
    with pytest.raises(FileNotFoundError):
        await read(bench.blobs, "00" * 16)


async def test_what_is_not_finished_leaves_nothing(bench: Bench) -> None:
    class HungUp(Exception):
        pass

    async def half() -> AsyncIterator[bytes]:
        yield b"x" * (2 * BUFFER)
        raise HungUp

    with pytest.raises(HungUp):
        await bench.blobs.add(half())
    async with await bench.blobs.draft() as draft:
        await draft.write(b"x" * (3 * BUFFER))
    draft = await bench.blobs.draft()
    await draft.write(b"x")
    await draft.abandon()
    assert bench.files() == set()


async def test_a_cancelled_upload_leaves_nothing(bench: Bench) -> None:
    uploads = [bench.blobs.add(chunks(*(b"x" * (BUFFER // 2) for _ in range(8)))) for _ in range(14)]
    for number, task in enumerate([asyncio.ensure_future(upload) for upload in uploads]):
        for _ in range(number * 3):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            await bench.blobs.discard(task.result().id)
    await bench.blobs.stop()
    assert bench.files() == set()


async def test_finishing_syncs_the_file_then_the_folder(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, link = os.fsync, os.link

    def noted_fsync(number: int) -> None:
        target = os.readlink(f"/proc/self/fd/{number}")
        steps.append(f"sync {Path(target).relative_to(bench.folder)}")
        fsync(number)

    def noted_link(source: Path, target: Path) -> None:
        steps.append(f"link {target.relative_to(bench.folder)}")
        link(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "link", noted_link)
    blob = await bench.blobs.add(b"data")
    first = blob.id[:2]
    assert steps == [f"sync drafts/{blob.id}", "sync .", f"link {first}/{blob.id}", f"sync {first}"]


async def test_a_kept_body_loses_its_drafts_name(bench: Bench) -> None:
    blobs = [await bench.blobs.add(b"data") for _ in range(3)]
    assert len(bench.files()) == 6
    for blob in blobs:
        await bench.write(bench.blobs.keep, blob.id)
    await asyncio.sleep(0)
    await bench.blobs.stop()
    assert bench.files() == {f"{blob.id[:2]}/{blob.id}" for blob in blobs}


async def test_a_start_sweeps_what_a_crash_left(bench: Bench) -> None:
    kept = await bench.blobs.add(b"kept")
    orphan = await bench.blobs.add(b"orphan")
    half = await bench.blobs.draft()
    await half.write(b"h" * (BUFFER * 2))
    await half.write(b"h" * (BUFFER * 2))

    async def keep(tx: Tx) -> None:
        Space(("blob",), int).put(tx, (kept.id,), 1)  # as `keep` does; then the crash

    await bench.store.write(keep)
    assert len(bench.files()) == 5
    crashed = bench.blobs
    blobs = await bench.open()
    assert bench.files() == {f"{kept.id[:2]}/{kept.id}"}
    assert await blobs.load(kept.id) == b"kept"
    with pytest.raises(FileNotFoundError):
        await blobs.load(orphan.id)
    await half.abandon()
    await crashed.stop()


async def test_a_disk_without_hard_links_will_do(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(source: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    kept, orphan = await bench.blobs.add(b"kept"), await bench.blobs.add(b"orphan")
    assert await bench.blobs.load(orphan.id) == b"orphan"
    await bench.write(bench.blobs.keep, kept.id)
    await asyncio.sleep(0)
    await bench.blobs.stop()
    await bench.open()
    assert bench.files() == {f"{kept.id[:2]}/{kept.id}"}
    assert await bench.blobs.load(kept.id) == b"kept"


async def test_a_released_body_is_deleted_a_little_later(bench: Bench) -> None:
    bench.blobs.start()
    blob = await bench.blobs.add(b"data")
    await bench.write(bench.blobs.keep, blob.id)
    await bench.write(bench.blobs.release, blob.id)
    await bench.blobs.idle()
    assert await bench.blobs.load(blob.id) == b"data"
    bench.clock.advance(DELETE_AFTER_MS / 1000)
    await bench.blobs.idle()
    assert bench.files() == set()
    assert await bench.store.scan(Space(("blob",), int).range()) == []


async def test_a_deletion_survives_a_restart(bench: Bench) -> None:
    blob = await bench.blobs.add(b"data")
    await bench.write(bench.blobs.keep, blob.id)
    await bench.write(bench.blobs.release, blob.id)
    await asyncio.sleep(0)
    await bench.blobs.stop()
    bench.clock.advance(60)
    blobs = await bench.open()
    blobs.start()
    await blobs.idle()
    assert bench.files() == set()


async def test_a_reader_is_not_disturbed_by_a_deletion(bench: Bench) -> None:
    blob = await bench.blobs.add(b"a" * 10 + b"b" * 10)
    reading = bench.blobs.read(blob.id, chunk=10)
    assert await anext(reading) == b"a" * 10
    await bench.blobs.discard(blob.id)
    assert await anext(reading) == b"b" * 10
    assert [chunk async for chunk in reading] == []


async def test_readers_that_go_away_close_their_files(bench: Bench) -> None:
    blob = await bench.blobs.add(b"x" * 100_000)
    for turns in range(6):
        reading = bench.blobs.read(blob.id, chunk=10)
        task = asyncio.ensure_future(anext(reading))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        await reading.aclose()
    await bench.blobs.stop()
    numbers = os.listdir("/proc/self/fd")
    targets = [
        os.readlink(f"/proc/self/fd/{number}") for number in numbers if os.path.exists(f"/proc/self/fd/{number}")
    ]
    assert not [target for target in targets if blob.id in target]


async def test_a_full_disk_is_said_so_and_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(number: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StoreFull):
        await bench.blobs.add(b"x" * 100)
    with pytest.raises(StoreFull):
        await bench.blobs.add(chunks(*(b"x" * BUFFER for _ in range(4))))
    monkeypatch.undo()
    assert bench.files() == set()


async def test_a_failed_sync_is_raised_and_leaves_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(number: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        await bench.blobs.add(b"x" * 100)
    monkeypatch.undo()
    assert bench.files() == set()


async def test_a_large_body_needs_little_memory(bench: Bench) -> None:
    """In full: what is gathered, what is on its way to the disk, and its copy; whatever the body's size."""
    piece = bytes(65_536)
    tracemalloc.start()
    blob = await bench.blobs.add(chunks(*(piece for _ in range(512))))
    size = 0
    async for chunk in bench.blobs.read(blob.id):
        size += len(chunk)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size == 32 * BUFFER
    assert most < 5 * BUFFER


async def test_clear_deletes_everything_and_the_folder_works_on(bench: Bench) -> None:
    blob = await bench.blobs.add(b"data")
    await bench.write(bench.blobs.keep, blob.id)
    await bench.blobs.add(b"not kept")
    await bench.store.clear()
    await bench.blobs.clear()
    assert bench.files() == set()
    again = await bench.blobs.add(b"again")
    assert await bench.blobs.load(again.id) == b"again"
