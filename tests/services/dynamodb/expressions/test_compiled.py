from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.services.dynamodb.expressions.compiled import Expressions
from yobu.services.dynamodb.expressions.parse import Parsers, Problem, syntax_problem

PARSERS = Parsers()


def test_an_expression_is_compiled_once_for_its_text_and_names() -> None:
    expressions = Expressions()
    first = expressions.condition("#a = :v", {"#a": "x"})
    assert expressions.condition("#a = :v", {"#a": "x"}) is first
    assert expressions.condition("#a = :v", {"#a": "y"}) is not first
    assert expressions.condition("#a = :v", {"#a": "y"}).attributes == {"y"}


def test_the_cache_is_bounded_and_drops_what_was_used_longest_ago() -> None:
    expressions = Expressions(limit=2)
    first = expressions.condition("a = :v", {})
    expressions.condition("b = :v", {})
    assert expressions.condition("a = :v", {}) is first
    expressions.condition("c = :v", {})
    assert expressions.condition("a = :v", {}) is first
    assert len(expressions) == 2


def test_a_condition_and_a_filter_of_one_text_share_it_but_kinds_are_apart() -> None:
    expressions = Expressions()
    assert expressions.projection("a", {}).attributes == {"a"}
    assert expressions.update("REMOVE a", {}).attributes == {"a"}
    assert len(expressions) == 2


@given(st.text(alphabet="ab#:.[]()<>=,+- 019\"'_éANDORSETNIBW", max_size=24))
def test_any_text_is_parsed_or_is_a_problem(text: str) -> None:
    for parse in (PARSERS.condition, PARSERS.update, PARSERS.projection):
        try:
            parse(text)
        except Problem as problem:
            assert problem.message.startswith(("Syntax error; token: ", "The expression can not be empty;"))


def test_a_syntax_error_shows_the_token_and_its_neighbours() -> None:
    assert syntax_problem("a  =  4 b", 6).message == 'Syntax error; token: "4", near: "=  4 b"'
    assert syntax_problem("a", 1).message == 'Syntax error; token: "<EOF>", near: "a"'
    assert syntax_problem("! a", 0).message == 'Syntax error; token: "!", near: "! a"'


@pytest.mark.parametrize(
    "text",
    [
        " AND ".join(["a=b"] * 150),
        "NOT " * 299 + "a=b",
        "(a=b AND " * 149 + "a=b" + ")" * 149,
        "size(" * 299 + "a" + ")" * 299 + " = b",
        "a IN (" + "b," * 99 + "b)",
    ],
)
def test_the_largest_expressions_are_compiled(text: str) -> None:
    Expressions().condition(text, {})


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (" OR ".join(["a=b"] * 151) + " OR NOT a=b", 304),
        ("NOT " * 1000 + "a=b", 1001),
        ("size(" * 600 + "a" + ")" * 600 + " = b", 601),
    ],
)
def test_more_than_300_operators_are_refused(text: str, count: int) -> None:
    with pytest.raises(Problem) as refused:
        Expressions().condition(text, {})
    assert refused.value.message == f"The expression contains too many operators; operator count: {count}"


def test_an_update_counts_operators_but_not_actions() -> None:
    expressions = Expressions()
    expressions.update("SET " + ", ".join(f"a{number} = b" for number in range(310)), {})
    deep = "if_not_exists(a," * 240 + "b" + ")" * 240
    expressions.update(f"SET c = {deep}", {})
    with pytest.raises(Problem) as refused:
        expressions.update("SET c = " + "(a-" * 600 + "a" + ")" * 600, {})
    assert refused.value.message.endswith("operator count: 600")
