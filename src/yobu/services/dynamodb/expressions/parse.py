"""From the text of an expression to its tree.

In: text. Out: a tree (`tree.py`), or `Problem` with AWS's words for an empty, over-long or malformed text. Whether the
tree makes sense is for the compilers to say. One grammar serves all kinds; each kind has its own start and keywords,
since AWS reads a keyword of the kind at hand as one wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from yobu.services.dynamodb import model
from yobu.services.dynamodb.expressions import problems, tree

if TYPE_CHECKING:
    from lark import Lark, Token

_COMMON = r"""
    path: name step*
    name: NAME | NAME_PLACEHOLDER
    step: "." name | "[" INDEX "]"
    value: VALUE_PLACEHOLDER

    NAME: /[A-Za-z][A-Za-z0-9_]*/
    NAME_PLACEHOLDER: /#[A-Za-z0-9_]+/
    VALUE_PLACEHOLDER: /:[A-Za-z0-9_]+/
    INDEX: /[0-9]+/
    %ignore /[ \t\r\n\f]+/
"""

_CONDITION = (
    r"""
    ?start: either
    ?either: both | either OR both -> logic
    ?both: negation | both AND negation -> logic
    ?negation: comparison | NOT negation -> logic
    ?comparison: term
        | term COMPARATOR term -> compare
        | term BETWEEN term AND term -> between
        | term IN "(" term ("," term)* ")" -> within
    ?term: path | value | call | "(" either ")" -> parens
    call: NAME "(" [term ("," term)*] ")"

    COMPARATOR: "<>" | "<=" | ">=" | "<" | ">" | "="
    AND.2: /AND(?![A-Za-z0-9_])/i
    OR.2: /OR(?![A-Za-z0-9_])/i
    NOT.2: /NOT(?![A-Za-z0-9_])/i
    BETWEEN.2: /BETWEEN(?![A-Za-z0-9_])/i
    IN.2: /IN(?![A-Za-z0-9_])/i
"""
    + _COMMON
)

_UPDATE = (
    r"""
    start: section+
    section: SET assignment ("," assignment)*
        | REMOVE removal ("," removal)*
        | ADD change ("," change)*
        | DELETE change ("," change)*
    assignment: path "=" sum -> action
    removal: path -> action
    change: path value -> action
    ?sum: operand | operand SIGN operand
    ?operand: path | value | call | "(" sum ")" -> parens
    call: NAME "(" [operand ("," operand)*] ")"

    SIGN: "+" | "-"
    SET.2: /SET(?![A-Za-z0-9_])/i
    REMOVE.2: /REMOVE(?![A-Za-z0-9_])/i
    ADD.2: /ADD(?![A-Za-z0-9_])/i
    DELETE.2: /DELETE(?![A-Za-z0-9_])/i
"""
    + _COMMON
)

_PROJECTION = (
    r"""
    start: path ("," path)*
"""
    + _COMMON
)

_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_]*|[#:][A-Za-z0-9_]+|[0-9]+|<>|<=|>=|\S")


class Problem(Exception):
    """What is wrong with an expression, in AWS's words without the parameter's name."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Parsers:
    """The three parsers, each made at its first use (some 10 ms)."""

    def condition(self, text: str) -> tree.Node:
        """The tree of a condition, filter or key condition expression."""
        node: tree.Node = _parse(self._condition, text)
        _check_operators([node])
        return node

    def update(self, text: str) -> tuple[tree.Section, ...]:
        """The sections of an update expression."""
        sections: tuple[tree.Section, ...] = _parse(self._update, text)
        operands = [action.operand for section in sections for action in section.actions]
        _check_operators([operand for operand in operands if operand is not None])
        return sections

    def projection(self, text: str) -> tuple[tree.Path, ...]:
        """The paths of a projection expression."""
        paths: tuple[tree.Path, ...] = _parse(self._projection, text)
        return paths

    @cached_property
    def _condition(self) -> Lark:
        return _parser(_CONDITION)

    @cached_property
    def _update(self) -> Lark:
        return _parser(_UPDATE)

    @cached_property
    def _projection(self) -> Lark:
        return _parser(_PROJECTION)


