"""How many items a table or an index holds, and how many bytes: counted in memory, so that writes share no counter.

In: what each committed write changed. Out: ItemCount and the size in bytes. After a start the first questions about a
table count it by reading it through; a write counts itself only where that reading has already been. AWS brings these
figures up to date about every six hours; here they are as of the last commit, but for a table that is still being
read through. A write that commits while its own row is being read may be counted twice until the next start.
"""

from __future__ import annotations

import msgspec

from yobu.services.dynamodb.paging import chunks
from yobu.services.dynamodb.schema import KeySchema, Row
from yobu.store import keys
from yobu.store.port import Range, Store

_CHUNKS = 20
"""How many chunks (of about 1 MB) one question reads on, so that its answer is never long in coming."""


class _Measure(msgspec.Struct, array_like=True):
    """A row, of which only the first element is decoded."""

    size: int


class _Count:
    """Figures; `counted` is the last key that they include, `whole` whether that is all."""

    def __init__(self, whole: bool) -> None:
        self.items = 0
        self.bytes = 0
        self.counted = b""
        self.whole = whole


class Sizes:
    """The figures of every table and index, by the prefix of its keys."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: dict[bytes, _Count] = {}
        self._measure = msgspec.msgpack.Decoder(_Measure).decode

    def created(self, prefix: bytes) -> None:
        """A new table or index is empty: nothing needs to be read."""
        self._counts[prefix] = _Count(whole=True)

    def dropped(self, prefix: bytes) -> None:
        """A table or index is gone."""
        self._counts.pop(prefix, None)

    def changed(self, prefix: bytes, key: bytes, old: Row | None, new: Row | None) -> None:
        """A write of the row at `key` was committed."""
        count = self._counts.get(prefix)
        if count is None or not (count.whole or key <= count.counted):
            return
        count.items += (new is not None) - (old is not None)
        count.bytes += (0 if new is None else new.size) - (0 if old is None else old.size)

    async def of(self, schema: KeySchema) -> tuple[int, int]:
        """Items and bytes. A large table's figures grow with each question until it has been read through."""
        count = self._counts.setdefault(schema.prefix, _Count(whole=False))
        if not count.whole:
            start, end = schema.everything
            await self._read_on(count, keys.between(keys.after(count.counted) if count.counted else start, end))
        return count.items, count.bytes

    async def _read_on(self, count: _Count, range: Range) -> None:
        since = count.counted
        left = _CHUNKS
        async for rows in chunks(self._store, range):
            if count.counted != since:
                return  # Another question reads on.
            for _, raw in rows:
                count.items += 1
                count.bytes += self._measure(raw).size
            count.counted = since = rows[-1][0]
            left -= 1
            if not left:
                return
        count.whole = count.whole or count.counted == since

    def reset(self) -> None:
        """Forget everything."""
        self._counts.clear()
