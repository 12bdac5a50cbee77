from __future__ import annotations

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
