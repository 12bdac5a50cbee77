"""Deleted tables' rows: removed in chunks by a due job, on from where it was after a start.

In: generations, put with the transaction that deletes a table. Out: nothing is left below them.
"""

from __future__ import annotations

from functools import partial

import msgspec

from yobu.base.clock import Clock
from yobu.services.dynamodb import keys
from yobu.store.due import DueLoop, DueQueue
from yobu.store.port import Range, Store, Tx

MOST_ROWS = 500
"""Rows removed in one transaction: about a millisecond of work."""

_CHUNK_BYTES = 1024 * 1024
_FIRST_ROWS = 32


class Sweep(msgspec.Struct, frozen=True, array_like=True):
    """A generation whose table is gone."""

    generation: int


class Sweeper:
    """The queue of what is to be swept, and its loop."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._queue = DueQueue("ddb-sweep", Sweep)
        self._loop = DueLoop(store, clock, self._queue, self.sweep, limit=1)

    def put(self, tx: Tx, now_ms: int, generation: int) -> None:
        """Have a generation swept from now on."""
        self._queue.put(tx, now_ms, Sweep(generation))

    async def sweep(self, row: bytes, job: Sweep) -> None:
        """Remove every row of the generation, then the job."""
        count: int | None = _FIRST_ROWS
        while count is not None:
            count = await self._store.write(partial(self._chunk, row, keys.everything(job.generation), count))

    async def _chunk(self, row: bytes, range: Range, count: int, tx: Tx) -> int | None:
        """Remove `count` rows. Returns how many the next chunk may be, rows being what they are; None at the end."""
        found = await tx.scan(range, count)
        for key, _ in found:
            tx.delete(key)
        if len(found) < count:
            self._queue.delete(tx, row)
            return None
        average = sum(len(value) for _, value in found) // count + 1
        return max(1, min(MOST_ROWS, _CHUNK_BYTES // average))

    def start(self) -> None:
        """Begin; what an earlier run left is taken up."""
        self._loop.start()

    async def stop(self) -> None:
        """End within seconds; what is left is taken up at the next start."""
        await self._loop.stop(5.0)

    async def idle(self) -> None:
        """Wait until nothing is left to sweep."""
        await self._loop.idle()

    def reset(self) -> None:
        """The store is empty: nothing is to be swept."""
        self._loop.reset()
