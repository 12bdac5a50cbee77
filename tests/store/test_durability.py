"""What was acknowledged is there: after kill -9, with a failing disk, on a full one. The sync precedes the reply."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from yobu.store.port import Range, StoreFull, Tx
from yobu.store.sqlite import SqliteStore

CHILD = str(Path(__file__).with_name("writer_child.py"))
STRACE = shutil.which("strace")


def traceable() -> bool:
    return STRACE is not None and subprocess.run([STRACE, "-o", "/dev/null", "true"], check=False).returncode == 0


needs_strace = pytest.mark.skipif(not traceable(), reason="strace cannot trace here")


def child(path: Path, writers: int, count: int, prefix: str = "w") -> list[str]:
    return [sys.executable, CHILD, str(path), str(writers), str(count), prefix]


async def check(path: Path, acknowledged: list[str]) -> None:
    store = await SqliteStore.open(path)
    values = await store.get_many([key.encode() for key in acknowledged])
    missing = [key for key, value in zip(acknowledged, values, strict=True) if value is None]
    assert not missing
    assert all(value.startswith(key.encode()) for key, value in zip(acknowledged, values, strict=True) if value)
    await store.close()


async def test_acknowledged_writes_survive_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    moments = random.Random(5)
    acknowledged: list[str] = []
    for number in range(5):
        process = subprocess.Popen(child(path, 8, 10_000, f"r{number}w"), stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "open\n"
        for _ in range(moments.randrange(1, 600)):
            acknowledged.append(process.stdout.readline().strip())
        process.send_signal(signal.SIGKILL)
        acknowledged += process.stdout.read().split()
        process.stdout.close()
        assert process.wait() == -signal.SIGKILL
        await check(path, acknowledged)
    assert len(acknowledged) > 500


@needs_strace
async def test_the_sync_precedes_the_reply(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    command = [STRACE, "-f", "-y", "-o", str(trace), "-e", "trace=write,pwrite64,fsync,fdatasync"]
    subprocess.run([*command, *child(tmp_path / "store.db", 1, 30)], check=True, stdout=subprocess.DEVNULL)
    synced = replies = 0
    dirty = False
    for line in trace.read_text().splitlines():
        if re.search(r"pwrite64\(\d+<.*store\.db-wal>", line):
            dirty = True
        elif re.search(r"(f(data)?sync\(\d+<.*store\.db-wal>|<\.\.\. f(data)?sync resumed>)\) += 0", line):
            synced += 1
            dirty = False
        elif re.search(r"write\(1<.*w0-\d+", line):
            replies += 1
            assert not dirty, f"reply {replies} went out before the sync: {line}"
            assert synced >= replies
    assert replies == 30


@needs_strace
async def test_a_failed_sync_acknowledges_nothing_more(tmp_path: Path) -> None:
    """The kernel itself refuses every sync from the 40th on."""
    path = tmp_path / "store.db"
    command = [STRACE, "-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]
    command += ["-e", "inject=fsync,fdatasync:error=EIO:when=40+"]
    done = subprocess.run([*command, *child(path, 4, 200)], capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    acknowledged = [line for line in lines if line.startswith("w")]
    assert lines[-1] == "stopped: the store is stopped: disk I/O error"
    assert lines.index(lines[-1]) == len(acknowledged) + 1
    assert 20 < len(acknowledged) < 800
    await check(path, acknowledged)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def fill(store: SqliteStore, prefix: str, most: int) -> list[str]:
    """Write until the disk is full; the keys that were acknowledged."""
    acknowledged: list[str] = []

    async def fn(tx: Tx) -> None:
        tx.put(f"{prefix}{len(acknowledged)}".encode(), f"{prefix}{len(acknowledged)}".encode() + b"." * 3_000)

    while len(acknowledged) < most:
        try:
            await store.write(fn)
        except StoreFull:
            break
        acknowledged.append(f"{prefix}{len(acknowledged)}")
    return acknowledged


async def test_a_full_disk_refuses_and_recovers(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(600_000))
    store = await SqliteStore.open(small_disk / "store.db")
    before = await fill(store, "a", 10_000)
    assert 0 < len(before) < 10_000
    assert await store.get(f"a{len(before)}".encode()) is None
    ballast.unlink()
    after = await fill(store, "b", 20)
    assert len(after) == 20
    await store.close()
    await check(small_disk / "store.db", before + after)
    store = await SqliteStore.open(small_disk / "store.db")
    assert len(await store.scan(Range(b"a", b"c"))) == len(before) + 20
    await store.close()


async def test_a_full_file_refuses_and_recovers(tmp_path: Path) -> None:
    """The same where no disk can be mounted: SQLite's own limit on the size of the file."""

    def limited(writer: sqlite3.Connection) -> None:
        writer.execute("COMMIT")
        writer.execute(f"PRAGMA max_page_count = {pages[0]}")

    pages = [60]
    store = await SqliteStore.open(tmp_path / "store.db", commit=limited)
    before = await fill(store, "a", 1_000)
    assert 0 < len(before) < 60
    assert await store.get(f"a{len(before)}".encode()) is None
    pages[0] = 10_000

    async def shrink(tx: Tx) -> None:
        tx.delete(b"a0")

    await store.write(shrink)
    assert len(await fill(store, "b", 100)) == 100
    await store.close()
