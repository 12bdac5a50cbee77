"""Reading from the SQLite engine's file: one connection's rows, and snapshots that stay open for a function.

In come keys and ranges, out go bytes. A long scan is cut into slices between which the event loop goes round: in a
thread, each row would have to win the interpreter back from a busy loop. Nothing here writes.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from yobu.base.clock import Clock
from yobu.store.keys import after
from yobu.store.port import MAX_SCAN, Range, Reading, StoreClosed
from yobu.store.transaction import check_limit

T = TypeVar("T")

SNAPSHOT_S = 5.0
SNAPSHOTS = 4
# A snapshot reads this many pairs at once, and lets others run after that many seconds.
SLICE = 128
SLICE_S = 0.001

# A commit of the writer empties the caches of all readers, so that large ones are of no use.
POINT_READER = "PRAGMA query_only = ON; PRAGMA cache_size = -16384; PRAGMA busy_timeout = 1000;"
_SNAPSHOT_READER = "PRAGMA query_only = ON; PRAGMA cache_size = -4096; PRAGMA busy_timeout = 1000;"
# In one statement, hence in one state of the file: a replaced value's id may be another value's by the next one.
_GET = """
SELECT iif(typeof(v) = 'integer', (SELECT big.v FROM big WHERE big.id = kv.v), v) FROM kv WHERE k = ?
"""
_SCAN = """
SELECT k, iif(typeof(v) = 'integer', (SELECT big.v FROM big WHERE big.id = kv.v), v) FROM kv
WHERE k >= ? AND k < ? ORDER BY k LIMIT ?
"""
_SCAN_BACK = """
SELECT k, iif(typeof(v) = 'integer', (SELECT big.v FROM big WHERE big.id = kv.v), v) FROM kv
WHERE k >= ? AND k < ? ORDER BY k DESC LIMIT ?
"""


def connect(path: Path, script: str) -> sqlite3.Connection:
    """A connection that may be used in any thread, after `script`. Raises sqlite3.Error."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        connection.executescript(script)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class Rows:
    """Reads through one connection. Each is one statement read to its end: an open one would hold an old state."""

    __slots__ = ("connection", "cursor")

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.cursor = connection.cursor()

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        row = self.cursor.execute(_GET, (key,)).fetchone()
        return None if row is None else row[0]

    def get_together(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys` in one state of the file."""
        self.cursor.execute("BEGIN")
        try:
            return [self.get(key) for key in keys]
        finally:
            self.cursor.execute("COMMIT")

    def scan(self, range: Range, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        """At most `limit` pairs of the range in key order, or from its end."""
        return self.cursor.execute(_SCAN_BACK if reverse else _SCAN, (range.start, range.end, limit)).fetchall()


class Snapshots:
    """Connections whose transactions stay open for one reading function each; a few, opened when first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._free: list[Rows] = []
        self._turns = asyncio.Semaphore(SNAPSHOTS)
        self._closed = False

    async def read(self, fn: Reading[T]) -> T:
        """Run `fn` on one snapshot. Raises TimeoutError after 5 s, StoreClosed."""
        async with self._turns:
            if self._closed:
                raise StoreClosed("the store is closed")
            rows = self._free.pop() if self._free else Rows(connect(self._path, _SNAPSHOT_READER))
            rows.cursor.execute("BEGIN")
            try:
                async with asyncio.timeout(SNAPSHOT_S):
                    return await fn(_Snapshot(rows))
            finally:
                rows.cursor.execute("COMMIT")
                self._free.append(rows)

    async def close(self) -> None:
        """Wait for those that read, at most their 5 s."""
        self._closed = True
        for _ in range(SNAPSHOTS):
            await self._turns.acquire()
        for rows in self._free:
            rows.connection.close()
        for _ in range(SNAPSHOTS):
            self._turns.release()


class _Snapshot:
    """The reader of one snapshot: it lets others run when it has worked for a millisecond."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._elapsed = Clock().elapsed
        self._since = self._elapsed()

    async def get(self, key: bytes) -> bytes | None:
        await self._breathe()
        return self._rows.get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [await self.get(key) for key in keys]

    async def scan(self, range: Range, limit: int = MAX_SCAN, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        check_limit(limit)
        found: list[tuple[bytes, bytes]] = []
        while True:
            await self._breathe()
            wanted = min(SLICE, limit - len(found))
            pairs = self._rows.scan(range, wanted, reverse)
            found += pairs
            if len(pairs) < wanted or len(found) == limit:
                return found
            last = pairs[-1][0]
            range = Range(range.start, last) if reverse else Range(after(last), range.end)

    async def _breathe(self) -> None:
        if self._elapsed() - self._since > SLICE_S:
            await asyncio.sleep(0)
            self._since = self._elapsed()
