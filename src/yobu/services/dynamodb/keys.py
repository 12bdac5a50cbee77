"""Where a table's rows lie in the store.

In: a generation (the number that a table gets when it is created; a new one after every delete), the number of an
index (0: the table itself), key attribute values. Out: keys and ranges. This file knows nothing of items or requests.

    ("ddb", generation, index, hash16, partition[, sort][, tail]) -> Row

- `hash16` spreads partitions evenly over 0..65535, so that a segment of a parallel Scan is one range.
- `partition` is the partition key's bytes (numbers in normal form), or a digest as text where they are many: it is
  compared for equality only.
- `sort` is the sort key in its own order: text, bytes, or a number of 38 digits.
- `tail` (indexes only) is the table's own key, packed, or a digest where it is long: it makes the row unique.

Left free for what comes: ("ddb", generation, -1, ...) for time to live by due time, and streams, which outlive their
table by a day, under ("ddb", "stream", ...).
"""

from __future__ import annotations

from binascii import crc32
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from yobu.services.dynamodb.values import Value
from yobu.store import keys
from yobu.store.port import Range

SEGMENTS = 65_536
_LONG = 160
"""Bytes (zero bytes count double in a key) from which a partition key or a tail is kept as its digest."""


def prefix(generation: int, index: int) -> bytes:
    """What every key of an index (or of the table, index 0) begins with."""
    return keys.pack(("ddb", generation, index))


def everything(generation: int) -> Range:
    """All rows of a generation, its indexes included."""
    return keys.prefix(("ddb", generation))


def partition(value: Value) -> bytes:
    """`hash16` and `partition` of a partition key's value, packed."""
    for kind, content in value.items():
        raw: bytes = content if kind == "B" else content.encode()
        place: bytes | str = raw
        if len(raw) > _LONG or (len(raw) + raw.count(0)) > _LONG:
            place = blake2b(raw, digest_size=24).hexdigest()
        return keys.pack((crc32(raw) & 0xFFFF, place))
    raise AssertionError


def sort(value: Value) -> bytes:
    """A sort key's value, packed in its own order."""
    return keys.pack((sort_part(value),))


def sort_part(value: Value) -> Any:
    """A sort key's value as an element of a key."""
    for kind, content in value.items():
        return Decimal(content) if kind == "N" else content
    raise AssertionError


def tail(primary: bytes) -> bytes:
    """The end of an index row's key: the table's own key below its prefix, packed."""
    if len(primary) + primary.count(0) > _LONG:
        return keys.pack((blake2b(primary, digest_size=24).hexdigest(),))
    return keys.pack((primary,))


def below(start: bytes) -> Range:
    """Every key that continues `start`, which ends with a whole element."""
    return Range(start + b"\x00", start + b"\xff")


def whole(start: bytes) -> Range:
    """`start`, which ends with a whole element, and every key that continues it."""
    return Range(start, start + b"\xff")


def segment(start: bytes, number: int, total: int) -> Range:
    """The part of an index (whose prefix is `start`) that segment `number` of `total` scans."""
    first, last = number * SEGMENTS // total, (number + 1) * SEGMENTS // total
    return Range(start + keys.pack((first,)), start + keys.pack((last,)))
