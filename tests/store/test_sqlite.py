"""What is particular to the SQLite engine: batches, the commit thread, snapshots, and what lies in the file."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

import yobu.store.snapshots as snapshots
from yobu.base.errors import YobuError
from yobu.store.port import Range, Reader, StoreClosed, StoreFull, Tx
from yobu.store.sqlite import SqliteStore, commit

EVERYTHING = Range(b"\x00", b"\xff")


class Gate:
    """A commit that waits in its thread until it is told to go on, and fails where it is told to."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.go = threading.Event()
        self.error: sqlite3.Error | None = None

    def __call__(self, writer: sqlite3.Connection) -> None:
        self.entered.set()
        assert self.go.wait(10)
        if self.error is not None:
            raise self.error
        commit(writer)

    async def reached(self) -> None:
        await asyncio.to_thread(self.entered.wait, 10)
        self.entered.clear()


def disk_error(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error" if "IOERR" in name else "database or disk is full")
    error.sqlite_errorcode = {"SQLITE_IOERR_FSYNC": 1034, "SQLITE_FULL": 13, "SQLITE_IOERR_SHMSIZE": 4874}[name]
    return error


async def put(store: SqliteStore, key: bytes, value: bytes = b"v") -> bytes:
    async def fn(tx: Tx) -> bytes:
        tx.put(key, value)
        return key

    return await store.write(fn)


async def test_nothing_is_seen_before_its_commit(tmp_path: Path) -> None:
    gate = Gate()
    store = await SqliteStore.open(tmp_path / "s.db", commit=gate)
    hooks: list[bytes] = []

    async def fails(tx: Tx) -> None:
        # What it read is not durable: its failure must not be told either.
        raise LookupError(await tx.get(b"k"))

    async def hooked(tx: Tx) -> None:
        tx.after_commit(lambda: hooks.append(b"called"))

    writes = [
        asyncio.create_task(put(store, b"k")),
        asyncio.create_task(store.write(fails)),
        asyncio.create_task(store.write(hooked)),
    ]
    await gate.reached()
    assert await store.get(b"k") is None
    assert await store.scan(EVERYTHING) == []
    assert not any(write.done() for write in writes)
    assert hooks == []
    gate.go.set()
    first, second, _ = await asyncio.gather(*writes, return_exceptions=True)
    assert first == b"k"
    assert repr(second) == repr(LookupError(b"v"))
    assert hooks == [b"called"]
    assert store.commits == 1
    await store.close()


async def test_what_arrives_during_a_commit_shares_the_next_one(tmp_path: Path) -> None:
    gate = Gate()
    store = await SqliteStore.open(tmp_path / "s.db", commit=gate)
    first = asyncio.create_task(put(store, b"first"))
    await gate.reached()
    others = [asyncio.create_task(put(store, b"%d" % number)) for number in range(50)]
    await asyncio.sleep(0)
    gate.go.set()
    await asyncio.gather(first, *others)
    assert store.commits == 2
    await store.close()


@pytest.mark.parametrize("name", ["SQLITE_IOERR_FSYNC"])
async def test_a_failed_commit_stops_the_store(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    gate, failures = Gate(), []
    store = await SqliteStore.open(tmp_path / "s.db", commit=gate, on_failure=failures.append)
    gate.error = disk_error(name)
    batch = [asyncio.create_task(put(store, b"%d" % number)) for number in range(3)]
    await gate.reached()
    waiting = asyncio.create_task(put(store, b"waiting"))
    await asyncio.sleep(0)
    gate.go.set()
    outcomes = await asyncio.gather(*batch, waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreClosed] * 4
    assert "disk I/O error" in str(outcomes[0])
    assert [str(failure) for failure in failures] == ["disk I/O error"]
    with pytest.raises(StoreClosed, match="stopped"):
        await put(store, b"later")
    assert await store.scan(EVERYTHING) == []
    await store.close()
    assert "the store is stopped" in caplog.text


@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"])
async def test_a_full_disk_fails_the_batch_and_no_more(tmp_path: Path, name: str) -> None:
    gate = Gate()
    store = await SqliteStore.open(tmp_path / "s.db", commit=gate)
    gate.error = disk_error(name)
    gate.go.set()
    outcomes = await asyncio.gather(put(store, b"a"), put(store, b"b"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreFull, StoreFull]
    gate.error = None
    await put(store, b"c")
    assert await store.scan(EVERYTHING) == [(b"c", b"v")]
    await store.close()


async def test_a_function_cannot_hide_that_sqlite_failed(tmp_path: Path) -> None:
    """The cache is small and the file may not grow, so that the failure comes in the middle of the function."""

    def limited(writer: sqlite3.Connection) -> None:
        commit(writer)
        writer.executescript("PRAGMA max_page_count = 20; PRAGMA cache_size = 1;")

    store = await SqliteStore.open(tmp_path / "s.db", commit=limited)
    await put(store, b"first")
    failures: list[Exception] = []

    async def stubborn(tx: Tx) -> str:
        for number in range(50):
            try:
                tx.put(b"%d" % number, b"v" * 3_000)
            except (sqlite3.Error, RuntimeError) as error:
                failures.append(error)
        return "done"

    outcomes = await asyncio.gather(put(store, b"before"), store.write(stubborn), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreFull, StoreFull]
    assert isinstance(failures[0], sqlite3.OperationalError)
    assert all("over" in str(error) for error in failures[1:]) and len(failures) > 1
    assert await store.scan(EVERYTHING) == [(b"first", b"v")]
    await store.close()


async def test_a_caller_that_goes_away_takes_nothing_with_it(tmp_path: Path) -> None:
    gate = Gate()
    store = await SqliteStore.open(tmp_path / "s.db", commit=gate)
    committing = asyncio.create_task(put(store, b"committing"))
    await gate.reached()
    waiting = asyncio.create_task(put(store, b"waiting"))
    other = asyncio.create_task(put(store, b"other"))
    await asyncio.sleep(0)
    committing.cancel()
    waiting.cancel()
    gate.go.set()
    await other
    assert committing.cancelled() and waiting.cancelled()
    # What had run is committed; what had not begun never runs.
    assert [key for key, _ in await store.scan(EVERYTHING)] == [b"committing", b"other"]
    await store.close()


async def test_close_finishes_what_was_taken(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")
    writes = [asyncio.create_task(put(store, b"%d" % number)) for number in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*writes)) == 20


async def test_reads_alone_need_no_sync(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")
    await put(store, b"k")

    async def look(tx: Tx) -> bytes | None:
        return await tx.get(b"k")

    assert await asyncio.gather(*(store.write(look) for _ in range(5))) == [b"v"] * 5
    assert store.commits == 1
    await store.close()


async def test_stamps_ascend_over_restarts(tmp_path: Path) -> None:
    async def stamp(tx: Tx) -> int:
        return tx.stamp()

    stamps: list[int] = []
    for _ in range(3):
        store = await SqliteStore.open(tmp_path / "s.db")
        stamps += [await store.write(stamp) for _ in range(3)]
        await store.clear()
        stamps.append(await store.write(stamp))
        await store.close()
    assert stamps == sorted(set(stamps))


async def test_stamps_ascend_over_a_failed_commit_and_a_restart(tmp_path: Path) -> None:
    async def stamp(tx: Tx) -> int:
        tx.put(b"k", b"v")
        return tx.stamp()

    gate = Gate()
    gate.go.set()
    store = await SqliteStore.open(tmp_path / "s.db", commit=gate)
    first = await store.write(stamp)
    gate.error = disk_error("SQLITE_FULL")
    with pytest.raises(StoreFull):
        await store.write(stamp)
    gate.error = None
    second = await store.write(stamp)
    await store.close()
    store = await SqliteStore.open(tmp_path / "s.db")
    assert first < second < await store.write(stamp)
    await store.close()


async def test_large_values_leave_nothing_behind(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")
    for _ in range(3):
        for key in (b"a", b"b", b"c"):
            await put(store, key, b"L" * 2_000)
    await put(store, b"a", b"small")

    async def fn(tx: Tx) -> None:
        tx.delete(b"b")

    await store.write(fn)
    await store.close()
    file = sqlite3.connect(tmp_path / "s.db")
    assert file.execute("SELECT count(*) FROM big").fetchone() == (1,)
    assert file.execute("SELECT k, typeof(v) FROM kv").fetchall() == [(b"a", "blob"), (b"c", "integer")]
    file.close()


async def test_a_replaced_large_value_is_never_mixed_up(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")
    done = asyncio.Event()

    async def change() -> None:
        for number in range(150):
            await put(store, b"%d" % (number % 3), b"%d" % (number % 3) * 3_000)
        done.set()

    writing = asyncio.create_task(change())
    while not done.is_set():
        for key in (b"0", b"1", b"2"):
            value = await store.get(key)
            assert value in (None, key * 3_000)
        await asyncio.sleep(0)
    await writing
    await store.close()


async def test_a_snapshot_has_a_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "SNAPSHOT_S", 0.01)
    store = await SqliteStore.open(tmp_path / "s.db")

    async def forever(read: Reader) -> None:
        await read.get(b"k")
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await store.read(forever)
    await put(store, b"k")
    assert await store.read(lambda read: read.get(b"k")) == b"v"
    await store.close()


async def test_long_reads_let_others_run(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")

    async def fill(tx: Tx) -> None:
        for number in range(2_000):
            tx.put(b"%06d" % number, b"v" * 500)

    await store.write(fill)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def long(read: Reader) -> int:
        return sum([len(await read.scan(EVERYTHING)) for _ in range(20)])

    counting = asyncio.create_task(count())
    assert await store.read(long) == 20_000
    assert turns > 3
    counting.cancel()
    await store.close()


async def test_more_snapshots_than_connections_take_turns(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")
    await put(store, b"k")
    open_now = most = 0

    async def look(read: Reader) -> bytes | None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        open_now -= 1
        return await read.get(b"k")

    assert await asyncio.gather(*(store.read(look) for _ in range(20))) == [b"v"] * 20
    assert most == snapshots.SNAPSHOTS
    await store.close()
    with pytest.raises(StoreClosed):
        await store.read(look)


async def test_another_programs_lock_is_waited_for(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    write = asyncio.create_task(put(store, b"k"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not write.done()
    other.execute("ROLLBACK")
    other.close()
    assert await write == b"k"
    await store.close()


async def test_the_file_is_set_up_as_designed(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path / "s.db")
    await put(store, b"k")
    await store.close()
    file = sqlite3.connect(tmp_path / "s.db")
    assert file.execute("PRAGMA page_size").fetchone() == (4096,)
    assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert file.execute("PRAGMA quick_check").fetchone() == ("ok",)
    file.close()


async def test_what_is_no_store_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_bytes(b"not a database" * 1_000)
    with pytest.raises(YobuError, match=r"s\.db cannot be opened"):
        await SqliteStore.open(tmp_path / "s.db")
    with pytest.raises(YobuError, match="cannot be opened"):
        await SqliteStore.open(tmp_path / "missing" / "s.db")
