"""The store in memory: the same transactions, order and limits as the durable engines, gone with the process.

For tests and throw-away nodes. In come the port's calls, out go its answers; it knows no files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import TypeVar

from yobu.store.ordered import OrderedMap
from yobu.store.port import MAX_SCAN, Range, Reading, StoreClosed, Transaction
from yobu.store.topics import Topics
from yobu.store.transaction import Bounded, Effects, Rerun, check_limit, drive, settle

T = TypeVar("T")


class MemoryStore:
    """An engine without a disk. `rerun` is the conformance mode; without it each function runs once."""

    def __init__(self, *, rerun: Rerun | None = None) -> None:
        self._rows = OrderedMap()
        self._topics = Topics()
        self._rerun = rerun
        self._stamp = 0
        self._closed = False

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        return self._rows.get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys`, in their order."""
        return [self._rows.get(key) for key in keys]

    async def scan(self, range: Range, limit: int = MAX_SCAN, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        """At most `limit` pairs of the range in key order, or from its end."""
        check_limit(limit)
        return self._rows.scan(range, limit, reverse)

    async def write(self, fn: Transaction[T], home: bytes | None = None) -> T:
        """Run `fn` in a transaction and return its result. Raises StoreClosed after a close."""
        if self._closed:
            raise StoreClosed("the store is closed")
        try:
            result, effects = self._transact(fn)
            settle((effects,), self._topics)
        finally:
            # As with every engine, the caller goes on in a later turn of the loop.
            await asyncio.sleep(0)
        return result

    async def read(self, fn: Reading[T]) -> T:
        """Run `fn` on the present state; nothing is written in between, since it never waits."""
        return drive(fn(self))

    def wait(self, topic: str) -> Awaitable[None]:
        """Wait for the next `wake` of `topic`; registered at once."""
        return self._topics.wait(topic)

    async def clear(self) -> None:
        """Drop everything but the stamps that were given out."""
        self._rows.clear()

    async def close(self) -> None:
        """Take no more writes."""
        self._closed = True

    def next_stamp(self) -> int:
        """The next number of `Tx.stamp`."""
        self._stamp += 1
        return self._stamp

    def _transact(self, fn: Transaction[T]) -> tuple[T, Effects]:
        while True:
            tx = _MemoryTx(self, self._rows)
            kept = False
            try:
                result = drive(fn(tx))
                kept = self._rerun is None or not self._rerun.again()
            finally:
                tx.open = False
                if not kept:
                    tx.undo()
            if kept:
                return result, tx.effects


class _MemoryTx(Bounded):
    """Writes in place and remembers what was there before."""

    __slots__ = ("_before", "_rows", "_store")

    def __init__(self, store: MemoryStore, rows: OrderedMap) -> None:
        super().__init__()
        self._store = store
        self._rows = rows
        self._before: dict[bytes, bytes | None] = {}

    async def get(self, key: bytes) -> bytes | None:
        self._check_open()
        return self._rows.get(key)

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        self._check_open()
        return [self._rows.get(key) for key in keys]

    async def scan(self, range: Range, limit: int = MAX_SCAN, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        self._check_open()
        check_limit(limit)
        return self._rows.scan(range, limit, reverse)

    def put(self, key: bytes, value: bytes) -> None:
        self._count(key, value)
        self._before.setdefault(key, self._rows.get(key))
        self._rows.set(key, value)

    def delete(self, key: bytes) -> None:
        self._count(key, b"")
        self._before.setdefault(key, self._rows.get(key))
        self._rows.remove(key)

    def stamp(self) -> int:
        self._check_open()
        return self._store.next_stamp()

    def undo(self) -> None:
        """Put back what was there."""
        for key, value in self._before.items():
            if value is None:
                self._rows.remove(key)
            else:
                self._rows.set(key, value)


async def open_engine(folder: Path, rerun: Rerun | None = None) -> MemoryStore:
    """The face that discovery looks for (engines.py). `folder` is not used."""
    return MemoryStore(rerun=rerun)
