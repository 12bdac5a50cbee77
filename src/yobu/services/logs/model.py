"""State, rules and errors of CloudWatch Logs.

Keys: ("logs", "group", account, region, group), ("logs", "stream", account, region, group, stream). Lines lie in the
packed file under ("log", account, region, group, stream), in order of arrival.
"""

from __future__ import annotations

import msgspec

from yobu.base.errors import AwsError
from yobu.store.port import Tx
from yobu.store.space import Space

DELETED = "logs.deleted"
"""Topic woken when a group or stream is deleted, so that the sink makes it anew at its next line."""

CREATED = "logs.created"
"""Topic woken when a stream is made, so that whoever follows its group looks at it too."""

MAX_EVENT_BYTES = 1_048_576
MAX_BATCH_BYTES = 1_048_576
EVENT_OVERHEAD = 26
DAY_MS = 24 * 3600 * 1000
OLDEST_MS = 14 * DAY_MS
NEWEST_MS = 2 * 3600 * 1000
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


class Group(msgspec.Struct, frozen=True, omit_defaults=True):
    """A log group. `created_ms` is milliseconds since 1970, `retention_days` None for ever.

    `policy` is a new number with every change of the retention.
    """

    created_ms: int
    retention_days: int | None = None
    policy: int = 0
    tags: dict[str, str] = {}


class Stream(msgspec.Struct, frozen=True, array_like=True):
    """A log stream."""

    created_ms: int


class Event(msgspec.Struct, frozen=True, array_like=True):
    """A line: its own time and its arrival, milliseconds since 1970."""

    at_ms: int
    ingested_ms: int
    message: str


GROUPS: Space[Group] = Space(("logs", "group"), Group)
STREAMS: Space[Stream] = Space(("logs", "stream"), Stream)


def lines_of(account: str, region: str, group: str, *stream: str) -> tuple[str, ...]:
    """Where a stream's lines lie in the packed file (without a stream: those of the whole group)."""
    return ("log", account, region, group, *stream)


def group_name(text: str) -> str:
    """The group's name in `arn:aws:logs:REGION:ACCOUNT:log-group:NAME` (with or without `:*`); a name is one itself."""
    return text.removesuffix(":*").rpartition(":log-group:")[2]


async def ensure_stream(tx: Tx, place: tuple[str, str, str, str], now_ms: int) -> None:
    """Make a stream (account, region, group, stream) and its group, where they are missing."""
    if await GROUPS.get(tx, *place[:3]) is None:
        GROUPS.put(tx, place[:3], Group(now_ms))
    if await STREAMS.get(tx, *place) is None:
        STREAMS.put(tx, place, Stream(now_ms))
        tx.wake(CREATED)


def no_such_group() -> AwsError:
    """ResourceNotFoundException, for a group."""
    return AwsError("ResourceNotFoundException", "The specified log group does not exist.")


def no_such_stream() -> AwsError:
    """ResourceNotFoundException, for a stream."""
    return AwsError("ResourceNotFoundException", "The specified log stream does not exist.")


def group_exists() -> AwsError:
    """ResourceAlreadyExistsException, for a group."""
    return AwsError("ResourceAlreadyExistsException", "The specified log group already exists")


def stream_exists() -> AwsError:
    """ResourceAlreadyExistsException, for a stream."""
    return AwsError("ResourceAlreadyExistsException", "The specified log stream already exists")


def invalid(message: str) -> AwsError:
    """InvalidParameterException."""
    return AwsError("InvalidParameterException", message)