def syntax_problem(text: str, offset: int) -> Problem:
    """A syntax error at the first token at or behind `offset`, shown with its neighbours as AWS shows it."""
    tokens = list(_TOKEN.finditer(text))
    at = next((number for number, token in enumerate(tokens) if token.end() > offset), len(tokens))
    start = tokens[max(at - 1, 0)].start() if tokens else 0
    if at == len(tokens):
        return Problem(problems.syntax_error("<EOF>", text[start:].rstrip()))
    end = tokens[min(at + 1, len(tokens) - 1)].end()
    return Problem(problems.syntax_error(tokens[at].group(), text[start:end]))


def _parser(grammar: str) -> Lark:
    # Imported here, so that a node that sees no expression does not pay for it at its start.
    from lark import Lark

    return Lark(grammar, parser="lalr", lexer="basic", transformer=_builder(), propagate_positions=False)


def _parse(parser: Lark, text: str) -> Any:
    if not text.strip():
        raise Problem(problems.EMPTY_EXPRESSION)
    size = len(text.encode())
    if size > model.MAX_EXPRESSION:
        raise Problem(problems.expression_too_long(size))
    from lark.exceptions import UnexpectedCharacters, UnexpectedToken

    try:
        return parser.parse(text)
    except UnexpectedCharacters as error:
        raise syntax_problem(text, error.pos_in_stream or 0) from None
    except UnexpectedToken as error:
        offset = len(text) if error.token.type == "$END" else error.token.start_pos or 0
        raise syntax_problem(text, offset) from None


def _check_operators(nodes: list[tree.Node]) -> None:
    count = tree.operators(nodes)
    if count > model.MAX_OPERATORS:
        raise Problem(problems.too_many_operators(count))


def _builder() -> Any:
    from lark import Transformer, v_args

    build: dict[str, Callable[..., Any]] = {
        "name": lambda token: token,
        "step": lambda token: token,
        "path": _path,
        "value": lambda token: tree.Value(str(token), _end(token)),
        "call": lambda name, *operands: tree.Call(str(name), tuple(filter(None, operands)), _last(name, operands)),
        "parens": lambda inner: tree.Parens(inner, inner.end),
        "compare": lambda left, token, right: tree.Compare(str(token), left, right, right.end),
        "between": lambda subject, _between, low, _and, high: tree.Between(subject, low, high, high.end),
        "within": lambda subject, _in, *choices: tree.In(subject, choices, choices[-1].end),
        "logic": _logic,
        "sum": lambda left, token, right: tree.Sum(str(token), left, right, right.end),
        "action": lambda path, operand=None: tree.Action(path, operand),
        "section": lambda token, *actions: tree.Section(token.upper(), actions),
        "start": lambda *children: children,
    }
    return type("Builder", (Transformer,), {name: v_args(inline=True)(_method(call)) for name, call in build.items()})()


def _method(call: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, *children: call(*children)


def _path(*tokens: Token) -> tree.Path:
    steps = tuple(int(token) if token.type == "INDEX" else str(token) for token in tokens)
    last = tokens[-1]
    return tree.Path(steps, _end(last) + (last.type == "INDEX"))


def _logic(*children: Any) -> tree.Logic:
    operator = next(child for child in children if isinstance(child, str)).upper()
    first, *rest = (child for child in children if not isinstance(child, str))
    # `a AND b AND c` is one AND of three, not a chain: it costs no depth.
    chained = rest and isinstance(first, tree.Logic) and first.operator == operator
    parts = (*first.parts, *rest) if chained else (first, *rest)
    return tree.Logic(operator, parts, parts[-1].end)


def _last(name: Token, operands: tuple[Any, ...]) -> int:
    ends: list[int] = [operand.end for operand in operands if operand is not None]
    return max([_end(name), *ends])


def _end(token: Token) -> int:
    end: int = token.end_pos or 0
    return end
