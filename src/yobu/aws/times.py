"""Timestamps on the wire: epoch seconds, ISO 8601 and the HTTP date, both ways.

In come texts and numbers from requests and `datetime` or epoch seconds from rooms; out go aware `datetime`s and
texts. Knows nothing of shapes or services.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import gmtime

Instant = datetime | int | float
"""What a room may give for a timestamp: a `datetime` (a naive one counts as UTC) or epoch seconds."""

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# fromisoformat also takes week dates and other forms that no service takes.
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:[Zz]|[+-]\d\d:?\d\d)?)?\Z")


def epoch(value: Instant) -> float:
    """Epoch seconds of an instant; whole seconds come back as `int`, so that JSON shows them without a point."""
    if isinstance(value, datetime):
        value = _utc(value).timestamp()
    return int(value) if value == int(value) else value


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def moment(value: Instant) -> datetime:
    """An instant as an aware `datetime` in UTC."""
    return _utc(value) if isinstance(value, datetime) else _EPOCH + timedelta(seconds=value)


def iso8601(value: Instant) -> str:
    """`2009-10-12T17:50:30Z`, with milliseconds only where there are some (query and most rest-xml services)."""
    text = iso8601_millis(value)
    return text[:-5] + "Z" if text.endswith(".000Z") else text


def iso8601_millis(value: Instant) -> str:
    """`2009-10-12T17:50:30.000Z`: S3's form."""
    return moment(value).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def http_date(value: Instant) -> str:
    """`Mon, 12 Oct 2009 17:50:30 GMT`, the form of HTTP headers."""
    t = gmtime(int(epoch(value)))
    return (
        f"{_DAYS[t.tm_wday]}, {t.tm_mday:02d} {_MONTHS[t.tm_mon - 1]} {t.tm_year:04d} "
        f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} GMT"
    )


def from_epoch(value: float | str) -> datetime:
    """Epoch seconds (number or text) as a `datetime`. Raises ValueError where it is none or out of range."""
    try:
        return _EPOCH + timedelta(seconds=float(value))
    except OverflowError as error:
        raise ValueError("timestamp out of range") from error


def from_iso8601(text: str) -> datetime:
    """An ISO 8601 text as a `datetime`. Raises ValueError."""
    if not _ISO.match(text):
        raise ValueError("not an ISO 8601 timestamp")
    try:
        return _utc(datetime.fromisoformat(text.upper()))
    except OverflowError as error:
        raise ValueError("timestamp out of range") from error


def from_http_date(text: str) -> datetime:
    """An HTTP date (RFC 7231, with tolerance for numeric zones) as a `datetime`. Raises ValueError."""
    try:
        return _utc(parsedate_to_datetime(text))
    except (TypeError, IndexError, OverflowError) as error:
        raise ValueError("not an HTTP date") from error


def from_any(text: str) -> datetime:
    """Any of the three forms: AWS's query strings and forms take each. Raises ValueError."""
    if text[:1].isalpha():
        return from_http_date(text)
    if "-" in text[1:]:
        return from_iso8601(text)
    return from_epoch(text)
