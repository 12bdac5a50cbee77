from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.base.errors import AwsError
from yobu.services.dynamodb import values

numbers = st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-(10**9), max_value=10**9).map(str)
scalars: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.text(max_size=8).map(lambda text: {"S": text}),
    numbers.map(lambda text: {"N": text}),
    st.binary(max_size=8).map(lambda data: {"B": data}),
    st.booleans().map(lambda flag: {"BOOL": flag}),
    st.just({"NULL": True}),
    st.sets(st.text(min_size=1, max_size=4), min_size=1, max_size=4).map(lambda members: {"SS": list(members)}),
    st.sets(st.integers(), min_size=1, max_size=4).map(lambda members: {"NS": [str(one) for one in members]}),
    st.sets(st.binary(min_size=1, max_size=4), min_size=1, max_size=4).map(lambda members: {"BS": list(members)}),
)
anything: st.SearchStrategy[dict[str, Any]] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda members: {"L": members})
        | st.dictionaries(st.text(max_size=4), inner, max_size=3).map(lambda members: {"M": members})
    ),
    max_leaves=8,
)


@given(anything)
def test_a_taken_value_is_settled_and_measured(value: dict[str, Any]) -> None:
    try:
        taken, size = values.take(value)
    except AwsError as error:
        assert "38 significant digits" in error.message
        return
    assert values.take(taken) == (taken, size)
    assert values.size(taken) == size
    assert values.kind(taken) == values.kind(value)


@given(st.permutations(["b", "a", "é", "c"]), st.permutations(["1", "-2", "10", "0.5"]))
def test_equal_sets_are_equal_whatever_their_order(texts: list[str], figures: list[str]) -> None:
    assert values.take({"SS": texts})[0] == {"SS": ["a", "b", "c", "é"]}
    assert values.take({"NS": figures})[0] == {"NS": ["-2", "0.5", "1", "10"]}


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "aé"}, 3),
        ({"B": b"abc"}, 3),
        ({"BOOL": False}, 1),
        ({"NULL": True}, 1),
        ({"SS": ["a", "bcd"]}, 4),
        ({"NS": ["1", "-1"]}, 5),
        ({"BS": [b"a", b"bc"]}, 3),
        ({"L": []}, 3),
        ({"M": {}}, 3),
        ({"L": [{"S": "a"}, {"N": "1"}]}, 3 + 2 + 1 + 2),
        ({"M": {"key": {"S": "a"}}}, 3 + 1 + 3 + 1),
    ],
)
def test_size(value: dict[str, Any], size: int) -> None:
    assert values.take(value)[1] == size


def test_an_item_counts_its_names() -> None:
    assert values.take_item({"né": {"S": "x"}, "b": {"N": "1"}})[1] == 3 + 1 + 1 + 2


@given(st.text(max_size=4), st.text(max_size=4))
def test_texts_have_the_order_of_their_bytes(left: str, right: str) -> None:
    one, two = left.encode(), right.encode()
    assert values.order({"S": left}, {"S": right}) == (one > two) - (one < two)


@given(numbers, numbers)
def test_numbers_have_their_own_order(left: str, right: str) -> None:
    one, two = Decimal(left), Decimal(right)
    assert values.order({"N": left}, {"N": right}) == (one > two) - (one < two)


@pytest.mark.parametrize("pair", [({"S": "1"}, {"N": "1"}), ({"BOOL": True}, {"BOOL": False}), ({"L": []}, {"L": []})])
def test_what_has_no_order(pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    assert values.order(*pair) is None


@pytest.mark.parametrize(("value", "depth"), [({"S": ""}, 1), ({"L": []}, 1), ({"M": {"a": {"L": [{"S": "x"}]}}}, 3)])
def test_depth(value: dict[str, Any], depth: int) -> None:
    assert values.depth(value) == depth
