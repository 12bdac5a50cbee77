"""The store in one SQLite file: write-ahead log, synchronous=FULL, group commit.

Three kinds of connection: the writer, in whose open transaction functions run on the event loop (committer.py); one
for point reads on the loop; and a few for snapshots (snapshots.py). In come the port's calls, out go its answers;
nothing here knows what keys mean.

Values over 1,000 bytes lie in a table of their own: in a table without rowids they would be read at every comparison
on the way down to a key.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from yobu.base.clock import Clock
from yobu.base.errors import YobuError
from yobu.store.committer import Committer, EngineError
from yobu.store.folder import sync_folder
from yobu.store.port import MAX_SCAN, Range, Reading, Transaction
from yobu.store.snapshots import POINT_READER, SLICE, Rows, Snapshots, connect
from yobu.store.topics import Topics
from yobu.store.transaction import Bounded, Effects, Rerun, check_limit, drive

T = TypeVar("T")

INLINE = 1_000
# secure_delete, which distributions switch on, writes every page that is freed: large values cost ten times as much.
_WRITER = """
PRAGMA page_size = 4096; PRAGMA journal_mode = WAL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = OFF;
"""
# A log that a failed sync left may be in the kernel's memory only, and would never be written again: bring it into the
# file, which is written and synced anew, before anything is appended to it.
_SETTLE = "PRAGMA wal_checkpoint(TRUNCATE);"
_TABLES = """
CREATE TABLE IF NOT EXISTS kv (k BLOB PRIMARY KEY, v NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS big (id INTEGER PRIMARY KEY, v BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS stamp (id INTEGER PRIMARY KEY CHECK (id = 0), last INTEGER NOT NULL);
INSERT OR IGNORE INTO stamp VALUES (0, 0);
CREATE TRIGGER IF NOT EXISTS kv_update AFTER UPDATE ON kv WHEN typeof(old.v) = 'integer'
    BEGIN DELETE FROM big WHERE id = old.v; END;
CREATE TRIGGER IF NOT EXISTS kv_delete AFTER DELETE ON kv WHEN typeof(old.v) = 'integer'
    BEGIN DELETE FROM big WHERE id = old.v; END;
"""
_CLEAR = f"BEGIN IMMEDIATE; DROP TABLE kv; DROP TABLE big; {_TABLES} COMMIT;"
_PUT = "INSERT INTO kv VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v"
_PUT_BIG = "INSERT INTO big (v) VALUES (?)"
_DELETE = "DELETE FROM kv WHERE k = ?"
_SHM_SIZE = 4874  # SQLITE_IOERR_SHMSIZE: the index of the log cannot grow, which is a full disk too


Commit = Callable[[sqlite3.Connection], None]
"""What ends a batch, in the commit thread. Tests put another in the place of `commit`."""


def commit(writer: sqlite3.Connection) -> None:
    """Make the batch durable."""
    writer.execute("COMMIT")


class SqliteStore:
    """The engine for one machine. Everything but the thread of its commits happens on the event loop."""

    def __init__(self, path: Path, committer: Committer, engine: _Engine, topics: Topics) -> None:
        self._path = path
        self._committer = committer
        self._engine = engine
        self._topics = topics
        self._rows = Rows(connect(path, POINT_READER))
        self._snapshots = Snapshots(path)
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        synchronous: str = "FULL",
        rerun: Rerun | None = None,
        on_failure: Callable[[Exception], None] | None = None,
        commit: Commit = commit,
    ) -> SqliteStore:
        """The store in the file at `path`, made where it is missing.

        `synchronous` is SQLite's: below FULL, a power failure may take what was acknowledged. `rerun` is the
        conformance mode. `on_failure` hears of the failed commit that stopped the store. Raises YobuError where the
        file cannot be used.
        """
        script = f"{_WRITER} PRAGMA synchronous = {synchronous}; {_SETTLE} {_TABLES}"
        try:
            writer = await asyncio.to_thread(connect, path, script)
        except sqlite3.Error as error:
            raise YobuError(f"the store {path} cannot be opened: {error}") from error
        # The names of the file and of its log must survive a power failure before anything is acknowledged.
        await asyncio.to_thread(sync_folder, path.parent)
        topics = Topics()
        engine = _Engine(writer, rerun, commit)
        return cls(path, Committer(engine, topics, Clock().elapsed, on_failure), engine, topics)

    @property
    def commits(self) -> int:
        """How many commits were made, one sync each."""
        return self._committer.commits

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key` in the last durable state, or None."""
        return self._rows.get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys` in one durable state, in their order."""
        return self._rows.get_together(keys)

    async def scan(self, range: Range, limit: int = MAX_SCAN, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        """At most `limit` pairs of the range in the last durable state, in key order or from its end."""
        check_limit(limit)
        if limit > SLICE:
            return await self.read(lambda snapshot: snapshot.scan(range, limit, reverse))
        return self._rows.scan(range, limit, reverse)

    async def write(self, fn: Transaction[T], home: bytes | None = None) -> T:
        """See `port.Store.write`. There is one writer here, so that `home` says nothing new."""
        return await self._committer.submit(fn)

    async def read(self, fn: Reading[T]) -> T:
        """Run `fn` on one snapshot. Raises TimeoutError after 5 s: an open snapshot makes the log grow."""
        return await self._snapshots.read(fn)

    def wait(self, topic: str) -> Awaitable[None]:
        """Wait for the next `wake` of `topic`; registered at once."""
        return self._topics.wait(topic)

    async def clear(self) -> None:
        """Drop everything but the stamps that were given out."""
        await self._committer.alone(self._engine.clear)

    async def close(self) -> None:
        """Finish what was taken, then close the file."""
        await self._committer.close()
        if not self._closed:
            self._closed = True
            self._rows.connection.close()
            await self._snapshots.close()
            # The last connection brings the log into the file, which takes its time.
            await asyncio.to_thread(self._engine.writer.close)


class _Engine:
    """The writer connection as the committer's `Batch`."""

    def __init__(self, writer: sqlite3.Connection, rerun: Rerun | None, commit: Commit) -> None:
        self.writer = writer
        self._rows = Rows(writer)
        self._rerun = rerun
        self._commit = commit
        self._wrote = False
        self.last_stamp: int = writer.execute("SELECT last FROM stamp").fetchone()[0]
        self._stored_stamp = self.last_stamp

    def begin(self) -> None:
        self._wrote = False
        try:
            self.writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise _engine_error(error) from error

    def run(self, fn: Transaction[T]) -> tuple[T, Effects]:
        while True:
            tx = _SqliteTx(self, self._rows)
            kept = False
            self._statement("SAVEPOINT fn")
            try:
                result = drive(fn(tx))
                kept = self._rerun is None or not self._rerun.again()
            finally:
                tx.open = False
                self._wrote = self._wrote or tx.wrote
                if tx.broken is not None:
                    raise _engine_error(tx.broken) from tx.broken
                if not kept:
                    self._statement("ROLLBACK TO fn")
                self._statement("RELEASE fn")
            if kept:
                return result, tx.effects

    def seal(self) -> bool:
        if self.last_stamp != self._stored_stamp:
            self._wrote = True
            self._statement("UPDATE stamp SET last = ?", (self.last_stamp,))
        return self._wrote

    def commit(self) -> None:
        try:
            self._commit(self.writer)
        except sqlite3.Error as error:
            raise _engine_error(error) from error
        self._stored_stamp = self.last_stamp

    def rollback(self) -> None:
        # SQLite has mostly done it by itself.
        if self.writer.in_transaction:
            self._statement("ROLLBACK")

    def clear(self) -> None:
        try:
            self.writer.executescript(_CLEAR)
        except sqlite3.Error as error:
            raise _engine_error(error) from error

    def _statement(self, sql: str, values: tuple[int, ...] = ()) -> None:
        try:
            self._rows.cursor.execute(sql, values)
        except sqlite3.Error as error:
            raise _engine_error(error) from error


def _engine_error(error: sqlite3.Error) -> EngineError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    return EngineError(
        str(error),
        full=code & 0xFF == sqlite3.SQLITE_FULL or code == _SHM_SIZE,
        busy=code & 0xFF == sqlite3.SQLITE_BUSY,
    )


class _SqliteTx(Bounded):
    """One function's view on the open transaction. `broken`: SQLite failed, and the batch with it."""

    __slots__ = ("_engine", "_rows", "broken")

    def __init__(self, engine: _Engine, rows: Rows) -> None:
        super().__init__()
        self._engine = engine
        self._rows = rows
        self.broken: sqlite3.Error | None = None

    async def get(self, key: bytes) -> bytes | None:
        self._check_open()
        try:
            return self._rows.get(key)
        except sqlite3.DatabaseError as error:
            self._broke(error)
            raise

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        return [await self.get(key) for key in keys]

    async def scan(self, range: Range, limit: int = MAX_SCAN, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        self._check_open()
        check_limit(limit)
        try:
            return self._rows.scan(range, limit, reverse)
        except sqlite3.DatabaseError as error:
            self._broke(error)
            raise

    def put(self, key: bytes, value: bytes) -> None:
        self._count(key, value)
        cursor = self._rows.cursor
        try:
            if len(value) <= INLINE:
                cursor.execute(_PUT, (key, value))
            else:
                cursor.execute(_PUT_BIG, (value,))
                cursor.execute(_PUT, (key, cursor.lastrowid))
        except sqlite3.DatabaseError as error:
            self._broke(error)
            raise

    def delete(self, key: bytes) -> None:
        self._count(key, b"")
        try:
            self._rows.cursor.execute(_DELETE, (key,))
        except sqlite3.DatabaseError as error:
            self._broke(error)
            raise

    def stamp(self) -> int:
        self._check_open()
        self._engine.last_stamp += 1
        return self._engine.last_stamp

    def _broke(self, error: sqlite3.DatabaseError) -> None:
        # Misuse of the module (a value of a wrong type) is the function's fault, not the file's.
        if not isinstance(error, sqlite3.ProgrammingError):
            self.broken = error
            # SQLite may have ended the transaction by itself: what came now would be committed alone.
            self.open = False


async def open_engine(folder: Path, rerun: Rerun | None = None) -> SqliteStore:
    """The face that discovery looks for (engines.py): a store of its own in `folder`."""
    return await SqliteStore.open(folder / "store.db", rerun=rerun)
