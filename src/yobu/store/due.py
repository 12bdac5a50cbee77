"""Work that is due at an instant of platform time: rows in the store, and the loop that runs them.

Rows go in with somebody's transaction; `handler(row, value)` is run once each is due and settles it (deletes the row,
perhaps puts another) in a transaction of its own. Claims live in memory: what is not settled is due again at the next
start, so a handler may see a row twice and fences itself with `DueQueue.get` in its transaction. Nothing here knows
what the work is.

There is one `DueQueue` object per name and store: the loop learns from it how early the rows are that land.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Generic, TypeVar

from yobu.base.clock import Clock
from yobu.base.log import logger
from yobu.store.keys import after
from yobu.store.port import MAX_SCAN, Range, Reader, Store, StoreClosed, StoreFull, Tx
from yobu.store.space import Space

T = TypeVar("T")
_log = logger("store.due")

FIRST_BACKOFF_S = 1.0
LAST_BACKOFF_S = 60.0
# Rows whose handler failed stay claimed in memory until their next attempt; with this many, nothing new is claimed.
MAX_BACKING_OFF = 1_000


class DueQueue(Generic[T]):
    """Rows of `type` by the instant at which they are due. `topic` is woken by every row that lands."""

    def __init__(self, name: str, type: type[T]) -> None:
        self.name = name
        self.topic = f"due:{name}"
        self._rows: Space[T] = Space(("due", name), type)
        self._earliest: bytes | None = None

    @property
    def everything(self) -> Range:
        """Every row of the queue, in due order."""
        return self._rows.range()

    def put(self, tx: Tx, due_ms: int, value: T) -> bytes:
        """Add a row that is due at `due_ms` (platform time, milliseconds since 1970). Returns its key."""
        parts = (due_ms, tx.stamp())
        self._rows.put(tx, parts, value)
        row = self._rows.key(*parts)
        tx.after_commit(partial(self._landed, row))
        tx.wake(self.topic)
        return row

    def delete(self, tx: Tx, row: bytes) -> None:
        """Settle a row."""
        tx.delete(row)

    async def get(self, read: Reader, row: bytes) -> T | None:
        """The row's value; None where somebody has settled it."""
        value = await read.get(row)
        return None if value is None else self.decode(value)

    async def due(self, read: Reader, now_ms: int, limit: int = MAX_SCAN) -> list[tuple[bytes, T]]:
        """At most `limit` (at most 1,000) rows that are due at `now_ms`, the earliest first."""
        rows = await read.scan(Range(self.everything.start, self._rows.range(now_ms).end), limit)
        return [(row, self.decode(value)) for row, value in rows]

    async def next_due(self, read: Reader) -> int | None:
        """The instant (ms) of the earliest row, or None where there is none."""
        rows = await read.scan(self.everything, 1)
        return self.due_ms(rows[0][0]) if rows else None

    def due_ms(self, row: bytes) -> int:
        """The instant at which a row is due."""
        instant: int = self._rows.parts(row)[0]
        return instant

    def decode(self, value: bytes) -> T:
        """A row's value from its bytes."""
        return self._rows.decode(value)

    def take_earliest(self) -> bytes | None:
        """The earliest row that landed since the last call: what the loop must look at again."""
        row, self._earliest = self._earliest, None
        return row

    def _landed(self, row: bytes) -> None:
        if self._earliest is None or row < self._earliest:
            self._earliest = row


Handler = Callable[[bytes, T], Awaitable[None]]


