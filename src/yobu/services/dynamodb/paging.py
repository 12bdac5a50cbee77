"""Pages: running through a range of rows within DynamoDB's limits.

In: a range of the store and what to keep of its rows. Out: a page that stops at Limit rows, at 1 MB, or at the end.
Rows are read in chunks that aim at 1 MB, however large a row is; a page is not one snapshot (nor is AWS's).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from yobu.services.dynamodb import model
from yobu.services.dynamodb.schema import Row, decode_row
from yobu.services.dynamodb.values import Item
from yobu.store import keys
from yobu.store.port import MAX_SCAN, Range, Reader

_FIRST_CHUNK = 32
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a page is made of: rows of `range`, at most `limit` of them, those that pass `test`."""

    range: Range
    reverse: bool = False
    limit: int | None = None
    test: Callable[[Item], bool] | None = None


@dataclass(slots=True)
class Page:
    """The rows that passed, how many were looked at, their bytes, and the last one where there may be more."""

    rows: list[Row] = field(default_factory=list)
    scanned: int = 0
    size: int = 0
    last: Item | None = None


async def read_page(reader: Reader, wanted: Wanted) -> Page:
    """The page that starts at the beginning of the range (at its end in reverse)."""
    page = Page()
    first = _FIRST_CHUNK if wanted.limit is None else min(wanted.limit, _FIRST_CHUNK * 4)
    async for chunk in chunks(reader, wanted.range, wanted.reverse, first):
        for _, raw in chunk:
            row = decode_row(raw)
            page.scanned += 1
            page.size += row.size
            if wanted.test is None or wanted.test(row.item):
                page.rows.append(row)
            if page.scanned == wanted.limit or page.size >= model.MAX_PAGE:
                page.last = row.item
                return page
    return page


async def chunks(
    reader: Reader, range: Range, reverse: bool = False, first: int = _FIRST_CHUNK
) -> AsyncIterator[list[tuple[bytes, bytes]]]:
    """Every row of the range, in lists of about 1 MB."""
    count = first
    while True:
        rows = await reader.scan(range, count, reverse)
        if rows:
            yield rows
        if len(rows) < count:
            return
        last = rows[-1][0]
        range = Range(range.start, last) if reverse else Range(keys.after(last), range.end)
        average = sum(len(raw) for _, raw in rows) // len(rows) + 1
        count = max(1, min(MAX_SCAN, _CHUNK_BYTES // average))
        # The memory and SQLite engines answer at once: between chunks, let others have the loop.
        await asyncio.sleep(0)
