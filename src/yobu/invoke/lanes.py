"""Rows that fall due, in lanes: what waits for one function or one target never holds up another.

In: rows (a lane, a due time, a value), put in anybody's transaction. Out: calls of one handler, a bounded number
at once, fair among lanes. Used by the event queue (a lane is a function) and the outbox (a lane is a target). It
must not know what a row means; settling one is the handler's, in a transaction of its own.

A row's key is (queue, lane, due, stamp), so that a lane is a range in due order and a backlog of any length costs
no memory: kept in memory are the claims and, for each lane that has rows, one small entry. A claim that is not
settled is due again at the next start.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Generic, NamedTuple, TypeVar

from yobu.base.clock import Clock
from yobu.base.log import logger
from yobu.store.port import Range, Reader, Store, Tx
from yobu.store.space import Space

T = TypeVar("T")

Lane = tuple[str, ...]

_log = logger("invoke")

_PAUSE_MS = 1_000
"""How long a lane rests after its handler found no room, or failed: one probe a second costs nothing."""

_TURN = 32
"""Rows that a lane may claim before the next lane has its turn."""


class Row(NamedTuple):
    """Where a row lies; also its fence: once it is settled, nothing is there."""

    lane: Lane
    due_ms: int
    stamp: int


class LaneQueue(Generic[T]):
    """The rows of one queue in the store. `name` is its key prefix."""

    def __init__(self, name: str, type: type[T]) -> None:
        self._space = Space((name,), type)
        self.noticed: Callable[[Lane, int], None] | None = None

    def put(self, tx: Tx, lane: Lane, due_ms: int, value: T) -> None:
        """Add a row. After the commit the loop of this node hears of it."""
        self._space.put(tx, (lane, due_ms, tx.stamp()), value)
        tx.after_commit(lambda: self._notice(lane, due_ms))

    def delete(self, tx: Tx, row: Row) -> None:
        """Settle a row."""
        self._space.delete(tx, *row)

    async def get(self, read: Reader, row: Row) -> T | None:
        """The row's value; None where somebody has settled it."""
        return await self._space.get(read, *row)

    async def rows(self, read: Reader, lane: Lane, start: tuple[int, int], limit: int) -> list[tuple[Row, T]]:
        """At most `limit` rows of a lane, in due order, from (due, stamp) on."""
        within = Range(self._space.key(lane, *start), self._space.range(lane).end)
        return [(Row(*parts), value) for parts, value in await self._space.scan(read, within, limit)]

    async def next_lane(self, read: Reader, after: Lane | None) -> Row | None:
        """The first row of the first lane behind `after` (in key order; None: of all)."""
        whole = self._space.range()
        start = whole.start if after is None else self._space.range(after).end
        found = await self._space.scan(read, Range(start, whole.end), 1)
        return Row(*found[0][0]) if found else None

    def _notice(self, lane: Lane, due_ms: int) -> None:
        if self.noticed is not None:
            self.noticed(lane, due_ms)
