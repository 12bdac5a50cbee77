from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from yobu.services.dynamodb import keys, numbers
from yobu.store.port import MAX_KEY

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=6)
figures = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=6).map(
    lambda number: numbers.normal(format(number, "f"))
)


@given(st.lists(texts, max_size=8))
def test_texts_sort_by_their_bytes(given: list[str]) -> None:
    assert sorted(given, key=lambda text: keys.sort({"S": text})) == sorted(given, key=str.encode)


@given(st.lists(st.binary(max_size=6), max_size=8))
def test_binaries_sort_unsigned(given: list[bytes]) -> None:
    assert sorted(given, key=lambda data: keys.sort({"B": data})) == sorted(given)


@given(st.lists(figures, max_size=8))
def test_numbers_sort_by_value(given: list[str]) -> None:
    assert sorted(given, key=lambda text: keys.sort({"N": text})) == sorted(given, key=Decimal)


@given(
    st.binary(max_size=4) | st.sampled_from((b"\x00" * 400, b"a" * 161)), st.binary(max_size=4), st.binary(max_size=4)
)
def test_a_partition_holds_its_keys_and_no_others(one: bytes, two: bytes, tail: bytes) -> None:
    start, end = keys.whole(keys.partition({"B": one}))
    inside = keys.partition({"B": one}) + keys.sort({"B": tail})
    outside = keys.partition({"B": two}) + keys.sort({"B": tail})
    assert start <= inside < end
    assert (start <= outside < end) == (one == two)


@given(st.integers(1, 200), st.text(max_size=5))
def test_segments_share_out_every_partition(total: int, text: str) -> None:
    prefix = keys.prefix(7, 0)
    key = prefix + keys.partition({"S": text})
    holders = [
        number for number in range(total) if (part := keys.segment(prefix, number, total)).start <= key < part.end
    ]
    assert len(holders) == 1


def longest(kind: str) -> tuple[Any, Any]:
    return {"S": "\x00" * 2048}, {"S": "\x00" * 1024} if kind == "S" else {"B": b"\x00" * 1024}


def test_the_longest_keys_fit_the_store() -> None:
    hash, range = longest("S")
    primary = keys.partition(hash) + keys.sort(range)
    assert len(keys.prefix(2**63 - 1, 20) + primary) <= MAX_KEY
    assert len(keys.prefix(2**63 - 1, 20) + keys.partition(hash) + keys.sort(range) + keys.tail(primary)) <= MAX_KEY


def test_generations_and_indexes_lie_apart() -> None:
    everything = keys.everything(5)
    for index in (0, 1, 25):
        key = keys.prefix(5, index) + keys.partition({"S": "x"})
        assert everything.start <= key < everything.end
    assert not everything.start <= keys.prefix(6, 0) + keys.partition({"S": "x"}) < everything.end
