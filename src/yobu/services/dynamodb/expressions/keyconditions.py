"""Key condition expressions: which partition, and which run of sort keys.

In: a tree (`tree.py`) that is a sound condition. Out: the names and operators, with the placeholders of their values;
the query knows the table's key and checks that they fit.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from __future__ import annotations

from dataclasses import dataclass

from yobu.services.dynamodb import model
from yobu.services.dynamodb.expressions import tree
from yobu.services.dynamodb.expressions.scope import Scope, unwrapped

_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "=": "="}


@dataclass(frozen=True, slots=True)
class KeyTest:
    """One condition: `operator` is `=`, `<`, `<=`, `>`, `>=`, `BETWEEN` or `begins_with`; `values` its placeholders."""

    attribute: str
    operator: str
    values: tuple[str, ...]


def key_conditions(scope: Scope, node: tree.Node) -> tuple[KeyTest, ...]:
    """The one or two conditions of `node`. Raises ValidationException for what no key condition can say."""
    nodes = _joined(scope, node)
    tests = tuple(_key_test(scope, part) for part in nodes)
    if len({test.attribute for test in tests}) < len(tests):
        raise model.key_condition_twice()
    if len(tests) > 2:
        raise model.validation("Conditions can be of length 1 or 2 only")
    return tests


def _joined(scope: Scope, node: tree.Node) -> list[tree.Node]:
    """The conditions that AND joins; other operators are refused."""
    node = unwrapped(scope, node)
    match node:
        case tree.Logic(operator="AND"):
            return [one for part in node.parts for one in _joined(scope, part)]
        case tree.Logic():
            raise model.key_operator(node.operator)
        case tree.In():
            raise model.key_operator("IN")
        case tree.Compare(operator="<>"):
            raise model.key_operator("<>")
        case tree.Call() if node.name != "begins_with":
            raise model.key_operator(node.name)
        case _:
            return [node]


def _key_test(scope: Scope, node: tree.Node) -> KeyTest:
    match node:
        case tree.Compare():
            parts = [unwrapped(scope, part) for part in (node.left, node.right)]
            mirrored = isinstance(parts[0], tree.Value)
            return _test(scope, _MIRRORED[node.operator] if mirrored else node.operator, parts)
        case tree.Between():
            return _first(scope, "BETWEEN", (node.subject, node.low, node.high))
        case tree.Call():
            return _first(scope, "begins_with", node.operands)
        case _:
            raise AssertionError(node)


def _first(scope: Scope, operator: str, operands: tuple[tree.Node, ...]) -> KeyTest:
    """A condition whose first operand must be the attribute."""
    parts = [unwrapped(scope, part) for part in operands]
    if not isinstance(parts[0], tree.Path):
        raise model.key_condition_shape(f"{operator} operator must have the key attribute as its first operand")
    return _test(scope, operator, parts)


def _test(scope: Scope, operator: str, parts: list[tree.Node]) -> KeyTest:
    attribute: str | None = None
    values = []
    for part in parts:
        match part:
            case tree.Value():
                values.append(part.name)
            case tree.Path():
                if attribute is not None:
                    raise model.key_condition_shape("Multiple attribute names used in one condition")
                steps = scope.path(part)
                if len(steps) != 1:
                    raise model.key_condition_nested()
                attribute = str(steps[0])
            case _:
                raise model.key_condition_operations()
    if attribute is None:
        raise model.key_condition_shape("No key attribute specified")
    return KeyTest(attribute, operator, tuple(values))
