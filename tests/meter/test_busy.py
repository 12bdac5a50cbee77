"""How long anything ran: the union of intervals, exactly, and in bounded memory at most."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.meter.busy import SLICE_MS, Busy

INTERVALS = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 60)), max_size=60)


@pytest.mark.parametrize(
    ("intervals", "busy_ms"),
    [
        ([], 0),
        ([(10, 20)], 10),
        ([(10, 20), (30, 40)], 20),
        ([(30, 40), (10, 20), (15, 35)], 30),
        ([(10, 20), (20, 30)], 20),
        ([(10, 40), (20, 30), (10, 40)], 30),
        ([(-50, 5), (95, 500)], 10),
        ([(-50, 0), (100, 200), (50, 50), (60, 40)], 0),
    ],
)
def test_overlaps_count_once_and_the_span_cuts(intervals: list[tuple[int, int]], busy_ms: int) -> None:
    busy = Busy(0, 100)
    for interval in intervals:
        busy.add(*interval)
    assert (busy.busy_ms, busy.span_ms, busy.exact) == (busy_ms, 100, True)


def test_a_run_over_slices() -> None:
    busy = Busy(0, 10 * SLICE_MS)
    busy.add(SLICE_MS - 100, 3 * SLICE_MS + 50)
    busy.add(SLICE_MS - 50, SLICE_MS + 50)
    assert busy.busy_ms == 2 * SLICE_MS + 150


@given(INTERVALS, st.integers(0, 200), st.integers(0, 300))
def test_it_agrees_with_counting_milliseconds(intervals: list[tuple[int, int]], since: int, span: int) -> None:
    offset = SLICE_MS - 200  # so that a slice ends in the middle
    busy = Busy(offset + since, offset + since + span)
    for start, length in intervals:
        busy.add(offset + start, offset + start + length)
    ran = {ms for start, length in intervals for ms in range(start, start + length)}
    assert busy.busy_ms == len(ran & set(range(since, since + span)))


@given(INTERVALS)
def test_with_little_memory_it_is_an_upper_bound(intervals: list[tuple[int, int]]) -> None:
    exact, bounded = Busy(0, 500), Busy(0, 500, most=5)
    for start, length in intervals:
        exact.add(start, start + length)
        bounded.add(start, start + length)
    assert exact.busy_ms <= bounded.busy_ms <= 500
    assert bounded.exact is False or bounded.busy_ms == exact.busy_ms


def test_the_shorter_half_of_the_pauses_of_the_fullest_slice_is_closed() -> None:
    busy = Busy(0, 2 * SLICE_MS, most=4)
    busy.add(SLICE_MS, SLICE_MS + 10)
    for start in (0, 1_000, 1_011, 5_000):
        busy.add(start, start + 10)
    assert (busy.busy_ms, busy.exact) == (10 + 40 + 1 + 990, False)
