"""IAM's paging: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out, rows by name."""

from __future__ import annotations

from typing import TypeVar

from yobu.aws.http import Params
from yobu.store.port import Range, Reader
from yobu.store.space import Space

T = TypeVar("T")


async def page(read: Reader, space: Space[T], parts: tuple[str, ...], params: Params) -> tuple[list[T], Params]:
    """One page of the rows below `parts`, and the members that lead to the next.

    The marker is the last name that was given out.
    """
    limit = min(params.get("MaxItems", 100), 1000 - 1)
    whole = space.range(*parts)
    marker = params.get("Marker")
    start = space.key(*parts, marker) + b"\x00" if marker else whole.start
    rows = await space.scan(read, Range(start, whole.end), limit + 1)
    if len(rows) <= limit:
        return [value for _, value in rows], {"IsTruncated": False}
    return [value for _, value in rows[:limit]], {"IsTruncated": True, "Marker": rows[limit - 1][0][-1]}
