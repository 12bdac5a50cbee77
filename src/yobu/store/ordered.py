"""A map of bytes in key order, in memory: a list of short sorted lists, so that an insert moves little.

Used by the memory engine; it knows nothing of transactions.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator

from yobu.store.port import Range

_CHUNK = 1024


class OrderedMap:
    """Get and set in the time of a dict; ordered scans from any key. Chunks hold at most 1,024 keys."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}
        self._chunks: list[list[bytes]] = []
        self._firsts: list[bytes] = []

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        return self._values.get(key)

    def set(self, key: bytes, value: bytes) -> None:
        """Set `key`."""
        if key not in self._values:
            self._insert(key)
        self._values[key] = value

    def remove(self, key: bytes) -> None:
        """Remove `key`, if it is there."""
        if self._values.pop(key, None) is None:
            return
        at = bisect_right(self._firsts, key) - 1
        chunk = self._chunks[at]
        del chunk[bisect_left(chunk, key)]
        if chunk:
            self._firsts[at] = chunk[0]
        else:
            del self._chunks[at], self._firsts[at]

    def clear(self) -> None:
        """Remove everything."""
        self._values.clear()
        self._chunks.clear()
        self._firsts.clear()

    def scan(self, range: Range, limit: int, reverse: bool) -> list[tuple[bytes, bytes]]:
        """At most `limit` pairs of the range in key order, or from its end."""
        found: list[tuple[bytes, bytes]] = []
        if limit > 0:
            for key in self._backward(range) if reverse else self._forward(range):
                found.append((key, self._values[key]))
                if len(found) == limit:
                    break
        return found

    def _insert(self, key: bytes) -> None:
        if not self._chunks:
            self._chunks.append([key])
            self._firsts.append(key)
            return
        at = max(bisect_right(self._firsts, key) - 1, 0)
        chunk = self._chunks[at]
        insort(chunk, key)
        self._firsts[at] = chunk[0]
        if len(chunk) > _CHUNK:
            # Keys mostly arrive in order: a full left half and a short right one waste no room then.
            cut = _CHUNK if chunk[-1] == key else _CHUNK // 2
            self._chunks.insert(at + 1, chunk[cut:])
            self._firsts.insert(at + 1, chunk[cut])
            del chunk[cut:]

    def _forward(self, range: Range) -> Iterator[bytes]:
        at = max(bisect_right(self._firsts, range.start) - 1, 0)
        for chunk in self._chunks[at : bisect_left(self._firsts, range.end)]:
            for key in chunk[bisect_left(chunk, range.start) :]:
                if key >= range.end:
                    return
                yield key

    def _backward(self, range: Range) -> Iterator[bytes]:
        at = bisect_left(self._firsts, range.end) - 1
        while at >= 0:
            chunk = self._chunks[at]
            for key in reversed(chunk[: bisect_left(chunk, range.end)]):
                if key < range.start:
                    return
                yield key
            at -= 1
