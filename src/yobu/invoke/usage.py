"""Where usage records are written and read again.

In: invocations that ran. Out: UsageRecords, newest first. Synchronous calls are packed (flushed within 200 ms,
outside the reply path); asynchronous ones go into the commit that settles their event, since there money and
outcome must agree. It must not know prices.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from yobu.fleet.port import Reply
from yobu.invoke.values import Invocation
from yobu.meter.usage import UsageRecord, decode, encode
from yobu.store.packed import Packed
from yobu.store.port import Range, Store, Tx
from yobu.store.space import Space

_PAGE = 1_000
# What waits to be read by `between` is decoded in pieces of this size, so that nobody waits long for the loop.
_PIECE = 200
_DAY_MS = 86_400_000
LONGEST_MS = 960_000
"""No run takes longer: 15 minutes, and one for the start of its environment."""


def record_of(invocation: Invocation, reply: Reply, start_ms: int) -> UsageRecord:
    """The usage record of an invocation that ran from `start_ms` (platform milliseconds) and got `reply`."""
    spec = invocation.function.spec
    return UsageRecord(
        request_id=invocation.request_id,
        account=spec.account,
        region=spec.region,
        function=spec.arn,
        version=spec.version,
        cause=invocation.cause,
        kind=invocation.kind,
        start_ms=start_ms,
        init_ms=reply.init_ms,
        duration_ms=reply.duration_ms,
        billed_ms=reply.billed_ms,
        memory_mb=reply.memory_mb,
        max_memory_mb=reply.max_memory_mb,
        architecture=spec.architecture,
        cold=reply.init_ms is not None,
        error=(reply.error_type or reply.error) if reply.error else None,
        ephemeral_mb=spec.ephemeral_mb,
    )


class Usage:
    """The usage records of all accounts."""

    def __init__(self, store: Store, packed: Packed) -> None:
        self._store = store
        self._packed = packed
        self._space = Space(("usage",), UsageRecord)

    def write_packed(self, record: UsageRecord) -> None:
        """Add the record of a synchronous call. Never waits; a crash may lose the last 200 ms."""
        self._packed.append(("usage", record.account, record.region), encode(record))

    def write_tx(self, tx: Tx, record: UsageRecord) -> None:
        """Add the record of an asynchronous call to the transaction that settles it."""
        day = record.start_ms // _DAY_MS
        self._space.put(tx, (record.account, record.region, day, tx.stamp()), record)

    async def list(
        self, account: str, region: str, *, function: str | None = None, since_ms: int = 0, limit: int = 100
    ) -> list[UsageRecord]:
        """The newest `limit` records that start at or after `since_ms`, newest first.

        `function` is an unqualified ARN, None for all of the account and region.
        """
        found: list[UsageRecord] = []
        for source in (self._packed_ones(account, region), self._settled_ones(self._space.range(account, region))):
            taken = 0
            async for record in source:
                # Records are in the order in which calls ended, so that one may have started up to 16 minutes
                # before its neighbours.
                if taken == limit or record.start_ms < since_ms - LONGEST_MS:
                    break
                if record.start_ms >= since_ms and function in (None, record.function):
                    found.append(record)
                    taken += 1
        found.sort(key=lambda record: (record.start_ms, record.request_id), reverse=True)
        return found[:limit]

    async def places(self) -> Sequence[tuple[str, str]]:
        """The accounts and regions in which something ran, in their order."""
        found = {(account, region) for _, account, region in self._packed.streams(("usage",))}
        left = self._space.range()
        while page := await self._space.scan(self._store, left, 1):
            account, region, *_ = page[0][0]
            found.add((account, region))
            left = Range(self._space.range(account, region).end, left.end)
        return sorted(found)

    async def between(self, account: str, region: str, since_ms: int, until_ms: int) -> AsyncIterator[UsageRecord]:
        """Every record that starts from `since_ms` up to, not including, `until_ms`, each once.

        Each of the two sources gives its newest first. No more than a page is held in memory, and the loop is left to
        others after each piece of it.
        """
        seen = 0
        async for record in self._packed_ones(account, region):
            seen += 1
            if seen % _PIECE == 0:
                await asyncio.sleep(0)
            if record.start_ms < since_ms - LONGEST_MS:
                break
            if since_ms <= record.start_ms < until_ms:
                yield record
        first = self._space.range(account, region, since_ms // _DAY_MS)
        last = self._space.range(account, region, (until_ms - 1) // _DAY_MS)
        async for record in self._settled_ones(Range(first.start, last.end), _PIECE):
            if since_ms <= record.start_ms < until_ms:
                yield record

    async def _packed_ones(self, account: str, region: str) -> AsyncIterator[UsageRecord]:
        """Every packed record, the last one first."""
        end: int | None = None
        while True:
            page = await self._packed.read(("usage", account, region), 0, _PAGE, reverse=True, end=end)
            for sequence, item in page:
                end = sequence
                yield decode(item)
            if len(page) < _PAGE:
                return

    async def _settled_ones(self, within: Range, size: int = _PAGE) -> AsyncIterator[UsageRecord]:
        """Every record in that range of the store, the last one first, in pages of `size`."""
        while True:
            page = await self._space.scan(self._store, within, size, reverse=True)
            for _, record in page:
                yield record
            if len(page) < size:
                return
            within = Range(within.start, self._space.key(*page[-1][0]))
            await asyncio.sleep(0)
