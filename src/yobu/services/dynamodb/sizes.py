"""How many items a table holds, and how many bytes: counted in memory, so that writes share no counter.

In: what each committed write changed. Out: ItemCount and TableSizeBytes. After a start the first question about a
table counts it by reading it through, a page at a time; a write counts itself only where that reading has already
been. AWS brings these figures up to date about every six hours; here they are as of the last commit, but for a table
that is still being read through.
"""

from __future__ import annotations

from yobu.services.dynamodb.paging import chunks
from yobu.services.dynamodb.schema import Layout, Row, decode_row
from yobu.store import keys
from yobu.store.port import Range, Store


class _Count:
    """A table's figures; `counted` is the last key that they include, `whole` whether that is all."""

    def __init__(self, whole: bool) -> None:
        self.items = 0
        self.bytes = 0
        self.counted = b""
        self.whole = whole


class Sizes:
    """The figures of every table, by generation."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: dict[int, _Count] = {}

    def created(self, generation: int) -> None:
        """A new table is empty: nothing needs to be read."""
        self._counts[generation] = _Count(whole=True)

    def dropped(self, generation: int) -> None:
        """A table is gone."""
        self._counts.pop(generation, None)

    def changed(self, generation: int, key: bytes, old: Row | None, new: Row | None) -> None:
        """A write was committed."""
        count = self._counts.get(generation)
        if count is None or not (count.whole or key <= count.counted):
            return
        count.items += (new is not None) - (old is not None)
        count.bytes += (0 if new is None else new.size) - (0 if old is None else old.size)

    async def of(self, layout: Layout, pages: int = 20) -> tuple[int, int]:
        """Items and bytes. Reads on for at most `pages` MB, so that an answer is never long in coming: a larger
        table's figures grow with each question until it has been read through.
        """
        count = self._counts.setdefault(layout.record.generation, _Count(whole=False))
        if not count.whole:
            start, end = layout.key.everything
            await self._read_on(count, keys.between(keys.after(count.counted) if count.counted else start, end), pages)
        return count.items, count.bytes

    async def _read_on(self, count: _Count, range: Range, pages: int) -> None:
        since = count.counted
        async for rows in chunks(self._store, range):
            if count.counted != since:
                return  # Another question reads on.
            for _, raw in rows:
                count.items += 1
                count.bytes += decode_row(raw).size
            count.counted = since = rows[-1][0]
            pages -= 1
            if not pages:
                return
        count.whole = count.whole or count.counted == since

    def reset(self) -> None:
        """Forget everything."""
        self._counts.clear()
