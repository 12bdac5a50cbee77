"""How much of a span of time any function ran. Pure.

In: intervals, in any order. Out: the length of their union within the span. It must not know what ran, nor what it
cost. Memory is bounded: beyond `most` separate runs the shorter pauses of the fullest quarter of an hour count as busy,
and `exact` says so.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from itertools import pairwise

SLICE_MS = 900_000
MOST = 500_000
"""Separate busy times that are remembered, 16 bytes each."""


class Busy:
    """The union of intervals within `[since_ms, until_ms)`; all times are whole milliseconds since 1970.

    Each quarter of an hour has its own two sorted arrays, so that adding stays cheap however much there is.
    """

    def __init__(self, since_ms: int, until_ms: int, most: int = MOST) -> None:
        self._since, self._until, self._most = since_ms, until_ms, most
        self._slices: dict[int, tuple[array[int], array[int]]] = {}
        self._count = 0
        self.exact = True

    @property
    def span_ms(self) -> int:
        """The length of the whole span."""
        return max(0, self._until - self._since)

    @property
    def busy_ms(self) -> int:
        """How much of the span something ran; at most that much where `exact` is false."""
        return sum(sum(ends) - sum(starts) for starts, ends in self._slices.values())

    def add(self, start_ms: int, end_ms: int) -> None:
        """Count `[start_ms, end_ms)`; what lies outside the span is cut off."""
        start_ms, end_ms = max(start_ms, self._since), min(end_ms, self._until)
        while start_ms < end_ms:
            part = start_ms // SLICE_MS
            cut = min(end_ms, (part + 1) * SLICE_MS)
            self._add(part, start_ms, cut)
            start_ms = cut

    def _add(self, part: int, start: int, end: int) -> None:
        starts, ends = self._slices.setdefault(part, (array("q"), array("q")))
        low, high = bisect_left(ends, start), bisect_right(starts, end)  # those that overlap or touch
        if low < high:
            start, end = min(start, starts[low]), max(end, ends[high - 1])
        starts[low:high] = array("q", (start,))
        ends[low:high] = array("q", (end,))
        self._count += 1 - (high - low)
        if self._count > self._most:
            self._coarsen()

    def _coarsen(self) -> None:
        """Close the shorter half of the pauses of the slice that has most of them."""
        part = max(self._slices, key=lambda at: len(self._slices[at][0]))
        starts, ends = self._slices[part]
        pauses = [start - end for end, start in zip(ends, starts[1:], strict=False)]
        if not pauses:
            return  # a single run in each slice: nothing can be closed
        longest = sorted(pauses)[len(pauses) // 2]
        edges = [-1, *(index for index, pause in enumerate(pauses) if pause > longest), len(pauses)]
        self._slices[part] = (
            array("q", (starts[before + 1] for before, _ in pairwise(edges))),
            array("q", (ends[last] for _, last in pairwise(edges))),
        )
        self._count += len(edges) - 1 - len(starts)
        self.exact = False
