"""The two clocks of a whole fleet: one timer ends what has waited too long, one looks at what works.

Neither grows with functions or environments: the first is set for the one that has waited longest, the second
runs only while something works.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from yobu.base.clock import Clock
from yobu.fleet.pools import Pools

LOOK_S = 0.2


class Watch:
    """Scale to zero after `idle_s` seconds, MemorySize, and the lines of events that take long."""

    def __init__(self, pools: Pools, clock: Clock, idle_s: float) -> None:
        self._pools = pools
        self._clock = clock
        self._idle_s = idle_s
        self._idle_timer: asyncio.TimerHandle | None = None
        self._look_timer: asyncio.TimerHandle | None = None

    def on_free(self) -> None:
        """Some environment has just become free."""
        if self._idle_timer is None:
            self._idle_timer = _later(self._idle_s, self.reap)

    def on_work(self) -> None:
        """Some environment has just begun to work."""
        if self._look_timer is None:
            self._look_timer = _later(LOOK_S, self.look)

    def reap(self) -> None:
        """End every environment that has been free for `idle_s`, and set the timer for the next."""
        self._idle_timer = None
        while (oldest := self._pools.oldest()) is not None:
            left_s = oldest.free_since + self._idle_s - self._clock.elapsed()
            if left_s > 0:
                self._idle_timer = _later(left_s, self.reap)
                return
            self._pools.withdraw(oldest)
            oldest.retire()

    def look(self) -> None:
        """Check memory, and show the lines so far, of every environment that works."""
        self._look_timer = None
        for environment in list(self._pools.working):
            environment.journal.flush()
            environment.check_memory()
        if self._pools.working:
            self._look_timer = _later(LOOK_S, self.look)

    def stop(self) -> None:
        """Set no further timer."""
        for timer in (self._idle_timer, self._look_timer):
            if timer is not None:
                timer.cancel()
        self._idle_timer = self._look_timer = None


def _later(seconds: float, step: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, step)
