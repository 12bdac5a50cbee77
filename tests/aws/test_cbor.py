"""CBOR: RFC 8949's own examples, what is malformed, and any value there and back."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.aws import cbor
from yobu.aws.http import Request
from yobu.aws.service import Catalogue, Service
from yobu.base.errors import AwsError

# RFC 8949, appendix A.
EXAMPLES: list[tuple[str, Any]] = [
    ("00", 0),
    ("17", 23),
    ("1818", 24),
    ("1903e8", 1000),
    ("1b000000e8d4a51000", 1000000000000),
    ("1bffffffffffffffff", 18446744073709551615),
    ("c249010000000000000000", 18446744073709551616),
    ("3bffffffffffffffff", -18446744073709551616),
    ("c349010000000000000000", -18446744073709551617),
    ("20", -1),
    ("3903e7", -1000),
    ("fb3ff199999999999a", 1.1),
    ("f4", False),
    ("f5", True),
    ("f6", None),
    ("40", b""),
    ("4401020304", b"\x01\x02\x03\x04"),
    ("6449455446", "IETF"),
    ("62c3bc", "\u00fc"),
    ("80", []),
    ("83010203", [1, 2, 3]),
    ("a0", {}),
    ("a26161016162820203", {"a": 1, "b": [2, 3]}),
    ("c11a514b67b0", cbor.Tag(1, 1363896240)),
]
ONLY_READ: list[tuple[str, Any]] = [
    ("f93c00", 1.0),
    ("fa47c35000", 100000.0),
    ("f97c00", math.inf),
    ("5f42010243030405ff", b"\x01\x02\x03\x04\x05"),
    ("7f657374726561646d696e67ff", "streaming"),
    ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
    ("bf61610161629f0203ffff", {"a": 1, "b": [2, 3]}),
    ("f7", None),
]


@pytest.mark.parametrize(("data", "value"), EXAMPLES)
def test_examples(data: str, value: Any) -> None:
    assert cbor.decode(bytes.fromhex(data)) == value
    assert cbor.encode(value).hex() == data


@pytest.mark.parametrize(("data", "value"), ONLY_READ)
def test_forms_that_are_only_read(data: str, value: Any) -> None:
    assert cbor.decode(bytes.fromhex(data)) == value


@pytest.mark.parametrize(
    "data",
    ["", "18", "1c", "62c3", "61ff", "83010", "8301", "a161", "a10101", "ff", "9fff00", "9f", "bf6161", "bf61ff",
     "5f6161ff", "1f", "9bffffffffffffffff", "7bffffffffffffffff", "c201", "f8ff", "81" * 300 + "00", "0000"],
)  # fmt: skip
def test_malformed(data: str) -> None:
    with pytest.raises(cbor.MalformedCbor):
        cbor.decode(bytes.fromhex(data if len(data) % 2 == 0 else data + "0")[: len(data) // 2])


def test_what_has_no_form() -> None:
    with pytest.raises(TypeError):
        cbor.encode(object())


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


@settings(deadline=None)
@given(values)
def test_there_and_back(value: Any) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=60))
def test_noise_is_malformed_or_a_value(data: bytes) -> None:
    try:
        cbor.decode(data)
    except cbor.MalformedCbor:
        return
    assert data


@cache
def cloudwatch() -> Service:
    return Catalogue().service("cloudwatch")


REQUEST = Request(
    "POST", "/service/GraniteServiceVersion20100801/operation/PutMetricData", "", [("smithy-protocol", "rpc-v2-cbor")]
)


def test_routes() -> None:
    assert cloudwatch().route(REQUEST, b"") == "PutMetricData"
    unknown = Request("POST", "/service/GraniteServiceVersion20100801/operation/Nothing", "", REQUEST.headers)
    with pytest.raises(AwsError, match="UnknownOperationException"):
        cloudwatch().route(unknown, b"")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([], "Start of list found where not expected"),
        ({"Namespace": 1}, "NUMBER_VALUE can not be converted to a String"),
        ({"MetricData": "x"}, "Expected list or null"),
        ({"MetricData": ["x"]}, "Expected null"),
        ({"MetricData": [{"Timestamp": 1}]}, "A timestamp must be epoch seconds with tag 1"),
        ({"MetricData": [{"Timestamp": cbor.Tag(1, 1e300)}]}, "timestamp out of range"),
        ({"MetricData": [{"Value": "1"}]}, "STRING_VALUE can not be converted to a Double"),
        ({"StrictEntityValidation": 1}, "NUMBER_VALUE can not be converted to a Boolean"),
    ],
)
def test_wrong_types(value: Any, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        cloudwatch().parse("PutMetricData", REQUEST, cbor.encode(value))
    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_malformed_bodies_and_empty_ones() -> None:
    with pytest.raises(AwsError, match="Malformed CBOR"):
        cloudwatch().parse("PutMetricData", REQUEST, b"\xff")
    assert cloudwatch().parse("PutMetricData", REQUEST, b"") == {}
