"""Key condition expressions: which partition, and which run of sort keys.

In: a tree (`tree.py`). Out: the names and operators, with the placeholders of their values; the query knows the
table's key and checks that they fit.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from __future__ import annotations

from dataclasses import dataclass

from yobu.services.dynamodb import model
from yobu.services.dynamodb.expressions import tree
from yobu.services.dynamodb.expressions.conditions import check_bounds, check_kind
from yobu.services.dynamodb.expressions.scope import Rank, Scope, unwrapped
from yobu.services.dynamodb.values import ORDERED

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}
_FUNCTIONS = frozenset(("attribute_exists", "attribute_not_exists", "attribute_type", "contains", "size"))


@dataclass(frozen=True, slots=True)
class KeyTest:
    """One condition: `operator` is `=`, `<`, `<=`, `>`, `>=`, `BETWEEN` or `begins_with`; `values` its placeholders."""

    attribute: str
    operator: str
    values: tuple[str, ...]


def key_conditions(scope: Scope, node: tree.Node) -> tuple[KeyTest, ...]:
    """The conditions of `node`. Raises ValidationException for what no key condition can say."""
    node = unwrapped(scope, node)
    if isinstance(node, tree.Logic):
        if node.operator != "AND":
            raise model.key_operator(node.operator)
        scope.operator()
        return tuple(test for part in node.parts for test in key_conditions(scope, part))
    return (_key_test(scope, node),)


def _key_test(scope: Scope, node: tree.Node) -> KeyTest:
    match node:
        case tree.Compare():
            return _compared(scope, node)
        case tree.Between():
            parts = [unwrapped(scope, part) for part in (node.subject, node.low, node.high)]
            test = _test(scope, "BETWEEN", parts)
            check_bounds(scope, parts[1], parts[2])
            return test
        case tree.In():
            raise model.key_operator("IN")
        case tree.Call():
            return _called(scope, node)
        case _:
            raise scope.misplaced(node.end)


def _compared(scope: Scope, node: tree.Compare) -> KeyTest:
    if node.operator == "<>":
        raise model.key_operator("<>")
    left, right = unwrapped(scope, node.left), unwrapped(scope, node.right)
    if isinstance(left, tree.Value) and isinstance(right, tree.Path):
        return _test(scope, _MIRRORED[node.operator], [right, left])
    return _test(scope, node.operator, [left, right])


def _called(scope: Scope, node: tree.Call) -> KeyTest:
    if node.name in _FUNCTIONS:
        raise model.key_operator(node.name)
    parts = [unwrapped(scope, part) for part in node.operands]
    if node.name != "begins_with":
        scope.problem(Rank.FUNCTION, model.unknown_function(node.name))
    elif len(parts) == 2:
        return _test(scope, "begins_with", parts)
    else:
        scope.problem(Rank.COUNT, model.operand_count("begins_with", len(parts)))
    return KeyTest("", "=", ())


def _test(scope: Scope, operator: str, parts: list[tree.Node]) -> KeyTest:
    scope.operator()
    subject, *operands = parts
    for part in parts:
        if isinstance(part, tree.Call):
            raise model.key_operator(part.name)
        if not isinstance(part, tree.Path | tree.Value):
            raise scope.misplaced(part.end)
    if not isinstance(subject, tree.Path):
        if any(isinstance(part, tree.Path) for part in operands):
            raise model.key_condition_shape(f"{operator} operator must have the key attribute as its first operand")
        raise model.key_condition_shape("No key attribute specified")
    steps = scope.path(subject)
    if len(steps) != 1:
        raise model.key_condition_nested()
    names = []
    for part in operands:
        if not isinstance(part, tree.Value):
            raise model.key_condition_shape("Multiple attribute names used in one condition")
        names.append(scope.value(part.name))
        check_kind(scope, operator, part, frozenset("SB") if operator == "begins_with" else ORDERED)
    return KeyTest(str(steps[0]), operator, tuple(names))
