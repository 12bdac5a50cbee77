"""The bill of a running node: usage records of a time, grouped, as JSON.

In: the members of a request to the door `/_yobu/bill`. Out: rows with their costs in decimal strings, and how much of
the time anything ran. The records are walked through once; memory grows with the groups, not with the records.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yobu.base.errors import YobuError
from yobu.invoke.usage import LONGEST_MS, Usage
from yobu.meter.busy import Busy
from yobu.meter.period import Period, iso, period
from yobu.meter.summary import BY, Row, Summary, plain, whole

SINCE = "30d"
_PIECE = 100
_COUNTS = ("requests", "errors", "cold_starts")
_AMOUNTS = ("gb_seconds", "request_cost", "compute_cost", "ephemeral_cost", "total")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which bill: grouped how, of what time; `account` and `region` None: of all."""

    by: str
    time: Period
    account: str | None = None
    region: str | None = None


def asked(members: Mapping[str, Any], now_ms: int) -> Asked:
    """The bill that `by`, `since`, `until`, `account` and `region` ask for; by function, of the last 30 days.

    Raises YobuError for a member that says nothing sensible.
    """
    given = {name: str(value) for name, value in members.items() if value not in (None, "")}
    by = given.get("by", "function")
    if by not in BY:
        raise YobuError(f"by must be one of {', '.join(BY)}, not {by!r}")
    account = given.get("account")
    if account is not None and not (len(account) == 12 and account.isascii() and account.isdecimal()):
        raise YobuError(f"account must be 12 digits, not {account!r}")
    try:
        time = period(given.get("since", SINCE), given.get("until"), now_ms)
    except ValueError as error:
        raise YobuError(str(error)) from None
    return Asked(by, time, account, given.get("region"))


async def statement(usage: Usage, ask: Asked) -> dict[str, Any]:
    """The bill as JSON; docs/settings.md names its members. Others have the loop after each hundred records."""
    since_ms, until_ms = ask.time
    made, busy = Summary(ask.by), Busy(since_ms, until_ms)
    seen = 0
    for account, region in await usage.places():
        if ask.account not in (None, account) or ask.region not in (None, region):
            continue
        # What began before the time may have run on within it: busy, but on the bill of the time before.
        async for record in usage.between(account, region, max(0, since_ms - LONGEST_MS), until_ms):
            busy.add(record.start_ms, record.start_ms + record.billed_ms)
            if record.start_ms >= since_ms:
                made.add(record)
            seen += 1
            if seen % _PIECE == 0:
                await asyncio.sleep(0)
    rows = made.rows()
    return {
        "by": ask.by,
        "since": iso(since_ms),
        "until": iso(until_ms),
        "account": ask.account,
        "region": ask.region,
        "rows": [{"group": row.group, **_members(row)} for row in rows],
        "total": _members(whole(rows)),
        "time": {"span_ms": busy.span_ms, "busy_ms": busy.busy_ms, "exact": busy.exact, "idle_cost": "0"},
    }


def _members(row: Row) -> dict[str, Any]:
    counts = {name: getattr(row, name) for name in _COUNTS}
    return {**counts, **{name: plain(getattr(row, name)) for name in _AMOUNTS}}
