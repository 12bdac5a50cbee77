"""Update expressions against a small model of documents; their messages are in tests/cases/dynamodb/update."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from yobu.services.dynamodb.expressions.compiled import Expressions
from yobu.services.dynamodb.expressions.paths import projector

EXPRESSIONS = Expressions()
VALUES: dict[str, Any] = {
    ":one": {"N": "1"},
    ":list": {"L": [{"S": "x"}]},
    ":set": {"SS": ["a", "b"]},
    ":map": {"M": {}},
}


def document() -> dict[str, Any]:
    return {
        "n": {"N": "5"},
        "m": {"M": {"n": {"N": "7"}, "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}, {"N": "3"}]}}},
        "l": {"L": [{"N": "0"}, {"N": "1"}, {"N": "2"}, {"N": "3"}]},
        "s": {"SS": ["b", "c"]},
    }


def applied(text: str, item: dict[str, Any] | None = None) -> dict[str, Any]:
    compiled = EXPRESSIONS.update(text, {})
    assert [check(VALUES) for check in compiled.checks if check(VALUES)] == []
    return compiled.does.apply(document() if item is None else item, VALUES)


places = st.sampled_from(["n", "x", "m.n", "m.x", "l[0]", "l[2]", "l[8]", "m.l[1]", "m.l[9]"])
operands = st.sampled_from(
    [":one", "n", "m.n", "l[3]", "n + :one", "m.n - n", "if_not_exists(x, n)", "if_not_exists(n, :one)"]
)


def value_of(item: dict[str, Any], path: str) -> Any:
    value: Any = {"M": item}
    for step in path.replace("[", ".[").split("."):
        if step.startswith("["):
            elements, index = value["L"], int(step[1:-1])
            if index >= len(elements):
                return None
            value = elements[index]
        else:
            value = value["M"].get(step)
        if value is None:
            return None
    return value


def result_of(item: dict[str, Any], operand: str) -> Any:
    if operand.startswith("if_not_exists("):
        path, _, other = operand[len("if_not_exists(") : -1].partition(", ")
        return value_of(item, path) or result_of(item, other)
    for sign in (" + ", " - "):
        if sign in operand:
            left, right = (int(result_of(item, part)["N"]) for part in operand.split(sign))
            return {"N": str(left + right if sign == " + " else left - right)}
    return VALUES[operand] if operand.startswith(":") else value_of(item, operand)


def set_in(item: dict[str, Any], path: str, value: Any) -> None:
    *way, last = path.replace("[", ".[").split(".")
    holder: Any = {"M": item}
    for step in way:
        holder = holder["L"][int(step[1:-1])] if step.startswith("[") else holder["M"][step]
    if last.startswith("["):
        index = int(last[1:-1])
        holder["L"][index : index + 1] = [value]
    else:
        holder["M"][last] = value


@given(st.dictionaries(places, operands, min_size=1, max_size=5))
def test_set(actions: dict[str, str]) -> None:
    item = document()
    expected = copy.deepcopy(item)
    results = {path: result_of(item, operand) for path, operand in actions.items()}
    for path in sorted(results, key=lambda path: (path.partition("[")[0], int(path.partition("[")[2].strip("]") or 0))):
        set_in(expected, path, results[path])
    text = "SET " + ", ".join(f"{path} = {operand}" for path, operand in actions.items())
    assert applied(text, item) == expected
    assert item == document()


@given(st.sets(st.integers(0, 6), min_size=1))
def test_remove_elements(indexes: set[int]) -> None:
    text = "REMOVE " + ", ".join(f"l[{index}], m.l[{index}]" for index in indexes)
    kept = [element for at, element in enumerate(document()["l"]["L"]) if at not in indexes]
    new = applied(text)
    assert new["l"] == {"L": kept}
    assert new["m"]["M"]["l"] == {"L": kept}


@given(st.sets(st.sampled_from("abcdef"), min_size=1), st.sets(st.sampled_from("abcdef"), min_size=1))
def test_sets(present: set[str], given: set[str]) -> None:
    item: dict[str, Any] = {"s": {"SS": sorted(present)}}
    values: dict[str, Any] = {":v": {"SS": sorted(given)}}
    added = EXPRESSIONS.update("ADD s :v, t :v", {}).does.apply(item, values)
    assert added == {"s": {"SS": sorted(present | given)}, "t": {"SS": sorted(given)}}
    left = EXPRESSIONS.update("DELETE s :v, t :v", {}).does.apply(item, values)
    assert left == ({"s": {"SS": sorted(present - given)}} if present - given else {})


def test_sections_in_any_order_read_the_item_as_it_was() -> None:
    new = applied("DELETE s :set REMOVE m ADD n :one SET x = m.n, y = s, z = list_append(l, :list)")
    assert new["x"] == {"N": "7"}
    assert new["y"] == {"SS": ["b", "c"]}
    assert new["n"] == {"N": "6"}
    assert new["s"] == {"SS": ["c"]}
    assert new["z"]["L"][-1] == {"S": "x"}
    assert "m" not in new


def test_set_and_remove_in_one_list() -> None:
    assert applied("REMOVE l[0] SET l[1] = :one, l[7] = n")["l"] == {
        "L": [{"N": "1"}, {"N": "2"}, {"N": "3"}, {"N": "5"}]
    }


def test_projection_keeps_what_is_there() -> None:
    project = projector([("m", "l", 3), ("m", "l", 0), ("m", "x"), ("n",), ("l", 9), ("n2", "y")])
    assert project(document()) == {"m": {"M": {"l": {"L": [{"N": "0"}, {"N": "3"}]}}}, "n": {"N": "5"}}
