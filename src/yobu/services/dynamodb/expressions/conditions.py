"""Condition and filter expressions: from a tree to one function of item and values.

In: a tree (`tree.py`), of which at most 300 parts lie in each other; loops stand where comprehensions could, since
those would take more of the interpreter's stack at each level. Out: a closure that says whether an item meets the
condition. A missing attribute meets no comparison but `<>`; values of different types are never equal, nor before one
another.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

from collections.abc import Callable

from yobu.services.dynamodb.expressions import problems, tree
from yobu.services.dynamodb.expressions.paths import reader
from yobu.services.dynamodb.expressions.scope import Rank, Scope, Values, immediate_kind, shown, unwrapped
from yobu.services.dynamodb.values import ORDERED, Item, Value, kind, order, text_size
from yobu.services.dynamodb.values import shown as shown_value

Test = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Value | None]

UPDATE_FUNCTIONS = frozenset(("if_not_exists", "list_append"))
_OPERANDS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}
_MAX_CHOICES = 100
_ACCEPTS: dict[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


def condition(scope: Scope, node: tree.Node) -> Test:
    """The test that `node` stands for."""
    node = unwrapped(scope, node)
    match node:
        case tree.Logic():
            return _logic(scope, node)
        case tree.Compare():
            return _compare(scope, node)
        case tree.Between():
            return _between(scope, node)
        case tree.In():
            return _within(scope, node)
        case tree.Call():
            return _predicate(scope, node)
        case _:
            raise scope.misplaced(node.end)


def _logic(scope: Scope, node: tree.Logic) -> Test:
    tests: list[Test] = []
    for part in node.parts:
        tests.append(condition(scope, part))
    first = tests[0]
    if node.operator == "NOT":
        return lambda item, values: not first(item, values)
    if len(tests) == 2:
        second = tests[1]
        if node.operator == "AND":
            return lambda item, values: first(item, values) and second(item, values)
        return lambda item, values: first(item, values) or second(item, values)
    decisive = node.operator == "OR"

    def test(item: Item, values: Values) -> bool:
        for one in tests:
            if one(item, values) is decisive:
                return decisive
        return not decisive

    return test


def _compare(scope: Scope, node: tree.Compare) -> Test:
    parts = (unwrapped(scope, node.left), unwrapped(scope, node.right))
    left, right = (operand(scope, part) for part in parts)
    _check_distinct(scope, node.operator, parts)
    if node.operator == "=":
        return lambda item, values: (found := left(item, values)) is not None and found == right(item, values)
    if node.operator == "<>":
        return lambda item, values: (found := left(item, values)) is None or found != right(item, values)
    for part in parts:
        _check_kind(scope, node.operator, part, ORDERED)
    accepts = _ACCEPTS[node.operator]
    return lambda item, values: _orders(left(item, values), right(item, values), accepts)


def _orders(left: Value | None, right: Value | None, accepts: Callable[[int], bool]) -> bool:
    if left is None or right is None:
        return False
    sign = order(left, right)
    return sign is not None and accepts(sign)


def _between(scope: Scope, node: tree.Between) -> Test:
    parts = [unwrapped(scope, part) for part in (node.subject, node.low, node.high)]
    subject, low, high = (operand(scope, part) for part in parts)
    for part in parts:
        _check_kind(scope, "BETWEEN", part, ORDERED)
    _check_bounds(scope, parts[1], parts[2])
    at_least, at_most = _ACCEPTS[">="], _ACCEPTS["<="]

    def test(item: Item, values: Values) -> bool:
        found = subject(item, values)
        return _orders(found, low(item, values), at_least) and _orders(found, high(item, values), at_most)

    return test


def _check_bounds(scope: Scope, low: tree.Node, high: tree.Node) -> None:
    """Report BETWEEN's bounds where they are of two types or the wrong way round."""
    if not (isinstance(low, tree.Value) and isinstance(high, tree.Value)):
        return
    low_name, high_name = low.name, high.name

    def check(values: Values) -> str | None:
        one, two = values[low_name], values[high_name]
        if kind(one) != kind(two):
            return problems.bounds_types(shown_value(one), shown_value(two))
        sign = order(one, two)
        return problems.bounds_order(shown_value(one), shown_value(two)) if sign is not None and sign > 0 else None

    scope.check(Rank.TYPE, check)


def _within(scope: Scope, node: tree.In) -> Test:
    if len(node.choices) > _MAX_CHOICES:
        scope.problem(
            Rank.COUNT, f"The IN operator is provided with too many operands; number of operands: {len(node.choices)}"
        )
    subject = operand(scope, unwrapped(scope, node.subject))
    choices = [operand(scope, unwrapped(scope, choice)) for choice in node.choices]

    def test(item: Item, values: Values) -> bool:
        found = subject(item, values)
        return found is not None and any(found == choice(item, values) for choice in choices)

    return test


def operand(scope: Scope, node: tree.Node) -> Operand:
    """The value that `node` (without parentheses) stands for."""
    match node:
        case tree.Path():
            read = reader(scope.path(node))
            return lambda item, values: read(item)
        case tree.Value():
            name = scope.value(node.name)
            return lambda item, values: values[name]
        case tree.Call():
            return _measure(scope, node)
        case tree.Compare():
            raise scope.misplaced(node.left.end)
        case _:
            raise scope.misplaced(node.end)


