"""Times as people name them."""

from __future__ import annotations

import pytest

from yobu.meter.period import instant, iso, period

NOW = 1_795_575_600_000  # 2026-11-25T03:00:00Z
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("12h", "2026-11-24T15:00:00.000Z"),
        ("30d", "2026-10-26T03:00:00.000Z"),
        ("99999d", "1970-01-01T00:00:00.000Z"),
        ("2026-11-25", "2026-11-25T00:00:00.000Z"),
        ("2026-11-24T14:30", "2026-11-24T14:30:00.000Z"),
        ("2026-11-24T14:30:00Z", "2026-11-24T14:30:00.000Z"),
        ("2026-11-24T14:30:00.250+02:00", "2026-11-24T12:30:00.250Z"),
    ],
)
def test_a_time(text: str, meant: str) -> None:
    assert iso(instant(text, NOW)) == meant


@pytest.mark.parametrize(
    "text", ["", "yesterday", "30", "d", "-1d", "1.5d", "2026-13-01", "1969-12-31", "0001-01-01T00:00:00+14:00", "٣d"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^until must be a date \(2026-11-25\), a time"):
        instant(text, NOW, "until")


def test_a_period_ends_now_or_before() -> None:
    assert period("1h", None, NOW) == (NOW - HOUR, NOW)
    assert period("3h", "1h", NOW) == (NOW - 3 * HOUR, NOW - HOUR)
    assert period("1h", "2030-01-01", NOW) == (NOW - HOUR, NOW)


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-12-01", None, "since 2026-12-01 and now"),
        ("2026-12-01", "2027-01-01", "since 2026-12-01 and now"),
        ("1d", "2d", "since 1d and until 2d"),
        ("0h", None, "since 0h and now"),
    ],
)
def test_a_period_has_some_time_in_it(since: str, until: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        period(since, until, NOW)
