"""IAM's paging: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from yobu.aws.http import Params
from yobu.base.errors import AwsError
from yobu.store.port import MAX_SCAN, Range, Reader
from yobu.store.space import Space

T = TypeVar("T")
Row = tuple[tuple[Any, ...], T]
"""A row of a space: its key's parts and its value."""

MAX_ITEMS = 100


async def page(
    read: Reader, space: Space[T], parts: tuple[str, ...], params: Params, keep: Callable[[Row[T]], bool]
) -> tuple[list[Row[T]], Params]:
    """One page of the rows below `parts` that are to be kept, and the members that lead to the next.

    The marker is the last part of the last row's key.
    """
    limit = params.get("MaxItems", MAX_ITEMS)
    span = space.range(*parts)
    if params.get("Marker"):
        span = Range(space.key(*parts, params["Marker"]) + b"\x00", span.end)
    found: list[Row[T]] = []
    while True:
        rows = await space.scan(read, span)
        found += filter(keep, rows)
        if len(found) > limit:
            return found[:limit], {"IsTruncated": True, "Marker": found[limit - 1][0][-1]}
        if len(rows) < MAX_SCAN:
            return found, {"IsTruncated": False}
        span = Range(space.key(*rows[-1][0]) + b"\x00", span.end)


def cut(rows: Sequence[T], params: Params) -> tuple[Sequence[T], Params]:
    """One page of a short list that was read whole; the marker is the number of rows shown so far."""
    marker, limit = params.get("Marker") or "0", params.get("MaxItems", MAX_ITEMS)
    if not (marker.isascii() and marker.isdigit()):
        raise AwsError("ValidationError", "Invalid Marker.")
    end = int(marker) + limit
    following: Params = {"IsTruncated": True, "Marker": str(end)} if end < len(rows) else {"IsTruncated": False}
    return rows[int(marker) : end], following
