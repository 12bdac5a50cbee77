"""Rows that fall due, in lanes: what waits for one function or one target never holds up another.

In: rows (a lane, a due time, a value), put in anybody's transaction. Out: calls of one handler, a bounded number
at once, fair among lanes. The event queue uses it (a lane is a function) and the outbox (a lane is a target). It
must not know what a row means; settling one is the handler's, in a transaction of its own.

A row's key is (queue, lane, due, stamp): a lane is a range in due order, and a backlog of any length costs no
memory. Kept in memory are the claims, and one small entry for each lane that has rows. A claim that is not
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
from yobu.store.port import Range, Reader, Store, StoreClosed, StoreFull, Tx
from yobu.store.space import Space

T = TypeVar("T")

Lane = tuple[str, ...]

_log = logger("invoke.lanes")

PAUSE_MS = 900
"""How long a lane rests after its handler found no room, or failed: one probe in that time costs nothing, and it is
no longer than the shortest wait of a row itself.
"""

_TURN = 32
"""Rows that a lane may claim before the next lane has its turn."""


class Row(NamedTuple):
    """Where a row lies; also its fence: once it is settled, nothing is there."""

    lane: Lane
    due_ms: int
    stamp: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How many handlers run at once: in all, and for one lane."""

    total: int
    lane: int


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
        found = await read.scan(Range(start, whole.end), 1)
        return Row(*self._space.parts(found[0][0])) if found else None

    def _notice(self, lane: Lane, due_ms: int) -> None:
        if self.noticed is not None:
            self.noticed(lane, due_ms)


_START = (0, 0)
_FAR = (1 << 62, 0)


class _Entry:
    """What is remembered of one lane that has rows.

    `cursor` is the (due, stamp) behind which nothing unclaimed lies; `width` how many rows may run at once, narrowed
    while the handler finds no room; `at_ms` when the lane stands on the agenda, None where something else
    (a row that ends) brings it back.
    """

    __slots__ = ("at_ms", "closed_ms", "cursor", "name", "running", "width")

    def __init__(self, name: Lane, width: int) -> None:
        self.name = name
        self.width = width
        self.cursor = _START
        self.running = 0
        self.closed_ms = 0
        self.at_ms: int | None = None


