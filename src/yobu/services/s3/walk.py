"""The walk behind every S3 listing: a page of a bucket's keys, rolled up at a delimiter, by seeking.

In: a reader, the space that holds the rows and where to begin. Out: one `Page`. A page costs what it holds: one seek
and its rows, and one more seek for each common prefix that has more rows than a chunk; never what the bucket holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from yobu.store import keys
from yobu.store.port import MAX_SCAN, Range, Reader
from yobu.store.space import Space

T = TypeVar("T")

_FIRST_CHUNK = 32
"""Rows read at the first seek behind a common prefix; doubled while the rows are wanted, halved while they are not."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What to list: keys of `bucket` that begin with `prefix`, rolled up to the first `delimiter` behind it.

    `after` is the key or common prefix behind which the page begins; where `told`, the common prefix that `after`
    begins with was in an earlier page and is passed over. `limit` is the most entries, keys and prefixes together.
    `within` is for keys with several rows: the page begins behind that row of the key `after`.
    """

    bucket: int
    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    told: bool = True
    limit: int = MAX_SCAN
    within: str = ""


@dataclass(slots=True)
class Page(Generic[T]):
    """A page: rows as (parts of the key behind the bucket, value), common prefixes in order, and where it ended.

    `last` is the last entry (a key or a prefix), to go on from where `truncated`.
    """

    rows: list[tuple[tuple[Any, ...], T]] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    truncated: bool = False


async def list_page(read: Reader, space: Space[T], walk: Walk) -> Page[T]:
    """One page of the walk."""
    page: Page[T] = Page()
    if walk.limit <= 0:
        return page
    rest = _begin(space, walk)
    chunk = _FIRST_CHUNK if walk.delimiter else MAX_SCAN
    while rest.start < rest.end:
        wanted = min(chunk, walk.limit - len(page.rows) - len(page.prefixes) + 1, MAX_SCAN)
        rows = await space.scan(read, rest, wanted)
        used = 0
        for parts, value in rows:
            key: str = parts[1]
            common = _common(walk, key)
            if common is not None and page.prefixes and page.prefixes[-1] == common:
                continue
            if len(page.rows) + len(page.prefixes) == walk.limit:
                page.truncated = True
                return page
            used += 1
            if common is None:
                page.rows.append((parts[1:], value))
                page.last = key
            else:
                page.prefixes.append(common)
                page.last = common
        if len(rows) < wanted:
            return page
        rest = _behind(space, walk, rest, rows[-1][0])
        chunk = min(chunk * 2, MAX_SCAN) if used * 2 > len(rows) else max(chunk // 2, 4)
    return page


def _begin(space: Space[T], walk: Walk) -> Range:
    """The rows from `after` on."""
    rows = space.starting(walk.bucket, walk.prefix)
    if not walk.after:
        return rows
    common = _common(walk, walk.after) if walk.told else None
    if common is not None:
        start = space.starting(walk.bucket, common).end
    elif walk.within:
        start = keys.after(space.key(walk.bucket, walk.after, walk.within))
    else:
        start = space.range(walk.bucket, walk.after).end
    return Range(max(rows.start, start), rows.end)


def _behind(space: Space[T], walk: Walk, rest: Range, parts: tuple[Any, ...]) -> Range:
    """What is left behind the row at `parts`: over the whole of its common prefix, if it has one."""
    common = _common(walk, parts[1])
    start = keys.after(space.key(*parts)) if common is None else space.starting(walk.bucket, common).end
    return Range(start, rest.end)


def _common(walk: Walk, key: str) -> str | None:
    """The common prefix that `key` is rolled up to, or None."""
    if not walk.delimiter or not key.startswith(walk.prefix):
        return None
    at = key.find(walk.delimiter, len(walk.prefix))
    return None if at < 0 else key[: at + len(walk.delimiter)]
