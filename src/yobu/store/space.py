"""A typed view on the keys below a prefix: tuples and msgspec structs in, bytes out to the store, and back.

It knows encodings, not engines: whatever reads (`Reader`) or writes (`Tx`) is handed in with each call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import msgspec

from yobu.store import keys
from yobu.store.port import MAX_SCAN, Range, Reader, Tx

T = TypeVar("T")


class Space(Generic[T]):
    """Values of one type below `prefix`. `type` is a msgspec Struct (array-like ones are the smallest) or a plain type
    that msgspec knows; values are MessagePack.
    """

    def __init__(self, prefix: tuple[Any, ...], type: type[T]) -> None:
        self._prefix = keys.pack(prefix)
        self._encode = msgspec.msgpack.Encoder().encode
        self._decoder = msgspec.msgpack.Decoder(type)

    def key(self, *parts: Any) -> bytes:
        """The key of `parts` below the prefix."""
        return self._prefix + keys.pack(parts)

    def parts(self, key: bytes) -> tuple[Any, ...]:
        """The parts of `key`, without the prefix. Raises ValueError for a key of another space."""
        if not key.startswith(self._prefix):
            raise ValueError("the key lies outside this space")
        return keys.unpack(key[len(self._prefix) :])

    def range(self, *parts: Any) -> Range:
        """Every key below these parts (not the key of `parts` itself)."""
        start = self._prefix + keys.pack(parts)
        return Range(start + b"\x00", start + b"\xff")

    def starting(self, *parts_then_partial: Any) -> Range:
        """Every key whose part in the last place begins with that string or bytes."""
        *parts, partial = parts_then_partial
        inner = keys.starting(tuple(parts), partial)
        return Range(self._prefix + inner.start, self._prefix + inner.end)

    def decode(self, value: bytes) -> T:
        """One stored value. Raises msgspec.DecodeError where it is of another type."""
        return self._decoder.decode(value)

    async def get(self, read: Reader, *parts: Any) -> T | None:
        """The value at `parts`, or None."""
        value = await read.get(self._prefix + keys.pack(parts))
        return None if value is None else self._decoder.decode(value)

    async def get_many(self, read: Reader, keys: Sequence[tuple[Any, ...]]) -> list[T | None]:
        """The values at each of `keys` (tuples of parts), in their order."""
        values = await read.get_many([self.key(*parts) for parts in keys])
        decode = self._decoder.decode
        return [None if value is None else decode(value) for value in values]

    def put(self, tx: Tx, parts: tuple[Any, ...], value: T) -> None:
        """Set the value at `parts`. Raises ValueError over a size limit."""
        tx.put(self._prefix + keys.pack(parts), self._encode(value))

    def delete(self, tx: Tx, *parts: Any) -> None:
        """Remove the value at `parts`, if it is there."""
        tx.delete(self._prefix + keys.pack(parts))

    async def scan(
        self, read: Reader, range: Range, limit: int = MAX_SCAN, reverse: bool = False
    ) -> list[tuple[tuple[Any, ...], T]]:
        """At most `limit` (at most 1,000) `(parts, value)` of the range in key order, or from its end."""
        skip = len(self._prefix)
        decode = self._decoder.decode
        return [
            (keys.unpack(key[skip:]), decode(value)) for key, value in await read.scan(range, limit, reverse=reverse)
        ]
