"""The bill by function, source, day or tenant. Pure.

In: records, in any order. Out: rows whose parts sum exactly to the whole bill. It must not know where records come
from. Memory grows with the groups, not with the records.

AWS counts the price tiers for each account, region, architecture and calendar month (UTC). All groups that share such
a month pay the same rate for a GB-second: the month's compute cost is divided in proportion to use. In the first tier,
which is all that most ever see, that is exactly the price of what a group used. Above it a share may have no end in
decimals; shares are then rounded to 1e-23 dollars so that they still sum to the whole: what is left over goes to the
shares that lost most by rounding down, among equals to the first by name. Tiers are counted from the given records:
a month that is given in part begins in the first tier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Context, Decimal, localcontext

from yobu.meter.bill import compute_cost
from yobu.meter.prices import EPHEMERAL, EPHEMERAL_FREE_MB, REQUEST
from yobu.meter.usage import UsageRecord

DAY_MS = 86_400_000
_GB_SECOND = Decimal("9.765625E-7")
"""GB-seconds in a megabyte-millisecond: 1 / (1024 x 1000), which has an end."""
_PLACES = 23
"""Decimals of a cost that are exact: 13 of the GB-seconds and 10 of the prices."""
_EXACT = Context(prec=100)


@dataclass(frozen=True, slots=True)
class Row:
    """What the invocations of one group used and cost, in dollars, not rounded.

    `group` is a function's ARN, a source (`api`, `s3.amazonaws.com`, an ARN), a day (`2026-11-25`) or an account.
    """

    group: str
    requests: int = 0
    errors: int = 0
    cold_starts: int = 0
    gb_seconds: Decimal = Decimal(0)
    request_cost: Decimal = Decimal(0)
    compute_cost: Decimal = Decimal(0)
    ephemeral_cost: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """All that the group costs."""
        with localcontext(_EXACT):
            return self.request_cost + self.compute_cost + self.ephemeral_cost


def _day(record: UsageRecord) -> str:
    return datetime.fromtimestamp(record.start_ms // DAY_MS * 86_400, UTC).strftime("%Y-%m-%d")


BY: Mapping[str, Callable[[UsageRecord], str]] = {
    "function": lambda record: record.function,
    "source": lambda record: record.cause,
    "day": _day,
    "tenant": lambda record: record.account,
}
"""What records can be grouped by. A tenant is an account: invocations have no TenantId yet."""


@dataclass(slots=True)
class _Counts:
    """What one group used so far; `ephemeral` in MB-milliseconds above the free part."""

    requests: int = 0
    errors: int = 0
    cold_starts: int = 0
    used: int = 0
    ephemeral: int = 0


class Summary:
    """A bill in the making: `add` each record once, then `rows`."""

    def __init__(self, by: str) -> None:
        """Raises KeyError where records cannot be grouped `by` that."""
        self._by = by
        self._group = BY[by]
        self._counts: dict[str, _Counts] = {}
        # MB-milliseconds by group, for each account, region, architecture and month: whole numbers, so exact.
        self._months: dict[int, str] = {}
        self._pools: dict[tuple[str, str, str, str], dict[str, int]] = {}

    def add(self, record: UsageRecord) -> None:
        """Count one invocation."""
        group = self._group(record)
        counts = self._counts.get(group)
        if counts is None:
            counts = self._counts[group] = _Counts()
        used = record.memory_mb * record.billed_ms
        counts.requests += 1
        counts.errors += record.error is not None
        counts.cold_starts += record.cold
        counts.used += used
        counts.ephemeral += max(0, record.ephemeral_mb - EPHEMERAL_FREE_MB) * record.billed_ms
        day = record.start_ms // DAY_MS
        month = self._months.get(day)
        if month is None:
            month = self._months[day] = _day(record)[:7]
        pool = self._pools.setdefault((record.account, record.region, record.architecture, month), {})
        pool[group] = pool.get(group, 0) + used

    def rows(self) -> list[Row]:
        """The groups: days in their order, others by cost, the dearest first, among equals by name.

        Raises KeyError for an architecture that has no price.
        """
        with localcontext(_EXACT):
            compute = self._compute()
            found = [_row(group, counts, compute[group]) for group, counts in self._counts.items()]
        if self._by == "day":
            return sorted(found, key=lambda row: row.group)
        return sorted(found, key=lambda row: (-row.total, row.group))

    def _compute(self) -> dict[str, Decimal]:
        """The compute cost of each group, over all accounts, regions, architectures and months."""
        costs = dict.fromkeys(self._counts, Decimal(0))
        for (_, _, architecture, _), used in self._pools.items():
            groups = sorted(used)
            uses = [used[group] for group in groups]
            cost = compute_cost(architecture, sum(uses) * _GB_SECOND)
            for group, share in zip(groups, shares(cost, uses), strict=True):
                costs[group] += share
        return costs


def summary(records: Iterable[UsageRecord], by: str) -> list[Row]:
    """The rows of `records` grouped by `function`, `source`, `day` or `tenant`. Raises KeyError for another."""
    made = Summary(by)
    for record in records:
        made.add(record)
    return made.rows()


def whole(rows: Iterable[Row]) -> Row:
    """The sum of `rows`, exactly; its group is `total`."""
    listed = list(rows)
    with localcontext(_EXACT):
        sums = {
            name: sum((getattr(row, name) for row in listed), getattr(_NOTHING, name))
            for name in (field.name for field in fields(Row))
            if name != "group"
        }
    return Row("total", **sums)


_NOTHING = Row("nothing")


def shares(cost: Decimal, uses: Sequence[int]) -> list[Decimal]:
    """`cost` (at most 23 decimals) divided in proportion to `uses`: 23 decimals each, and their sum is `cost`."""
    all_used = sum(uses)
    units = int(cost.scaleb(_PLACES))
    parts = [divmod(units * use, all_used) if all_used else (0, 0) for use in uses]
    left = units - sum(part for part, _ in parts) if all_used else 0
    # A stable sort: among equals the first.
    lucky = set(sorted(range(len(parts)), key=lambda index: -parts[index][1])[:left])
    return [Decimal(part + (index in lucky)).scaleb(-_PLACES) for index, (part, _) in enumerate(parts)]


def plain(amount: Decimal) -> str:
    """Every digit and no more, never with an exponent: `0.0000002020833375`, `0`."""
    text = f"{amount:f}"
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text


def _row(group: str, counts: _Counts, compute: Decimal) -> Row:
    return Row(
        group=group,
        requests=counts.requests,
        errors=counts.errors,
        cold_starts=counts.cold_starts,
        gb_seconds=counts.used * _GB_SECOND,
        request_cost=counts.requests * REQUEST,
        compute_cost=compute,
        ephemeral_cost=counts.ephemeral * _GB_SECOND * EPHEMERAL,
    )
