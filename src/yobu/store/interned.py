"""Short numeric ids in place of names, so that keys stay short: ("ddb", 17, ...) instead of a table's whole name.

Rows: ("intern", name, 0) is the last id given out, ("intern", name, 1, *parts) the id of a name. An id is never given
out twice, so what still lies under a forgotten name's id is never seen by its successor.
"""

from __future__ import annotations

from typing import Any

from yobu.store.port import Reader, Tx
from yobu.store.space import Space


class Interned:
    """The ids of one family of names (`name`: tables, queues, ...)."""

    def __init__(self, name: str) -> None:
        self._rows = Space(("intern", name), int)

    async def id(self, tx: Tx, *name_parts: Any) -> int:
        """The id of the name, from 1 upwards; given out here where it has none yet."""
        found = await self._rows.get(tx, 1, *name_parts)
        if found is None:
            found = (await self._rows.get(tx, 0) or 0) + 1
            self._rows.put(tx, (0,), found)
            self._rows.put(tx, (1, *name_parts), found)
        return found

    async def find(self, read: Reader, *name_parts: Any) -> int | None:
        """The id of the name, or None where it has none."""
        return await self._rows.get(read, 1, *name_parts)

    def forget(self, tx: Tx, *name_parts: Any) -> None:
        """The next use of the name gets a new id."""
        self._rows.delete(tx, 1, *name_parts)