class LaneLoop(Generic[T]):
    """Claims due rows and runs `handler(row, value)` for each, within `limits`.

    The handler settles the row and returns whether it found no room (the lane then narrows to what runs in it,
    and widens by one with every row that gets through). One that raises is logged, and its row is claimed again
    after a pause.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        queue: LaneQueue[T],
        handler: Callable[[Row, T], Awaitable[bool]],
        limits: Limits,
    ) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._handler = handler
        self._limits = limits
        self._lanes: dict[Lane, _Entry] = {}
        self._agenda: list[tuple[int, int, _Entry]] = []
        self._order = count()
        self._claimed: set[Row] = set()
        self._released: set[Row] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._woken = asyncio.Event()
        self._rested = asyncio.Event()
        self._turning = False
        self._alarms: dict[int, asyncio.Task[None]] = {}
        self._pump: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Find the lanes that have rows and begin to claim."""
        self._queue.noticed = self._notice
        self._turning = True
        self._pump = asyncio.create_task(self._run())
        self._pump.add_done_callback(_report)

    async def stop(self, within_s: float) -> None:
        """Claim nothing more; wait for running handlers at most `within_s` real seconds, then cancel them."""
        self._queue.noticed = None
        if self._pump is not None:
            await _cancel([self._pump, *self._alarms.values()])
        self._alarms.clear()
        self._pump = None
        self._turning = False
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=within_s)
        await _cancel(list(self._tasks))
        self._forget()

    def reset(self) -> None:
        """The store has just been emptied: forget every lane and claim, and cancel what runs."""
        for task in self._tasks:
            task.cancel()
        self._forget()
        self._woken.set()

    def next_ms(self) -> int | None:
        """The earliest instant (platform milliseconds) at which something is due; None where nothing waits."""
        while self._agenda and self._agenda[0][2].at_ms != self._agenda[0][0]:
            heapq.heappop(self._agenda)
        return self._agenda[0][0] if self._agenda else None

    @property
    def running(self) -> int:
        """How many handlers run."""
        return len(self._tasks)

    async def idle(self) -> None:
        """Wait until nothing runs and nothing is due."""
        while self._busy():
            self._rested.clear()
            await self._rested.wait()

    def _forget(self) -> None:
        self._lanes.clear()
        self._agenda.clear()
        self._claimed.clear()

    def _busy(self) -> bool:
        at_ms = self.next_ms()
        return self._turning or bool(self._tasks) or (at_ms is not None and at_ms <= self._now_ms())

    def _now_ms(self) -> int:
        # A thousandth of a millisecond up: `sleep_until(ms / 1000)` may return a float's width too early.
        return int(self._clock.now() * 1000 + 0.001)

    def _notice(self, name: Lane, due_ms: int) -> None:
        """A row was committed."""
        entry = self._lanes.get(name)
        if entry is None:
            entry = self._lanes[name] = _Entry(name, self._limits.lane)
        entry.cursor = min(entry.cursor, (due_ms, 0))
        self._plan(entry, due_ms)

    def _plan(self, entry: _Entry, at_ms: int) -> None:
        """Put the lane on the agenda for `at_ms`, unless it has an earlier turn; never while it is closed."""
        at_ms = max(at_ms, entry.closed_ms)
        if entry.at_ms is None or at_ms < entry.at_ms:
            entry.at_ms = at_ms
            if len(self._agenda) > 2 * len(self._lanes) + 64:
                self._agenda = [item for item in self._agenda if item[2].at_ms == item[0]]
                heapq.heapify(self._agenda)
            heapq.heappush(self._agenda, (at_ms, next(self._order), entry))
            self._woken.set()

    async def _run(self) -> None:
        await self._find()
        while True:
            self._woken.clear()
            at_ms = self.next_ms()
            free = len(self._tasks) < self._limits.total
            if free and at_ms is not None and at_ms <= self._now_ms():
                entry = heapq.heappop(self._agenda)[2]
                entry.at_ms = None
                self._turning = True
                await self._turn(entry)
            else:
                self._turning = False
                self._rested.set()
                self._wake_at(at_ms if free else None)
                await self._woken.wait()

    async def _find(self) -> None:
        """Put every lane that has rows on the agenda."""
        row = await self._queue.next_lane(self._store, None)
        while row is not None:
            self._notice(row.lane, row.due_ms)
            await asyncio.sleep(0)
            row = await self._queue.next_lane(self._store, row.lane)

    def _wake_at(self, at_ms: int | None) -> None:
        """Let the pump wake at `at_ms`. Later alarms stay for their own time, an earlier one will set the next."""
        if at_ms is not None and at_ms < min(self._alarms, default=at_ms + 1):
            self._alarms[at_ms] = asyncio.create_task(self._ring(at_ms))

    async def _ring(self, at_ms: int) -> None:
        try:
            await self._clock.sleep_until(at_ms / 1000)
        finally:
            self._alarms.pop(at_ms, None)
        self._woken.set()

    async def _turn(self, entry: _Entry) -> None:
        """Claim what is due in one lane, as far as there is room, and plan its next turn."""
        if entry.closed_ms > self._now_ms():
            self._plan(entry, entry.closed_ms)
            return
        free = self._limits.total - len(self._tasks)
        room = min(entry.width - entry.running, free, _TURN)
        if room <= 0:
            return  # a row of this lane that ends brings it back
        start, entry.cursor = entry.cursor, _FAR
        self._released.clear()
        try:
            found: list[tuple[Row, T]] | None = await self._queue.rows(self._store, entry.name, start, room)
        except Exception:  # noqa: BLE001  (the edge of the loop)
            _log.exception("the rows of %s could not be read", "/".join(entry.name))
            found = None
        if self._lanes.get(entry.name) is not entry:
            return  # reset meanwhile
        if found is None:
            self._close(entry, start)
        else:
            self._claim_due(entry, start, found, len(found) == room)

    def _claim_due(self, entry: _Entry, start: tuple[int, int], found: list[tuple[Row, T]], more: bool) -> None:
        """Claim the due ones of the rows `found` from `start` on; `more` may lie behind them."""
        next_ms = self._now_ms() if more else None
        for row, value in found:
            if row.due_ms > self._now_ms():
                next_ms = row.due_ms
                break
            start = (row.due_ms, row.stamp + 1)
            # The rows were read before what a handler settled in this moment.
            if row not in self._claimed and row not in self._released:
                self._claim(entry, row, value)
        # A notice may have moved the cursor back while the rows were read.
        entry.cursor = min(entry.cursor, start)
        if next_ms is not None:
            self._plan(entry, next_ms)
        elif not entry.running and entry.at_ms is None:
            del self._lanes[entry.name]

    def _claim(self, entry: _Entry, row: Row, value: T) -> None:
        self._claimed.add(row)
        entry.running += 1
        task = asyncio.create_task(self._serve(entry, row, value))
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    async def _serve(self, entry: _Entry, row: Row, value: T) -> None:
        full: bool | None = None
        try:
            full = await self._handler(row, value)
        except (StoreClosed, StoreFull) as error:
            _log.warning("a row of %s is tried again: %s", "/".join(row.lane), error)
        except Exception:  # noqa: BLE001  (the edge of the loop)
            _log.exception("a row of %s failed and is tried again", "/".join(row.lane))
        finally:
            self._release(entry, row, full)

    def _release(self, entry: _Entry, row: Row, full: bool | None) -> None:
        """A handler has ended: with room (False), without (True), or by an exception (None)."""
        if self._lanes.get(entry.name) is not entry:
            return  # reset meanwhile
        self._claimed.discard(row)
        self._released.add(row)
        entry.running -= 1
        if full is None:
            self._close(entry, (row.due_ms, row.stamp))
        elif full:
            entry.width = max(1, entry.running)
            self._close(entry, entry.cursor)
        else:
            entry.width = min(self._limits.lane, entry.width + 1)
            entry.closed_ms = 0
            self._plan(entry, self._now_ms())

    def _close(self, entry: _Entry, cursor: tuple[int, int]) -> None:
        """Let the lane rest for a moment; its next turn begins at `cursor`, or before."""
        entry.cursor = min(entry.cursor, cursor)
        entry.closed_ms = self._now_ms() + PAUSE_MS
        self._plan(entry, entry.closed_ms)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._woken.set()


def _report(pump: asyncio.Task[None]) -> None:
    """The pump ends only when it is stopped: anything else must be seen."""
    if not pump.cancelled() and pump.exception() is not None:
        _log.critical("the loop has stopped; what is queued runs at the next start", exc_info=pump.exception())


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
