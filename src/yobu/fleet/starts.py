"""Who may start: a bound on environments that start at once, and a fair queue for those that would be too many.

A start is work for the processor: a hundred at once on two cores end in their time limits, all of them, while a few
at a time are done sooner and leave free environments for the rest. So whoever waits gets what comes first: a free
environment of its own kind, or its turn to start one. Every step is O(1) in calls and environments. Knows nothing
of processes.
"""

from __future__ import annotations

import asyncio
from collections import deque

from yobu.fleet.environment import Environment
from yobu.fleet.pools import Key


def at_once(cores: int) -> int:
    """How many may start at once on so many cores."""
    return max(8, 4 * cores)


class Starts:
    """`limit` starts at once, of which one kind of environment takes at most three quarters."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._share = max(1, limit - limit // 4)
        self._begun: dict[Key, int] = {}
        self._running = 0
        self._waiting: dict[Key, deque[asyncio.Future[Environment | None]]] = {}

    @property
    def waiting(self) -> int:
        """How many calls wait."""
        return sum(len(queue) for queue in self._waiting.values())

    async def turn(self, key: Key) -> Environment | None:
        """Wait for a free environment, or for None: the turn to start one, which ends with `leave`.

        An environment is handed over as it was a moment ago; it may have died since. Cancelled where the fleet
        is reset.
        """
        if self._may(key) and key not in self._waiting:
            self._enter(key)
            return None
        future: asyncio.Future[Environment | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.result() is None:
                self.leave(key)  # its turn came in the same moment
            raise

    def leave(self, key: Key) -> None:
        """A start has ended, one way or the other: let the next begin, the kinds in turn."""
        self._running -= 1
        self._begun[key] -= 1
        if not self._begun[key]:
            del self._begun[key]
        for other in tuple(self._waiting):
            if self._running == self._limit:
                return
            if self._may(other) and (future := self._next(other)) is not None:
                if other in self._waiting:
                    self._waiting[other] = self._waiting.pop(other)  # behind the others
                self._enter(other)
                future.set_result(None)

    def hand(self, key: Key, environment: Environment) -> bool:
        """Give a free environment to the call that has waited longest for one like it; False where none waits."""
        future = self._next(key)
        if future is None:
            return False
        future.set_result(environment)
        return True

    def reset(self) -> None:
        """Send everybody away."""
        for queue in self._waiting.values():
            for future in queue:
                future.cancel()
        self._waiting.clear()

    def _may(self, key: Key) -> bool:
        return self._running < self._limit and self._begun.get(key, 0) < self._share

    def _enter(self, key: Key) -> None:
        self._running += 1
        self._begun[key] = self._begun.get(key, 0) + 1

    def _next(self, key: Key) -> asyncio.Future[Environment | None] | None:
        """The first that still waits, out of the queue."""
        queue = self._waiting.get(key)
        while queue:
            future = queue.popleft()
            if not queue:
                del self._waiting[key]
            if not future.done():
                return future
        return None
