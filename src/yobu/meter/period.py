"""The times that people and clients name. Pure.

In: `2026-11-25`, `2026-11-25T14:30:00Z`, `30d`, `12h`. Out: milliseconds since 1970. Everything is UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple

_AGO = re.compile(r"([0-9]{1,5})([dh])")
_UNIT_MS = {"d": 86_400_000, "h": 3_600_000}
_FORMS = "a date (2026-11-25), a time (2026-11-25T14:30:00Z), or how long ago (30d, 12h)"


class Period(NamedTuple):
    """From `since_ms` (included) to `until_ms` (excluded), milliseconds since 1970."""

    since_ms: int
    until_ms: int


def instant(text: str, now_ms: int, name: str = "since") -> int:
    """The milliseconds since 1970 that `text` means at `now_ms`; a date is its first instant.

    Raises ValueError, in words for whoever gave the setting `name`.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0, now_ms - int(ago[1]) * _UNIT_MS[ago[2]])
    try:
        when = datetime.fromisoformat(text)
        found = int((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        found = -1
    if found < 0:
        raise ValueError(f"{name} must be {_FORMS}, not {text!r}")
    return found


def period(since: str, until: str | None, now_ms: int) -> Period:
    """The time from `since` to `until`, which is now where it is None or still to come.

    Raises ValueError for a text that is no time, and where nothing lies between the two.
    """
    end = now_ms if until is None else min(instant(until, now_ms, "until"), now_ms)
    start = instant(since, now_ms, "since")
    if start >= end:
        said = "now" if until is None or end == now_ms else f"until {until}"
        raise ValueError(f"there is no time between since {since} and {said}")
    return Period(start, end)


def iso(ms: int) -> str:
    """`2026-11-25T14:30:00.000Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
