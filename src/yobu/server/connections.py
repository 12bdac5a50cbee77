"""What is open at the door: connections and the requests that run on them, so that stopping can wait for them.

In: connections that come and go, tasks that run requests. Out: waiting until all is done, closing what is left,
hanging up on peers that stay silent. Knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

SILENCE_S = 75.0
"""How long a peer may take over the head of a request, or leave a fresh connection unused."""

STALL_S = 300.0
"""How long a peer may leave an answer unread before its connection is dropped."""

SWEEP_S = 15.0

END_S = 1.0
"""How long a request that was told to end may take over it."""


class Connection(Protocol):
    """One accepted connection, whatever it speaks."""

    def shutdown(self) -> None:
        """Take no further request; close when the running ones are answered."""
        ...

    def abort(self) -> None:
        """Close now."""
        ...

    def expire(self, now: float) -> None:
        """Close if the peer has been silent too long. `now` is the loop's time, seconds."""
        ...


class Connections:
    """The open connections and running requests of one listener."""

    def __init__(self) -> None:
        self.open: set[Connection] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._closed = asyncio.Event()

    def opened(self, connection: Connection) -> None:
        """Count a connection; one that comes while the node stops is turned away."""
        self.open.add(connection)
        if self._stopping:
            connection.shutdown()

    def closed(self, connection: Connection) -> None:
        """Forget a connection."""
        self.open.discard(connection)
        if not self.open:
            self._closed.set()

    def expire(self, now: float) -> None:
        """Hang up on silent peers."""
        for connection in tuple(self.open):
            connection.expire(now)

    async def quiet(self, within_s: float) -> None:
        """Wait until no request runs, at most `within_s` seconds."""
        deadline = asyncio.get_running_loop().time() + within_s
        while self.tasks and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(tuple(self.tasks), timeout=left)

    async def interrupt(self) -> None:
        """End every request that runs now but the caller's own; their clients are answered 500 or cut off."""
        running = self.tasks - {asyncio.current_task()}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=END_S)

    async def stop(self, within_s: float) -> None:
        """Let running requests finish and their answers be read for `within_s` seconds, then end what is left."""
        self._stopping = True
        deadline = asyncio.get_running_loop().time() + within_s
        for connection in tuple(self.open):
            connection.shutdown()
        while self.open:
            self._closed.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._closed.wait()
            except TimeoutError:
                break
        await self._end()

    async def _end(self) -> None:
        tasks = tuple(self.tasks)
        for task in tasks:
            task.cancel()
        for connection in tuple(self.open):
            connection.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=END_S)
