"""Lines that are older than their group keeps them are deleted: a group with a retention is looked at every hour.

In: the place of a group whose retention was set, in that transaction. Out: shorter streams in the packed file, whole
flushes at once; AWS too takes its time. Knows no operation.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
"""

from __future__ import annotations

import msgspec

from yobu.base.clock import Clock
from yobu.services.logs.model import DAY_MS, GROUPS, lines_of
from yobu.store.due import DueLoop, DueQueue
from yobu.store.packed import Packed
from yobu.store.port import Store, Tx

EVERY_MS = 3600 * 1000
_AT_ONCE = 2


class Sweep(msgspec.Struct, frozen=True, array_like=True):
    """A group to be looked at. `policy` is the group's `policy` then: a row of an older one comes to nothing."""

    account: str
    region: str
    group: str
    policy: int


class Retention:
    """The loop that deletes. One per node."""

    def __init__(self, store: Store, packed: Packed, clock: Clock) -> None:
        self._store = store
        self._packed = packed
        self._clock = clock
        self._queue: DueQueue[Sweep] = DueQueue("logs", Sweep)
        self._loop = DueLoop(store, clock, self._queue, self._sweep, _AT_ONCE)

    def put(self, tx: Tx, sweep: Sweep, due_ms: int) -> None:
        """Have the group looked at."""
        self._queue.put(tx, due_ms, sweep)

    def start(self) -> None:
        """Begin."""
        self._loop.start()

    async def stop(self) -> None:
        """End; what is due is done after the next start."""
        await self._loop.stop(5.0)

    def reset(self) -> None:
        """The store has just been emptied."""
        self._loop.reset()

    async def idle(self) -> None:
        """Wait until nothing that is due is left."""
        await self._loop.idle()

    async def _sweep(self, row: bytes, sweep: Sweep) -> None:
        place = (sweep.account, sweep.region, sweep.group)
        group = await GROUPS.get(self._store, *place)
        now_ms = self._clock.now_ms()
        days = group.retention_days if group is not None and group.policy == sweep.policy else None
        if days is not None:
            await self._packed.trim(lines_of(*place), now_ms - days * DAY_MS)

        async def settle(tx: Tx) -> None:
            self._queue.delete(tx, row)
            if days is not None:
                self._queue.put(tx, now_ms + EVERY_MS, sweep)

        await self._store.write(settle)
