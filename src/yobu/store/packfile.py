"""The file behind packed.py: packs of items by stream and first sequence, in SQLite with synchronous=NORMAL.

Plain calls, no event loop: the changing ones may be called in a thread (one at a time), the reading ones meanwhile on
the loop. In memory (`path` None) there is one connection, and all calls are made on the loop.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

PAGE = 64

_SCHEMA = """
CREATE TABLE IF NOT EXISTS stream (id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS pack (
    stream INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    items BLOB NOT NULL, PRIMARY KEY (stream, first)
);
"""
_NEXT = """
SELECT first, items FROM pack WHERE stream = ?1
    AND first >= coalesce((SELECT max(first) FROM pack WHERE stream = ?1 AND first <= ?2), 0)
ORDER BY first LIMIT ?3
"""
_PREVIOUS = "SELECT first, items FROM pack WHERE stream = ? AND first < ? ORDER BY first DESC LIMIT ?"
_END = "SELECT first + count FROM pack WHERE stream = ? ORDER BY first DESC LIMIT 1"
_DELETE_PACKS = "DELETE FROM pack WHERE stream IN (SELECT id FROM stream WHERE name >= ? AND name < ?)"
_DELETE_STREAMS = "DELETE FROM stream WHERE name >= ? AND name < ?"
_TRIM_PACKS = """
DELETE FROM pack WHERE stream IN (SELECT id FROM stream WHERE name >= ? AND name < ?) AND at_ms < ?
    AND first < (SELECT max(first) FROM pack AS other WHERE other.stream = pack.stream)
"""
_EMPTY_LAST_PACKS = """
UPDATE pack SET items = ?, first = first + count, count = 0
WHERE stream IN (SELECT id FROM stream WHERE name >= ? AND name < ?) AND at_ms < ?
"""
# Several rows to a statement: in a thread, each statement must win the interpreter back from a busy loop.
_ROWS_AT_ONCE = (128, 16, 1)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


class Pack(NamedTuple):
    """Items of one stream with the sequences `first`, `first + 1`, ...; `name` is that of a stream not in the file."""

    stream: int
    first: int
    items: Sequence[bytes]
    name: bytes | None = None


class PackFile:
    """The packs of one file. Errors are those of sqlite3."""

    def __init__(self, path: Path | None) -> None:
        self._writer = _connect(path)
        self._writer.executescript(_SCHEMA)
        self._reader = self._writer if path is None else _connect(path)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()

    def next_id(self) -> int:
        """An id that no stream of the file has, nor any above it."""
        found: int = self._reader.execute("SELECT coalesce(max(id), 0) + 1 FROM stream").fetchone()[0]
        return found

    def find(self, name: bytes) -> tuple[int, int] | None:
        """`(id, next sequence)` of a stream, or None."""
        row = self._reader.execute("SELECT id FROM stream WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        end = self._reader.execute(_END, row).fetchone()
        return row[0], end[0] if end else 0

    def names(self, start: bytes, end: bytes) -> list[bytes]:
        """The names of streams from `start` up to, not including, `end`, in their order."""
        rows = self._reader.execute(
            "SELECT name FROM stream WHERE name >= ? AND name < ? ORDER BY name", (start, end)
        ).fetchall()
        return [name for (name,) in rows]

    def next(self, stream: int, position: int, limit: int) -> tuple[list[Pack], bool]:
        """At most 64 packs, from the one that holds the sequence `position` on, and whether more may follow.

        No further pack is decoded once they hold `limit` items from `position` on.
        """
        return self._packs(_NEXT, (stream, position, PAGE), range(position, sys.maxsize), limit)

    def previous(self, stream: int, position: int, limit: int) -> tuple[list[Pack], bool]:
        """At most 64 packs that begin before `position`, the last one first; otherwise as `next`."""
        return self._packs(_PREVIOUS, (stream, position, PAGE), range(position), limit)

    def _packs(self, sql: str, values: tuple[int, ...], wanted: range, limit: int) -> tuple[list[Pack], bool]:
        found: list[Pack] = []
        held = 0
        for first, items in self._reader.execute(sql, values):
            pack = Pack(values[0], first, _decode(items))
            found.append(pack)
            # The pack that holds a position may have nothing behind it: it must not count as progress.
            held += max(0, min(first + len(pack.items), wanted.stop) - max(first, wanted.start))
            if held >= limit:
                return found, True
        return found, len(found) == PAGE

    def write(self, packs: Sequence[Pack], at_ms: int) -> None:
        """Add packs, in one commit."""
        names: list[object] = []
        rows: list[object] = []
        for stream, first, items, name in packs:
            if name is not None:
                names += (stream, name)
            rows += (stream, first, len(items), at_ms, _encode(items))
        with self._transaction():
            self._insert("INTO stream (id, name)", 2, names)
            self._insert("INTO pack (stream, first, count, at_ms, items)", 5, rows)

    def delete(self, start: bytes, end: bytes) -> None:
        """Delete the streams whose names lie from `start` up to, not including, `end`."""
        with self._transaction():
            self._writer.execute(_DELETE_PACKS, (start, end))
            self._writer.execute(_DELETE_STREAMS, (start, end))

    def trim(self, start: bytes, end: bytes, before_ms: int) -> None:
        """Delete the packs of those streams that were written before `before_ms`.

        The last pack of a stream is emptied instead: it tells the next sequence.
        """
        with self._transaction():
            self._writer.execute(_TRIM_PACKS, (start, end, before_ms))
            self._writer.execute(_EMPTY_LAST_PACKS, (_encode([]), start, end, before_ms))

    def _insert(self, into: str, width: int, values: list[object]) -> None:
        one = f"({', '.join('?' * width)})"
        at = 0
        for count in _ROWS_AT_ONCE:
            sql = f"INSERT OR REPLACE {into} VALUES {', '.join([one] * count)}"  # noqa: S608  (our own words only)
            step = count * width
            while len(values) - at >= step:
                self._writer.execute(sql, values[at : at + step])
                at += step

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writer.execute("COMMIT")
        finally:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = OFF;")
    return connection
