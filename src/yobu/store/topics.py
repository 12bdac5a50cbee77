"""Who waits for what: futures by topic. A wake reaches everybody who registered before it, and nobody after.

It knows nothing of transactions; engines call `wake` after a commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable


class Topics:
    """Waiters by topic. A topic that nobody waits for costs nothing."""

    def __init__(self) -> None:
        self._waiters: dict[Hashable, set[asyncio.Future[None]]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiters)

    def wait(self, topic: Hashable) -> asyncio.Future[None]:
        """A future that the next `wake` of `topic` resolves. Cancel it to stop waiting."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.setdefault(topic, set()).add(future)
        future.add_done_callback(lambda done: self._forget(topic, done))
        return future

    def wake(self, topic: Hashable) -> None:
        """Resolve whoever waits for `topic`."""
        for future in self._waiters.pop(topic, ()):
            if not future.done():
                future.set_result(None)

    def _forget(self, topic: Hashable, future: asyncio.Future[None]) -> None:
        waiters = self._waiters.get(topic)
        if waiters is not None:
            waiters.discard(future)
            if not waiters:
                del self._waiters[topic]
