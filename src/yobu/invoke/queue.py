"""The asynchronous event queue: commit first, run later.

In: events, put in anybody's transaction. Out: calls of one `run`, which settles what it is given. It must not
know functions, outcomes or policies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.invoke.values import QueuedEvent
from yobu.store.port import Store, Tx

if TYPE_CHECKING:
    from yobu.store.blobs import Blobs


class EventQueue:
    """Being written: the interface holds."""

    def __init__(self, store: Store, blobs: Blobs, clock: Clock, ids: Ids, limit: int = 1000) -> None:
        self._store = store
        self._blobs = blobs

    async def prepare(self, event: QueuedEvent, payload: bytes) -> QueuedEvent:
        """The event with its body, outside any transaction: above 64 KB the body becomes a file."""
        raise RuntimeError("being written")

    def put(self, tx: Tx, event: QueuedEvent) -> None:
        """Add a prepared event to the caller's transaction."""
        raise RuntimeError("being written")

    def start(self, run: Callable[..., Awaitable[bool]]) -> None:
        """Begin to run what is due."""

    async def stop(self, within_s: float) -> None:
        """Claim nothing more, wait for what runs, at most `within_s` real seconds."""

    def reset(self) -> None:
        """The store has just been emptied."""
