"""What the operations of the room share: the parts of the machine, and the steps of a write.

In: records and happenings, inside a caller's transaction. Out: rows, kept and released bodies, deliveries. It does not
know requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.invoke.values import Delivery
from yobu.services.port import Parts
from yobu.services.s3.bodies import Bodies, Readers, Received
from yobu.services.s3.model import BODIES, OBJECTS, PARTS, UPLOADS, Bucket, Object, Part, Run, holds
from yobu.services.s3.notify import Happening, Origin, deliveries
from yobu.store.due import DueLoop, DueQueue
from yobu.store.port import StoreFull, Transaction, Tx

T = TypeVar("T")

_SWEEP = 200
"""Parts that one transaction of a sweep looks at."""

_BUSY_MS = 1_000
"""How long a sweep waits for readers."""


class Leftover(msgspec.Struct, frozen=True, array_like=True):
    """What nothing names any more: parts of `upload`, but for those in `keep`, from the number `at` on.

    With `bucket`: the uploads under way of a bucket that is gone.
    """

    upload: int = 0
    keep: tuple[Run, ...] = ()
    at: int = 0
    bucket: int = 0


class Depot:
    """The parts below, and the sweeper of parts."""

    def __init__(self, parts: Parts) -> None:
        self.store = parts.store
        self.blobs = parts.blobs
        self.clock = parts.clock
        self.ids = parts.ids
        self.sends = parts.deliveries
        self.readers = Readers()
        self.bodies = Bodies(parts.store, parts.blobs, self.readers)
        self._leftovers: DueQueue[Leftover] = DueQueue("s3-leftovers", Leftover)
        self._sweeper = DueLoop(parts.store, parts.clock, self._leftovers, self._sweep, 4)

    def start(self) -> None:
        """Begin to sweep."""
        self._sweeper.start()

    async def stop(self) -> None:
        """Stop sweeping; what is left is swept after the next start."""
        await self._sweeper.stop(5.0)

    def reset(self) -> None:
        """The store is empty."""
        self._sweeper.reset()
        self.readers.clear()

    async def idle(self) -> None:
        """Wait until nothing that is due waits for the sweeper."""
        await self._sweeper.idle()

    def origin(self, ctx: Context) -> Origin:
        """The request as its notifications tell it; made before the transaction, which may run twice."""
        return Origin(ctx, self.clock.now(), self.ids.uuid())

    async def commit(self, received: Received, transaction: Transaction[T]) -> T:
        """Write what names a received body; where the transaction is refused, the body goes.

        A caller that is cancelled, or a commit of unknown result, leaves the file to the sweep of the next start: it
        may have its owner.
        """
        try:
            return await self.store.write(transaction)
        except (AwsError, StoreFull):
            await received.discard(self.blobs)
            raise

    async def place(self, tx: Tx, bucket: Bucket, key: str, new: Object, old: Object | None) -> None:
        """Make `new` what the key means; `old`, what it meant, lets its body go."""
        OBJECTS.put(tx, (bucket.id, key), new)
        if old is not None:
            self.release(tx, old)

    async def announce(self, tx: Tx, bucket: Bucket, happening: Happening, origin: Origin, stamp: int) -> None:
        """Send the notifications of a happening: in the same commit as the happening itself."""
        await self.send(tx, deliveries(bucket, happening, origin, stamp))

    async def send(self, tx: Tx, sent: Sequence[Delivery]) -> None:
        """Send all that one transaction has to send: a few targets accept at once, the rest waits in the outbox."""
        if sent:
            await self.sends.send(tx, sent)

    def release(self, tx: Tx, body: Object | Part) -> None:
        """Let a body go, in the transaction that drops its record."""
        if isinstance(body, Object) and body.runs:
            self.leave(tx, Leftover(body.upload))
        elif body.blob:
            self.blobs.release(tx, body.blob)
        elif body.size:
            BODIES.delete(tx, body.stamp)

    def leave(self, tx: Tx, leftover: Leftover) -> None:
        """Leave parts to the sweeper."""
        self._leftovers.put(tx, self.clock.now_ms(), leftover)

    async def _sweep(self, row: bytes, leftover: Leftover) -> None:
        """Delete some of it, and put a row for the rest."""
        now = self.clock.now_ms()

        async def sweep(tx: Tx) -> None:
            if await self._leftovers.get(tx, row) is None:
                return
            self._leftovers.delete(tx, row)
            if leftover.bucket:
                rest = await self._sweep_uploads(tx, leftover)
            elif self.readers.busy(leftover.upload):
                self._leftovers.put(tx, now + _BUSY_MS, leftover)
                return
            else:
                rest = await self._sweep_parts(tx, leftover)
            if rest is not None:
                self._leftovers.put(tx, now, rest)

        await self.store.write(sweep)

    async def _sweep_parts(self, tx: Tx, leftover: Leftover) -> Leftover | None:
        parts = PARTS.range(leftover.upload)._replace(start=PARTS.key(leftover.upload, leftover.at))
        found = await PARTS.scan(tx, parts, _SWEEP)
        for (_, number), part in found:
            if not holds(leftover.keep, number):
                self.release(tx, part)
                PARTS.delete(tx, leftover.upload, number)
        if len(found) < _SWEEP:
            return None
        return Leftover(leftover.upload, leftover.keep, found[-1][0][1] + 1)

    async def _sweep_uploads(self, tx: Tx, leftover: Leftover) -> Leftover | None:
        found = await UPLOADS.scan(tx, UPLOADS.range(leftover.bucket), _SWEEP)
        for parts, upload in found:
            UPLOADS.delete(tx, *parts)
            self.leave(tx, Leftover(upload.stamp))
        return leftover if len(found) == _SWEEP else None


def checksum_members(found: Object) -> dict[str, Any]:
    """An object's checksums as members of an answer."""
    if not found.checksums:
        return {}
    members = {f"Checksum{name}": value for name, value in found.checksums.items()}
    members["ChecksumType"] = found.checksum_type
    return members
