"""Prices, checked against AWS's own worked examples where there is one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.meter.bill import bill, compute_cost, cost, dollars
from yobu.meter.usage import UsageRecord, decode, encode

RECORD = UsageRecord(
    request_id="r",
    account="123456789012",
    region="us-east-1",
    function="arn:aws:lambda:us-east-1:123456789012:function:f",
    version="$LATEST",
    cause="api",
    kind="RequestResponse",
    start_ms=0,
    init_ms=None,
    duration_ms=999.5,
    billed_ms=1_000,
    memory_mb=1_024,
    max_memory_mb=60,
    architecture="x86_64",
    cold=False,
)


def used(**of: Any) -> UsageRecord:
    return msgspec.structs.replace(RECORD, **of)


@pytest.mark.parametrize(
    ("of", "dollars_"),
    [
        ({}, "0.0000168667"),
        ({"architecture": "arm64"}, "0.0000135334"),
        ({"memory_mb": 128, "billed_ms": 1}, "0.0000002020833375"),
        ({"memory_mb": 1_536, "billed_ms": 120}, "0.000003200006"),  # AWS's example: 3,000,000 of them cost $9.60
        ({"ephemeral_mb": 512 + 1_024}, "0.0000168976"),
        ({"ephemeral_mb": 100}, "0.0000168667"),
    ],
)
def test_cost_of_one_invocation(of: dict[str, Any], dollars_: str) -> None:
    assert cost(used(**of)) == Decimal(dollars_)


def test_an_architecture_without_a_price_is_an_error() -> None:
    with pytest.raises(KeyError):
        cost(used(architecture="mips"))


@pytest.mark.parametrize(
    ("architecture", "amount", "expected"),
    [
        ("x86_64", 0, "0"),
        ("x86_64", 6_000_000_000, "100000.2"),
        ("x86_64", 7_000_000_000, "115000.2"),
        ("x86_64", 16_000_000_000, "248333.6"),
        ("arm64", 7_500_000_000, "100000.5"),
        ("arm64", 18_750_000_000, "235001.625"),
        ("arm64", 18_750_000_001, "235001.6250106667"),
    ],
)
def test_compute_is_cheaper_in_the_upper_tiers(architecture: str, amount: int, expected: str) -> None:
    assert compute_cost(architecture, Decimal(amount)) == Decimal(expected)


def test_the_bill_adds_up_by_architecture() -> None:
    records = [used(), used(), used(architecture="arm64", ephemeral_mb=1_536)]
    made = bill(records)
    assert made.requests == 3
    assert made.gb_seconds == {"x86_64": Decimal(2), "arm64": Decimal(1)}
    assert made.request_cost == Decimal("0.0000006")
    assert made.compute_cost == {"x86_64": Decimal("0.0000333334"), "arm64": Decimal("0.0000133334")}
    assert made.ephemeral_cost == Decimal("0.0000000309")
    assert made.total == sum(cost(record) for record in records)


def test_an_empty_bill_is_nothing() -> None:
    assert bill([]).total == 0


@given(st.lists(st.tuples(st.integers(1, 10_240), st.integers(1, 900_000), st.sampled_from(["x86_64", "arm64"]))))
def test_below_the_tiers_a_bill_is_the_sum_of_its_invocations(uses: list[tuple[int, int, str]]) -> None:
    records = [used(memory_mb=memory, billed_ms=time, architecture=kind) for memory, time, kind in uses]
    assert abs(bill(records).total - sum(map(cost, records), Decimal(0))) < Decimal("1e-15")


def test_dollars_are_rounded_half_up() -> None:
    assert dollars(Decimal("0.00000020208")) == "$0.0000002021"
    assert dollars(Decimal("1.005"), 2) == "$1.01"


def test_a_record_survives_packing() -> None:
    assert decode(encode(RECORD)) == RECORD
    with pytest.raises(msgspec.DecodeError):
        decode(b"\xc1")


def test_a_record_of_before_a_new_field_is_read() -> None:
    """Fields are added at the end, with a default: what lies in a data folder stays readable."""
    fields = msgspec.msgpack.decode(encode(RECORD))
    assert decode(msgspec.msgpack.encode(fields[:-2])) == RECORD
