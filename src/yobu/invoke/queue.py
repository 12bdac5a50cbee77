"""The asynchronous event queue: commit first, run later.

In: events, put in anybody's transaction. Out: calls of one `run(row, event)`, which settles the event in a commit
of its own; what is not settled is due again at the next start (at least once). It must not know functions,
outcomes or policies.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.invoke.lanes import LaneLoop, LaneQueue, Limits, Row
from yobu.invoke.values import QueuedEvent
from yobu.store.blobs import Blobs
from yobu.store.port import Store, StoreFull, Tx

INLINE = 64 * 1024
"""Bytes of a body that lie in the row itself; a longer one is a file."""


class EventQueue:
    """Events on their way to functions, a lane for each function.

    `limit` bounds the events in work at once, and with them memory (a body is at most 1 MB). It should not be
    below the account's concurrency, so that admission and not this loop decides how wide a function runs; a
    tenth of it is kept free of any single function.
    """

    def __init__(self, store: Store, blobs: Blobs, clock: Clock, ids: Ids, limit: int = 1_000) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._ids = ids
        self._limits = Limits(total=limit, lane=max(1, limit - limit // 10))
        self._rows = LaneQueue("queue", QueuedEvent)
        self._loop: LaneLoop[QueuedEvent] | None = None

    async def prepare(self, event: QueuedEvent, payload: bytes) -> QueuedEvent:
        """The event with its body, ready for `put`; outside any transaction.

        A body above 64 KB becomes a file: if the transaction then fails, call `discard`. An event without a
        request id is given one.
        """
        request_id = event.request_id or self._ids.uuid()
        if len(payload) <= INLINE:
            return msgspec.structs.replace(event, request_id=request_id, body=payload, blob=None)
        blob = await self._blobs.add(payload)
        return msgspec.structs.replace(event, request_id=request_id, body=b"", blob=blob.id)

    async def discard(self, event: QueuedEvent) -> None:
        """The transaction of a prepared event has failed: delete its file, if it has one."""
        if event.blob is not None:
            await self._blobs.discard(event.blob)

    async def add(self, event: QueuedEvent, payload: bytes) -> QueuedEvent:
        """Prepare and commit in one: when this returns, the event is safe."""
        prepared = await self.prepare(event, payload)

        async def commit(tx: Tx) -> None:
            self.put(tx, prepared)

        try:
            await self._store.write(commit)
        except (StoreFull, ValueError):
            # Nothing was written. After any other failure the commit may stand: the sweep at start decides.
            await self.discard(prepared)
            raise
        return prepared

    def put(self, tx: Tx, event: QueuedEvent) -> None:
        """Add a prepared event to the caller's transaction; its first attempt starts right after the commit."""
        if event.blob is not None:
            self._blobs.keep(tx, event.blob)
        self._rows.put(tx, _lane(event), event.enqueued_ms, event)

    async def waits(self, tx: Tx, row: Row) -> bool:
        """Whether the event of `row` is still unsettled."""
        return await self._rows.get(tx, row) is not None

    def again(self, tx: Tx, row: Row, event: QueuedEvent, at_ms: int) -> None:
        """Move the event back into the queue, due at `at_ms` (platform milliseconds)."""
        self._rows.delete(tx, row)
        self._rows.put(tx, row.lane, at_ms, event)

    def remove(self, tx: Tx, row: Row, event: QueuedEvent) -> None:
        """Settle the event for good."""
        self._rows.delete(tx, row)
        if event.blob is not None:
            self._blobs.release(tx, event.blob)

    async def load(self, event: QueuedEvent) -> bytes:
        """The event's body."""
        return event.body if event.blob is None else await self._blobs.load(event.blob)

    def start(self, run: Callable[[Row, QueuedEvent], Awaitable[bool]]) -> None:
        """Begin to run what is due. `run` settles the event and returns whether the function had no room."""
        self._loop = LaneLoop(self._store, self._clock, self._rows, run, self._limits)
        self._loop.start()

    async def stop(self, within_s: float) -> None:
        """Claim nothing more, wait for what runs at most `within_s` real seconds; the rest remains due."""
        if self._loop is not None:
            await self._loop.stop(within_s)

    async def idle(self) -> None:
        """Wait until nothing runs and nothing is due (later retries may wait)."""
        if self._loop is not None:
            await self._loop.idle()

    def next_ms(self) -> int | None:
        """When the next event is due (platform milliseconds), None where none waits."""
        return None if self._loop is None else self._loop.next_ms()

    @property
    def running(self) -> int:
        """How many events are in work."""
        return 0 if self._loop is None else self._loop.running

    def reset(self) -> None:
        """The store has just been emptied: drop what runs."""
        if self._loop is not None:
            self._loop.reset()


def _lane(event: QueuedEvent) -> tuple[str, str, str]:
    """Reserved concurrency is a function's, whatever the qualifier; so is its lane."""
    return (event.function.account, event.function.region, event.function.name)