class DueLoop(Generic[T]):
    """Claims due rows of `queue` and runs `handler(row, value)` for at most `limit` of them at once.

    It never polls: it waits for the earliest of the next due instant, a row that lands, and a handler that ends. A
    handler that raises, or returns and leaves its row, is logged and called again after 1, 2, 4 ... 60 s of platform
    time. Memory holds the claimed rows only, and a scan starts behind them.
    """

    def __init__(self, store: Store, clock: Clock, queue: DueQueue[T], handler: Handler[T], limit: int) -> None:
        self._store = store
        self._clock = clock
        self._queue = queue
        self._handler = handler
        self._limit = limit
        self._kick = asyncio.Event()
        self._idle = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._alarm: tuple[float, asyncio.Task[None]] | None = None
        self._forget_all()

    def _forget_all(self) -> None:
        self._running: dict[asyncio.Task[None], bytes] = {}
        self._claimed: set[bytes] = set()
        self._attempts: dict[bytes, int] = {}
        self._backing_off: list[tuple[float, bytes]] = []
        # Rows before `_position` are claimed or settled, except those that landed since (take_earliest).
        self._position = self._queue.everything.start
        self._ended: set[bytes] = set()

    def start(self) -> None:
        """Begin to claim."""
        if self._loop is None:
            self._loop = asyncio.create_task(self._run(), name=f"due:{self._queue.name}")

    async def stop(self, within_s: float) -> None:
        """Claim no more; wait at most `within_s` (real seconds) for running handlers, then cancel them.

        What they did not settle is due again at the next start.
        """
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
            self._loop = None
        if self._alarm is not None:
            self._alarm[1].cancel()
            self._alarm = None
        running = list(self._running)
        if running:
            _, late = await asyncio.wait(running, timeout=within_s)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        self._forget_all()

    def reset(self) -> None:
        """Cancel what runs and forget every claim. Call it after the store was cleared, or rows are claimed again."""
        for task in self._running:
            task.cancel()
        self._forget_all()
        self._kick.set()

    async def idle(self) -> None:
        """Wait until no row is due and no handler runs. Needs a started loop."""
        self._idle.clear()
        self._kick.set()
        await self._idle.wait()

    async def _run(self) -> None:
        landed: asyncio.Future[None] | None = None
        try:
            while True:
                self._kick.clear()
                if landed is None or landed.done():
                    # Register first, then look: what lands in between is not missed.
                    landed = asyncio.ensure_future(self._store.wait(self._queue.topic))
                    landed.add_done_callback(self._woken)
                try:
                    await self._pass()
                except Exception:  # noqa: BLE001  (the edge of the loop)
                    _log.exception("%s: claiming failed, next try in %g s", self._queue.name, FIRST_BACKOFF_S)
                    self._set_alarm(self._clock.now() + FIRST_BACKOFF_S)
                await self._kick.wait()
        finally:
            if landed is not None:
                landed.cancel()

    def _woken(self, cause: asyncio.Future[None]) -> None:
        if not cause.cancelled():
            self._kick.set()

    async def _pass(self) -> None:
        """Claim what is due, as far as there is room, and set the alarm for what comes next."""
        now = self._clock.now()
        self._retry(now)
        upcoming = await self._claim(now)
        if self._backing_off:
            upcoming = min(upcoming or self._backing_off[0][0], self._backing_off[0][0])
        if upcoming is not None and self._room() > 0:
            self._set_alarm(upcoming)
        if not self._running and (upcoming is None or upcoming > self._clock.now()) and not self._kick.is_set():
            self._idle.set()

    def _room(self) -> int:
        if len(self._backing_off) >= MAX_BACKING_OFF:
            return 0
        return self._limit - len(self._running)

    def _retry(self, now: float) -> None:
        """Run failed rows whose backoff is over."""
        while self._backing_off and self._backing_off[0][0] <= now and len(self._running) < self._limit:
            _, row = heapq.heappop(self._backing_off)
            self._begin(row, None)

    async def _claim(self, now: float) -> float | None:
        """Begin rows that are due; the instant (s) of the first one that is not, None where none was seen."""
        landed = self._queue.take_earliest()
        if landed is not None:
            self._position = min(self._position, landed)
        while (room := self._room()) > 0:
            wanted = min(room + 1, MAX_SCAN)
            self._ended.clear()
            found = await self._store.scan(Range(self._position, self._queue.everything.end), wanted)
            for row, value in found:
                due = self._queue.due_ms(row) / 1000
                if due > now:
                    return due
                if row not in self._claimed and row not in self._ended:
                    if self._room() <= 0:
                        return due
                    self._claimed.add(row)
                    self._begin(row, value)
                self._position = after(row)
            if len(found) < wanted:
                return None
        return None

    def _begin(self, row: bytes, value: bytes | None) -> None:
        task = asyncio.create_task(self._handle(row, value))
        self._running[task] = row
        task.add_done_callback(self._finished)

    async def _handle(self, row: bytes, value: bytes | None) -> None:
        """One attempt; a value that is not known any more is read again."""
        if value is None:
            value = await self._store.get(row)
        if value is not None:
            await self._handler(row, self._queue.decode(value))
            if await self._store.get(row) is not None:
                raise RuntimeError("the handler left its row unsettled")

    def _finished(self, task: asyncio.Task[None]) -> None:
        row = self._running.pop(task, None)
        if row is None:
            return  # forgotten by reset
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is None:
            self._claimed.discard(row)
            self._attempts.pop(row, None)
            self._ended.add(row)
        else:
            attempt = self._attempts[row] = self._attempts.get(row, 0) + 1
            pause = min(FIRST_BACKOFF_S * 2 ** min(attempt - 1, 10), LAST_BACKOFF_S)
            if not task.cancelled():
                # A store that takes nothing says why by itself.
                cause = None if isinstance(error, StoreClosed | StoreFull) else error
                _log.error(
                    "%s: attempt %d failed, next in %g s: %s", self._queue.name, attempt, pause, error, exc_info=cause
                )
            heapq.heappush(self._backing_off, (self._clock.now() + pause, row))
        self._kick.set()

    def _set_alarm(self, instant: float) -> None:
        """Kick at `instant`. An earlier alarm is left: one look too many costs less than another timer."""
        if self._alarm is not None:
            at, task = self._alarm
            if not task.done() and at <= instant:
                return
            task.cancel()
        task = asyncio.create_task(self._clock.sleep_until(instant))
        task.add_done_callback(self._woken)
        self._alarm = (instant, task)