def _known(scope: Scope, node: tree.Call) -> bool:
    """Whether the function exists and may stand in a condition; what it lacks is reported."""
    if node.name in UPDATE_FUNCTIONS:
        scope.problem(Rank.FUNCTION, problems.function_not_allowed(node.name, "a condition"))
    elif node.name not in _OPERANDS:
        scope.problem(Rank.FUNCTION, problems.unknown_function(node.name))
    elif len(node.operands) != _OPERANDS[node.name]:
        scope.problem(Rank.COUNT, problems.operand_count(node.name, len(node.operands)))
    else:
        return True
    return False


def _measure(scope: Scope, node: tree.Call) -> Operand:
    """A function as an operand: only `size` can be one."""
    known = _known(scope, node)
    parts = [unwrapped(scope, part) for part in node.operands]
    operands: list[Operand] = []
    for part in parts:
        operands.append(operand(scope, part))
    if node.name in _OPERANDS and node.name != "size":
        scope.problem(Rank.MISUSE, problems.misused_function(node.name))
    if not known or node.name != "size":
        return lambda item, values: None
    _check_kind(scope, "size", parts[0], frozenset(("S", "B", "SS", "NS", "BS", "L", "M")))
    subject = operands[0]
    return lambda item, values: _size(subject(item, values))


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    name, content = next(iter(value.items()))
    if name in ("N", "BOOL", "NULL"):
        return None
    return {"N": str(text_size(content) if name == "S" else len(content))}


def _predicate(scope: Scope, node: tree.Call) -> Test:
    """A function as a condition: any but `size`."""
    known = _known(scope, node)
    parts = [unwrapped(scope, part) for part in node.operands]
    operands: list[Operand] = []
    for part in parts:
        operands.append(operand(scope, part))
    if node.name == "size":
        scope.problem(Rank.MISUSE, problems.misused_function("size"))
    if not known or node.name == "size":
        return lambda item, values: False
    return _PREDICATES[node.name](scope, parts, operands)


def _exists(scope: Scope, parts: list[tree.Node], operands: list[Operand]) -> Test:
    _check_path(scope, "attribute_exists", parts[0])
    subject = operands[0]
    return lambda item, values: subject(item, values) is not None


def _not_exists(scope: Scope, parts: list[tree.Node], operands: list[Operand]) -> Test:
    _check_path(scope, "attribute_not_exists", parts[0])
    subject = operands[0]
    return lambda item, values: subject(item, values) is None


def _has_type(scope: Scope, parts: list[tree.Node], operands: list[Operand]) -> Test:
    _check_distinct(scope, "attribute_type", parts)
    wanted = parts[1]

    def check(values: Values) -> str | None:
        found = immediate_kind(wanted, values)
        if found != "S" or not isinstance(wanted, tree.Value):
            return problems.operand_type("attribute_type", found or "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
        name = values[wanted.name]["S"]
        return None if name in problems.TYPE_WORDS else problems.bad_type_name(name)

    scope.check(Rank.TYPE, check)
    subject, name = operands

    def test(item: Item, values: Values) -> bool:
        found, wanted = subject(item, values), name(item, values)
        return found is not None and wanted is not None and wanted.get("S") in found

    return test


def _begins(scope: Scope, parts: list[tree.Node], operands: list[Operand]) -> Test:
    _check_distinct(scope, "begins_with", parts)
    for part in parts:
        _check_kind(scope, "begins_with", part, frozenset("SB"))
    subject, start = operands

    def test(item: Item, values: Values) -> bool:
        whole, part = subject(item, values), start(item, values)
        if whole is None or part is None:
            return False
        for name in ("S", "B"):
            if name in whole and name in part:
                begins: bool = whole[name].startswith(part[name])
                return begins
        return False

    return test


_MEMBERS = {"SS": "S", "NS": "N", "BS": "B"}


def _contains(scope: Scope, parts: list[tree.Node], operands: list[Operand]) -> Test:
    _check_distinct(scope, "contains", parts)
    subject, member = operands

    def test(item: Item, values: Values) -> bool:
        whole, part = subject(item, values), member(item, values)
        if whole is None or part is None:
            return False
        name, content = next(iter(whole.items()))
        if name == "L":
            return part in content
        wanted = part.get(_MEMBERS.get(name, name))
        return wanted is not None and name in ("S", "B", "SS", "NS", "BS") and wanted in content

    return test


_PREDICATES: dict[str, Callable[[Scope, list[tree.Node], list[Operand]], Test]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _not_exists,
    "attribute_type": _has_type,
    "begins_with": _begins,
    "contains": _contains,
}


def _check_path(scope: Scope, name: str, node: tree.Node) -> None:
    if not isinstance(node, tree.Path):
        scope.problem(Rank.PATH, problems.needs_path(name))


def _check_kind(scope: Scope, name: str, node: tree.Node, allowed: frozenset[str]) -> None:
    """Report an operand whose type is known and is not `allowed`."""

    def check(values: Values) -> str | None:
        found = immediate_kind(node, values)
        return None if found is None or found in allowed else problems.operand_type(name, found)

    if not isinstance(node, tree.Path):
        scope.check(Rank.TYPE, check)


def _check_distinct(scope: Scope, name: str, parts: list[tree.Node] | tuple[tree.Node, ...]) -> None:
    first, second = parts
    if isinstance(first, tree.Path) and isinstance(second, tree.Path):
        one, two = scope.path(first), scope.path(second)
        if one == two:
            scope.problem(Rank.DISTINCT, problems.not_distinct(name, shown(one)))
