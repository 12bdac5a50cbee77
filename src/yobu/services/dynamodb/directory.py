"""Which tables there are: records in the store, and their layouts kept in memory.

In: table names as requests give them (a name or an ARN). Out: layouts. A read uses the layout in memory, which each
commit of a change drops; a write confirms inside its transaction that the layout is still the stored one, so that no
write ever lands in a table that was deleted or changed meanwhile.
"""

from __future__ import annotations

import re

from yobu.base.arn import parse_arn
from yobu.base.context import Context
from yobu.services.dynamodb import model
from yobu.services.dynamodb.schema import Layout, TableName, TableRecord
from yobu.store import keys
from yobu.store.port import Reader, Store, Tx
from yobu.store.space import Space

_NAME = re.compile(r"[a-zA-Z0-9_.-]{3,255}\Z")
_MAX_KEPT = 2_000


class Stale(Exception):
    """The layout that a write was prepared with is no longer the stored one: drop it and prepare the write again."""

    def __init__(self, name: TableName) -> None:
        super().__init__(name)
        self.name = name


def table_name(ctx: Context, text: str) -> TableName:
    """The table that a TableName parameter means. Raises ValidationException, ResourceNotFoundException."""
    if text.startswith("arn:"):
        try:
            arn = parse_arn(text)
        except ValueError:
            raise model.bad_table_name() from None
        kind, _, name = arn.resource.partition("/")
        if kind != "table" or arn.service != "dynamodb":
            raise model.bad_table_name()
        if (arn.account, arn.region) != (ctx.account, ctx.region):
            raise model.no_such_table()
        text = name
    if not _NAME.match(text):
        raise model.bad_table_name()
    return TableName(ctx.account, ctx.region, text)


class Directory:
    """The tables of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records = Space(("ddb",), TableRecord)
        self._kept: dict[TableName, Layout] = {}
        # Counts the drops, so that a record read before one is not kept after it.
        self._drops = 0

    async def find(self, name: TableName) -> Layout | None:
        """The layout of a table, or None."""
        layout = self._kept.get(name)
        if layout is not None:
            return layout
        drops = self._drops
        layout = await self.read(self._store, name)
        if layout is not None and drops == self._drops:
            if len(self._kept) >= _MAX_KEPT:
                self._kept.clear()
            self._kept[name] = layout
        return layout

    async def read(self, reader: Reader, name: TableName) -> Layout | None:
        """The layout as `reader` sees it."""
        raw = await reader.get(self._key(name))
        return None if raw is None else Layout(name, raw, self._records.decode(raw))

    async def confirm(self, tx: Tx, layout: Layout) -> None:
        """Raise Stale where `layout` is not the stored one."""
        if await tx.get(self._key(layout.name)) != layout.raw:
            raise Stale(layout.name)

    def put(self, tx: Tx, name: TableName, record: TableRecord) -> None:
        """Create or change a table."""
        self._records.put(tx, (name.account, name.region, "table", name.name), record)
        tx.after_commit(lambda: self.drop(name))

    def delete(self, tx: Tx, name: TableName) -> None:
        """Remove a table's record; its rows are swept later."""
        self._records.delete(tx, name.account, name.region, "table", name.name)
        tx.after_commit(lambda: self.drop(name))

    async def names(self, account: str, region: str, after: str | None, limit: int) -> list[str]:
        """At most `limit` names in order, from behind `after`."""
        start, end = self._records.range(account, region, "table")
        if after is not None:
            start = keys.after(self._records.key(account, region, "table", after))
        rows = await self._store.scan(keys.between(start, end), limit)
        return [str(self._records.parts(key)[-1]) for key, _ in rows]

    def drop(self, name: TableName) -> None:
        """Forget the layout in memory."""
        self._drops += 1
        self._kept.pop(name, None)

    def reset(self) -> None:
        """Forget every layout."""
        self._drops += 1
        self._kept.clear()

    def _key(self, name: TableName) -> bytes:
        return self._records.key(name.account, name.region, "table", name.name)
