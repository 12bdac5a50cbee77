"""Timestamps, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.aws import times

MOMENT = datetime(2009, 10, 12, 17, 50, 30, 250000, UTC)


@pytest.mark.parametrize("value", [MOMENT, MOMENT.timestamp(), MOMENT.astimezone(timezone(timedelta(hours=3)))])
def test_forms(value: times.Instant) -> None:
    assert times.iso8601(value) == times.iso8601_millis(value) == "2009-10-12T17:50:30.250Z"
    assert times.http_date(value) == "Mon, 12 Oct 2009 17:50:30 GMT"
    assert times.epoch(value) == MOMENT.timestamp()


def test_whole_seconds() -> None:
    whole = MOMENT.replace(microsecond=0)
    assert times.iso8601(whole) == "2009-10-12T17:50:30Z"
    assert times.iso8601_millis(whole.replace(tzinfo=None)) == "2009-10-12T17:50:30.000Z"
    assert isinstance(times.epoch(whole), int)


@given(st.integers(0, 2**33))
def test_http_dates_as_the_standard_library_reads_them(seconds: int) -> None:
    assert parsedate_to_datetime(times.http_date(seconds)).timestamp() == seconds
    assert times.from_any(times.http_date(seconds)) == times.from_epoch(seconds)
    assert times.from_any(times.iso8601(seconds)) == times.from_epoch(seconds)


@pytest.mark.parametrize(
    "text",
    ["2009-10-12T17:50:30Z", "2009-10-12t17:50:30z", "2009-10-12T19:50:30+02:00", "2009-10-12T19:50:30+0200",
     "1255369830", "1255369830.0", "Mon, 12 Oct 2009 17:50:30 GMT", "Mon, 12 Oct 2009 19:50:30 +0200"],
)  # fmt: skip
def test_what_is_read(text: str) -> None:
    assert times.from_any(text) == MOMENT.replace(microsecond=0)


@pytest.mark.parametrize(
    "text",
    ["", "x", "today", "2009", "2009-W42", "2009-13-01T00:00:00Z", "2009-10-12T25:00:00Z", "1e400", "nan", "inf",
     "99999999999999", "Mon, 99 Foo 2009", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-23:00", "-"],
)  # fmt: skip
def test_what_is_not(text: str) -> None:
    if text == "2009":
        assert times.from_any(text) == times.from_epoch(2009)
        return
    with pytest.raises(ValueError):
        times.from_any(text)
