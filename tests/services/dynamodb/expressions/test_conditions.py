"""What conditions say of items; their messages are in tests/cases/dynamodb/conditions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.services.dynamodb.expressions.compiled import Bindings, Expressions

ITEM: dict[str, Any] = {
    "s": {"S": "héllo"},
    "n": {"N": "3"},
    "b": {"B": b"abc"},
    "t": {"BOOL": True},
    "z": {"NULL": True},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "bs": {"BS": [b"x"]},
    "l": {"L": [{"N": "1"}, {"S": "a"}, {"L": [{"S": "deep"}]}]},
    "m": {"M": {"k": {"S": "v"}, "with.dot": {"N": "1"}}},
}
VALUES: dict[str, Any] = {
    ":s": {"S": "héllo"},
    ":h": {"S": "h"},
    ":a": {"S": "a"},
    ":v": {"S": "v"},
    ":deep": {"S": "deep"},
    ":n": {"N": "3.0"},
    ":one": {"N": "1"},
    ":six": {"N": "6"},
    ":b": {"B": b"ab"},
    ":x": {"B": b"x"},
    ":t": {"BOOL": True},
    ":ss": {"SS": ["b", "a"]},
    ":type": {"S": "NS"},
    ":l": {"L": [{"S": "deep"}]},
}
EXPRESSIONS = Expressions()


def holds(text: str, item: dict[str, Any] | None = None) -> bool:
    used = {name: value for name, value in VALUES.items() if name in text.replace(",", " ").replace(")", " ").split()}
    params: dict[str, Any] = {"ConditionExpression": text, "ExpressionAttributeNames": {"#dot": "with.dot"}}
    if "#dot" not in text:
        del params["ExpressionAttributeNames"]
    if used:
        params["ExpressionAttributeValues"] = used
    bindings = Bindings(EXPRESSIONS, params)
    condition = bindings.condition("ConditionExpression")
    assert condition is not None
    bindings.check_used()
    return condition.does(ITEM if item is None else item, bindings.values)


@pytest.mark.parametrize(
    "text",
    [
        "s = :s",
        "n = :n",
        "ss = :ss",
        "t = :t",
        ":n = n",
        "n <> :one",
        "nothing <> :one",
        "nothing <> nowhere",
        "n > :one",
        "n >= :n",
        ":one < n",
        "s > :h",
        "b > :b",
        "n BETWEEN :one AND :six",
        "n between :one and :six and s = :s",
        "n IN ( :one , :n )",
        "NOT n = :one",
        "NOT nothing = :one",
        "not (n = :one OR s = :h )",
        "n = :one OR n = :n AND s = :s",
        "attribute_exists(m.k)",
        "attribute_exists(l[2][0])",
        "attribute_exists(m.#dot)",
        "attribute_not_exists(m.k.deeper)",
        "attribute_not_exists(l[9])",
        "attribute_type(ns, :type )",
        "begins_with(s, :h )",
        "begins_with(b, :b )",
        "contains(s, :h )",
        "contains(b, :b )",
        "contains(ss, :a )",
        "contains(ns, :one )",
        "contains(bs, :x )",
        "contains(l, :a )",
        "contains(l, :l )",
        "size(s) = :six",
        "size(b) = :n",
        "size(l) = :n",
        "size(l) > :one",
        "size(m) < :n",
        "size(ss) <> size(bs)",
        "m.k = :v",
        "l[2][0] = :deep",
    ],
)
def test_true(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "s = :h",
        "s = :n",
        "nothing = :one",
        "nothing = nowhere",
        "nothing < :one",
        "s < :one",
        "n < :h",
        "t > s",
        "n BETWEEN :h AND :s",
        "nothing IN ( :one )",
        "attribute_exists(m.nothing)",
        "attribute_exists(s.k)",
        "attribute_not_exists(s)",
        "attribute_type(s, :type )",
        "attribute_type(nothing, :type )",
        "begins_with(n, :h )",
        "begins_with(b, :h )",
        "contains(n, :one )",
        "contains(ss, :one )",
        "contains(s, :one )",
        "contains(m, :v )",
        "size(n) > :one",
        "size(nothing) < :six",
    ],
)
def test_false(text: str) -> None:
    assert not holds(text)


# -- against a model: random conditions on attributes that hold small numbers or nothing

leaves = st.tuples(st.sampled_from("pqr"), st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), st.integers(0, 3))
trees: st.SearchStrategy[Any] = st.recursive(
    leaves,
    lambda inner: st.tuples(st.just("NOT"), inner) | st.tuples(inner, st.sampled_from(["AND", "OR"]), inner),
    max_leaves=6,
)


def spelt(tree: Any) -> str:
    if tree[0] == "NOT":
        return f"NOT ({spelt(tree[1])})"
    if tree[1] in ("AND", "OR"):
        return f"({spelt(tree[0])}) {tree[1]} ({spelt(tree[2])})"
    return f"{tree[0]} {tree[1]} :v{tree[2]}"


def expected(tree: Any, item: dict[str, int]) -> bool:
    if tree[0] == "NOT":
        return not expected(tree[1], item)
    if tree[1] == "AND":
        return expected(tree[0], item) and expected(tree[2], item)
    if tree[1] == "OR":
        return expected(tree[0], item) or expected(tree[2], item)
    name, operator, wanted = tree
    if name not in item:
        return bool(operator == "<>")
    value = item[name]
    return {
        "=": value == wanted,
        "<>": value != wanted,
        "<": value < wanted,
        "<=": value <= wanted,
        ">": value > wanted,
        ">=": value >= wanted,
    }[operator]


@given(trees, st.dictionaries(st.sampled_from("pqr"), st.integers(0, 3)))
def test_any_condition_means_what_it_says(tree: Any, item: dict[str, int]) -> None:
    compiled = EXPRESSIONS.condition(spelt(tree), {})
    values: dict[str, Any] = {f":v{number}": {"N": str(number)} for number in range(4)}
    stored: dict[str, Any] = {name: {"N": str(number)} for name, number in item.items()}
    assert [check(values) for check in compiled.checks if check(values)] == []
    assert compiled.does(stored, values) is expected(tree, item)
