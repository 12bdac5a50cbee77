"""Work in threads beside an event loop that may never rest.

A thread that wakes up asks for the interpreter, and a busy loop that gives it up for microseconds at a time takes it
back before the thread is awake: measured, the thread then starves for seconds, and a commit with it. So the loop stands
still for a moment each millisecond while somebody waits for a thread. A loop with time to spare loses nothing by that.

In come plain calls, out go their results on the loop. It knows nothing of what the work is.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

EVERY_S = 0.001
STILL_S = 0.0001
BEGIN_S = 0.001


class GiveWay:
    """Lets threads run while somebody waits for them; waits may overlap."""

    def __init__(self) -> None:
        self._waits = 0
        self._timer: asyncio.TimerHandle | None = None
        self._never_free = threading.Lock()
        self._never_free.acquire()

    def begin(self) -> None:
        """Somebody waits."""
        self._waits += 1
        if self._timer is None:
            self._arm()

    def end(self) -> None:
        """He has what he waited for."""
        self._waits -= 1
        if not self._waits and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def wait(self, future: Awaitable[T]) -> T:
        """The result of a future that a thread resolves."""
        self.begin()
        try:
            return await future
        finally:
            self.end()

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._stand_still)

    def _stand_still(self) -> None:
        self._never_free.acquire(timeout=STILL_S)
        self._arm()


class _Work:
    __slots__ = ("begun", "call")

    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.begun = threading.Lock()
        self.begun.acquire()


class WorkThread:
    """A thread for the running loop. `returned(error or None)` is called on the loop after each piece of work."""

    def __init__(self, name: str, returned: Callable[[Exception | None], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._told = returned
        self._given: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._way = GiveWay()
        self.busy = False
        # A daemon, so that a loop that was never closed cannot keep the process alive.
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def run(self, call: Callable[[], None], *, see_it_begin: bool) -> None:
        """Give the thread a piece of work; there must be none.

        `see_it_begin`: stand still until the thread runs. It costs some 40 us, and is worth them on a busy loop.
        """
        self.busy = True
        work = _Work(call)
        self._given.put(work)
        if see_it_begin:
            work.begun.acquire(timeout=BEGIN_S)
        self._way.begin()

    async def end(self) -> None:
        """Wait for the thread's end. There must be no work."""
        if self._thread.is_alive():
            self._given.put(None)
            await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        while (work := self._given.get()) is not None:
            work.begun.release()
            failure: Exception | None = None
            try:
                work.call()
            except Exception as error:  # noqa: BLE001  (the edge of the thread: whatever it was goes to the loop)
                failure = error
            try:
                self._loop.call_soon_threadsafe(self._returned, failure)
            except RuntimeError:
                return  # the loop was closed over the work: nobody is left to hear of it

    def _returned(self, error: Exception | None) -> None:
        self.busy = False
        self._way.end()
        self._told(error)
