"""The bill in groups: exact, complete, whatever the order and the grouping."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.meter.test_bill import RECORD, used

from yobu.meter.bill import bill, cost
from yobu.meter.summary import BY, DAY_MS, Summary, plain, shares, summary, whole
from yobu.meter.usage import UsageRecord

TENTH_OF_NOVEMBER = 20_767 * DAY_MS  # 2026-11-10
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"

# Some have more memory than can be, so that a few of them reach the upper tiers.
RECORDS = st.lists(
    st.builds(
        lambda name, cause, account, days, memory, billed, kind, ephemeral, error: msgspec.structs.replace(
            RECORD,
            function=f"{ARN}{name}",
            cause=cause,
            account=account,
            start_ms=TENTH_OF_NOVEMBER + days * DAY_MS,
            memory_mb=memory,
            billed_ms=billed,
            architecture=kind,
            ephemeral_mb=ephemeral,
            error=error,
        ),
        st.sampled_from("abc"),
        st.sampled_from(["api", "s3.amazonaws.com"]),
        st.sampled_from(["123456789012", "000000000000"]),
        st.integers(0, 40),
        st.sampled_from([128, 1_769, 10_240, 10**10 + 7, 10**11]),
        st.integers(1, 900_000),
        st.sampled_from(["x86_64", "arm64"]),
        st.sampled_from([512, 513, 10_240]),
        st.sampled_from([None, "Unhandled"]),
    ),
    max_size=30,
)


def invoices(records: list[UsageRecord]) -> Decimal:
    """The whole bill in another way: one invoice for each account and month."""
    months = defaultdict(list)
    for record in records:
        november = record.start_ms < TENTH_OF_NOVEMBER + 21 * DAY_MS
        months[record.account, november].append(record)
    with localcontext(prec=100):
        return sum((bill(month).total for month in months.values()), Decimal(0))


@given(RECORDS, st.sampled_from(sorted(BY)))
def test_the_parts_sum_to_the_whole_bill(records: list[UsageRecord], by: str) -> None:
    rows = summary(records, by)
    total = whole(rows)
    assert total.total == invoices(records)
    assert total.requests == len(records)
    assert total.errors == sum(record.error is not None for record in records)
    assert all(row.compute_cost >= 0 and row.requests > 0 for row in rows)
    assert len({row.group for row in rows}) == len(rows)


@given(RECORDS, st.randoms(use_true_random=False), st.sampled_from(sorted(BY)))
def test_the_order_of_records_does_not_matter(records: list[UsageRecord], chance: Any, by: str) -> None:
    shuffled = list(records)
    chance.shuffle(shuffled)
    assert summary(shuffled, by) == summary(records, by)


def test_rows_hold_what_each_group_used() -> None:
    records = [
        used(function=ARN + "a"),
        used(function=ARN + "a", error="Unhandled", cold=True, billed_ms=500),
        used(function=ARN + "b", cold=True, architecture="arm64", ephemeral_mb=1_536, memory_mb=10_240),
    ]
    dear, cheap = summary(records, "function")
    assert (dear.group, dear.requests, dear.errors, dear.cold_starts) == (ARN + "b", 1, 0, 1)
    assert (dear.gb_seconds, dear.ephemeral_cost) == (10, Decimal("0.0000000309"))
    assert dear.compute_cost == Decimal("0.000133334")
    assert (cheap.group, cheap.requests, cheap.errors, cheap.cold_starts) == (ARN + "a", 2, 1, 1)
    assert cheap.gb_seconds == Decimal("1.5")
    assert cheap.total == cost(records[0]) + cost(records[1])


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("function", [ARN + "f"]),
        ("source", ["api", "s3.amazonaws.com"]),
        ("day", ["1970-01-01", "2026-11-10"]),
        ("tenant", ["000000000000", "123456789012"]),
    ],
)
def test_each_way_to_group(by: str, groups: list[str]) -> None:
    records = [used(), used(start_ms=TENTH_OF_NOVEMBER, cause="s3.amazonaws.com", account="000000000000")]
    assert sorted(row.group for row in summary(records, by)) == groups


def test_another_way_to_group_is_an_error() -> None:
    with pytest.raises(KeyError):
        Summary("moon")


def test_equals_stand_by_name_and_days_in_their_order() -> None:
    names = [row.group[-1] for row in summary([used(function=ARN + name) for name in "cab"], "function")]
    assert names == ["a", "b", "c"]
    days = [used(start_ms=TENTH_OF_NOVEMBER + day * DAY_MS, billed_ms=1 + day) for day in (2, 0, 1)]
    assert [row.group for row in summary(days, "day")] == ["2026-11-10", "2026-11-11", "2026-11-12"]


def test_in_a_month_above_the_first_tier_all_groups_pay_the_same_rate() -> None:
    records = [used(function=ARN + name, memory_mb=8 * 10**9, billed_ms=1_024_000) for name in "ab"]
    first, second = summary(records, "function")
    assert first.compute_cost == second.compute_cost
    assert first.compute_cost + second.compute_cost == Decimal("100000.2") + 9 * 10**9 * Decimal("0.000015") + (
        10**9 * Decimal("0.0000133334")
    )


def test_each_month_begins_in_the_first_tier() -> None:
    month = 6 * 10**9  # GB-seconds of the first tier
    days = [used(start_ms=TENTH_OF_NOVEMBER + day * DAY_MS, memory_mb=month, billed_ms=1_024_000) for day in (20, 21)]
    assert [row.compute_cost for row in summary(days, "day")] == [Decimal("100000.2")] * 2


def test_what_a_division_leaves_over_goes_to_those_who_lost_most() -> None:
    unit = Decimal("1e-23")
    assert shares(unit * 10, [1, 1, 1]) == [unit * 4, unit * 3, unit * 3]
    assert shares(unit * 10, [5, 1, 1]) == [unit * 7, unit * 2, unit * 1]
    assert shares(Decimal(0), [0, 0]) == [0, 0]
    assert shares(Decimal(3), []) == []


@given(st.integers(0, 10**40), st.lists(st.integers(0, 10**15), min_size=1).filter(any))
def test_shares_are_fair_and_complete(units: int, uses: list[int]) -> None:
    unit = Decimal(1).scaleb(-23)
    with localcontext(prec=100):
        cost = units * unit
        parts = shares(cost, uses)
        assert sum(parts) == cost
        for part, use in zip(parts, uses, strict=True):
            assert abs(part * sum(uses) - cost * use) < unit * sum(uses)


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0"), ("0E-30", "0"), ("1E+3", "1000"), ("0.0000002000", "0.0000002"), ("12.50", "12.5"), ("100", "100")],
)
def test_plain_amounts_have_every_digit_and_no_exponent(amount: str, text: str) -> None:
    assert plain(Decimal(amount)) == text


def test_nothing_costs_nothing() -> None:
    assert summary([], "day") == []
    assert replace(whole([]), group="") == replace(whole(summary([], "function")), group="")
    assert whole([]).total == 0
