"""Group commit: functions of many callers run one after the other on the event loop, and share one commit.

In come transaction functions, out come futures that resolve after the commit is durable: results and exceptions
alike, since both may rest on what an earlier function of the same batch wrote. Only the commit runs in a thread, and
the engine is not touched meanwhile; what arrives then forms the next batch. A caller that is alone waits for nobody.

(Functions in a writer thread were measured at a few hundred transactions a second when the loop is busy: each
statement must win the interpreter back. One hand-over per batch does not suffer.)

It knows no SQL: an engine is a `Batch`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from yobu.base.log import logger
from yobu.store.handover import WorkThread
from yobu.store.port import StoreClosed, StoreFull, Transaction
from yobu.store.topics import Topics
from yobu.store.transaction import Effects, settle

T = TypeVar("T")
_log = logger("store")

BATCH_S = 0.002
BATCH_FUNCTIONS = 256
BUSY_S = 0.005


class EngineError(Exception):
    """The engine failed (not the function): the whole batch is lost. `full`: for want of room on the disk."""

    def __init__(self, reason: str, *, full: bool = False, busy: bool = False) -> None:
        super().__init__(reason)
        self.full = full
        self.busy = busy


class Batch(Protocol):
    """An engine as the committer sees it. Each method may raise EngineError."""

    def begin(self) -> None:
        """Open a transaction."""

    def run(self, fn: Transaction[T]) -> tuple[T, Effects]:
        """Run one function in it; an exception of the function undoes that function alone."""

    def seal(self) -> bool:
        """No more functions come. Returns whether anything was written."""

    def commit(self) -> None:
        """Commit. Runs in the committer's thread where something was written."""

    def rollback(self) -> None:
        """Undo the transaction, if one is open."""


class _Waiter(NamedTuple):
    fn: Transaction[Any]
    future: asyncio.Future[Any]


class _Ran(NamedTuple):
    future: asyncio.Future[Any]
    result: Any
    error: BaseException | None
    effects: Effects | None


class _Exclusive(NamedTuple):
    """Work of the engine itself, alone, in the thread."""

    work: Callable[[], None]
    future: asyncio.Future[None]


class Committer:
    """Batches functions over one engine. `on_failure` hears of the commit that stopped it, on the event loop."""

    def __init__(
        self,
        engine: Batch,
        topics: Topics,
        elapsed: Callable[[], float],
        on_failure: Callable[[Exception], None] | None = None,
    ) -> None:
        self._engine = engine
        self._topics = topics
        self._elapsed = elapsed
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._pending: deque[_Waiter | _Exclusive] = deque()
        self._scheduled = False
        self._committing: Sequence[_Ran] = ()
        self._refusal: str | None = None
        self._drained: asyncio.Future[None] | None = None
        self.commits = 0
        self._thread = WorkThread("committer", self._returned)

    def submit(self, fn: Transaction[T]) -> asyncio.Future[T]:
        """The result of `fn` after its commit. Raises StoreClosed."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._add(_Waiter(fn, future))
        return future

    def alone(self, work: Callable[[], None]) -> asyncio.Future[None]:
        """Run `work` in the thread between two batches; it may raise EngineError. Raises StoreClosed."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._add(_Exclusive(work, future))
        return future

    async def close(self) -> None:
        """Take no more, finish what was taken, and end the thread."""
        if self._refusal is None:
            self._refusal = "the store is closed"
        if self._pending or self._thread.busy:
            self._drained = self._loop.create_future()
            await self._drained
        await self._thread.end()

    def _add(self, entry: _Waiter | _Exclusive) -> None:
        if self._refusal is not None:
            raise StoreClosed(self._refusal)
        self._pending.append(entry)
        self._schedule()

    def _schedule(self) -> None:
        """A turn at the end of this round of the loop: whoever is ready now joins the batch."""
        if not self._scheduled and not self._thread.busy:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        while self._pending and self._pending[0].future.done():
            self._pending.popleft()  # cancelled before it ran
        if not self._pending:
            self._check_drained()
            return
        head = self._pending[0]
        if isinstance(head, _Exclusive):
            self._pending.popleft()
            done = _Ran(head.future, None, None, None)
            self._hand_over(head.work, [done])
            return
        try:
            self._engine.begin()
        except EngineError as error:
            if error.busy:
                # Another program has the file (a backup, a curious user): its lock is short, or the node is useless.
                self._scheduled = True
                self._loop.call_later(BUSY_S, self._turn)
            else:
                self._finish([_Ran(entry.future, None, None, None) for entry in self._pending], error)
            return
        self._batch()

    def _batch(self) -> None:
        """Run functions, then commit: in the thread, unless there is nothing to make durable."""
        ran: list[_Ran] = []
        try:
            self._run_functions(ran)
            if self._engine.seal():
                self._hand_over(self._engine.commit, ran)
                return
            self._engine.commit()
        except EngineError as error:
            self._finish(ran, error)
        else:
            self._finish(ran, None)

    def _run_functions(self, ran: list[_Ran]) -> None:
        end = self._elapsed() + BATCH_S
        while self._pending and len(ran) < BATCH_FUNCTIONS:
            entry = self._pending[0]
            if isinstance(entry, _Exclusive):
                return
            self._pending.popleft()
            if entry.future.done():
                continue
            try:
                result, effects = self._engine.run(entry.fn)
            except EngineError:
                ran.append(_Ran(entry.future, None, None, None))
                raise
            except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (the edge of the function)
                ran.append(_Ran(entry.future, None, error, None))
            else:
                ran.append(_Ran(entry.future, result, None, effects))
            if self._elapsed() >= end:
                return

    def _hand_over(self, work: Callable[[], None], ran: Sequence[_Ran]) -> None:
        self._committing = ran
        # Several callers at once: the loop is likely to have no rest of its own.
        self._thread.run(work, see_it_begin=len(ran) > 1)

    def _returned(self, error: Exception | None) -> None:
        self.commits += 1
        ran, self._committing = self._committing, ()
        self._finish(ran, error)

    def _finish(self, ran: Sequence[_Ran], error: Exception | None) -> None:
        if error is None:
            settle([entry.effects for entry in ran if entry.effects is not None], self._topics)
            for entry in ran:
                if not entry.future.done():
                    if entry.error is None:
                        entry.future.set_result(entry.result)
                    else:
                        entry.future.set_exception(entry.error)
        elif isinstance(error, EngineError) and error.full:
            self._roll_back()
            _refuse([entry.future for entry in ran], StoreFull, "the disk is full: nothing was written")
        else:
            self._stop(ran, error)
        if self._pending:
            self._schedule()
        self._check_drained()

    def _roll_back(self) -> None:
        try:
            self._engine.rollback()
        except EngineError as error:
            self._stop((), error)

    def _stop(self, ran: Sequence[_Ran], error: Exception) -> None:
        """A commit failed, and nobody knows what is on the disk: acknowledge nothing, take nothing."""
        self._refusal = f"the store is stopped: {error}"
        _log.critical("the store is stopped: %s", error)
        _refuse([entry.future for entry in (*ran, *self._pending)], StoreClosed, self._refusal)
        self._pending.clear()
        if self._on_failure is not None:
            self._on_failure(error)

    def _check_drained(self) -> None:
        over = not self._pending and not self._thread.busy
        if over and self._drained is not None and not self._drained.done():
            self._drained.set_result(None)


def _refuse(futures: Sequence[asyncio.Future[Any]], kind: type[Exception], reason: str) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(kind(reason))
