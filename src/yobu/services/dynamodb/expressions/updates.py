"""Update expressions: from sections to one function that makes the new item of the old.

In: sections (`tree.py`). Out: a closure `(item, values) -> item`; the old item is not touched. Every operand reads the
item as it was; then values are set, numbers and sets changed, and last attributes removed, list elements from the end.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from yobu.services.dynamodb import model, numbers
from yobu.services.dynamodb.expressions import problems, tree
from yobu.services.dynamodb.expressions.conditions import UPDATE_FUNCTIONS
from yobu.services.dynamodb.expressions.paths import check_apart, child, reader
from yobu.services.dynamodb.expressions.scope import Rank, Scope, Steps, Values, immediate_kind, unwrapped
from yobu.services.dynamodb.values import Item, Value, kind, sort_members

Operand = Callable[[Item, Values], Value | None]
"""None where a path leads nowhere."""

Change = Callable[[Value | None, Value], Value | None]
"""What ADD or DELETE makes of what is there and its operand; None: nothing stays."""

_CONDITION_FUNCTIONS = frozenset(
    ("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size")
)


@dataclass(frozen=True, slots=True)
class Update:
    """A compiled update expression. `paths` are those it changes, in their order; `direct` the attributes that it sets
    or adds to from a placeholder alone.
    """

    paths: tuple[Steps, ...]
    direct: tuple[tuple[str, str], ...]
    apply: Callable[[Item, Values], Item]


@dataclass(slots=True)
class _Plan:
    """The actions by kind."""

    sets: list[tuple[Steps, Operand]]
    changes: list[tuple[Steps, str, Change]]
    removals: list[Steps]


def update(scope: Scope, sections: tuple[tree.Section, ...]) -> Update:
    """The update that `sections` stand for."""
    plan = _Plan([], [], [])
    paths: list[Steps] = []
    direct: list[tuple[str, str]] = []
    seen: set[str] = set()
    for section in sections:
        if section.name in seen:
            scope.problem(Rank.SECTION, problems.section_twice(section.name))
        seen.add(section.name)
        for action in section.actions:
            steps = scope.path(action.path)
            paths.append(steps)
            if len(steps) == 1 and isinstance(action.operand, tree.Value):
                direct.append((str(steps[0]), action.operand.name))
            _plan(scope, plan, section.name, steps, action.operand)
    check_apart(scope, paths)
    # Elements beyond a list's end are appended in the order of their indexes.
    plan.sets.sort(key=lambda entry: _place(entry[0]))
    plan.removals.sort(key=_place, reverse=True)
    return Update(tuple(paths), tuple(direct), lambda item, values: _apply(plan, item, values))


def _place(steps: Steps) -> list[tuple[bool, int, str]]:
    return [(isinstance(step, str), 0 if isinstance(step, str) else step, str(step)) for step in steps]


def _plan(scope: Scope, plan: _Plan, section: str, steps: Steps, node: tree.Node | None) -> None:
    if node is None:
        plan.removals.append(steps)
    elif section == "SET":
        plan.sets.append((steps, _operand(scope, unwrapped(scope, node))))
    else:
        assert isinstance(node, tree.Value)
        name = scope.value(node.name)
        allowed = _ADDABLE if section == "ADD" else _DELETABLE

        def check(values: Values) -> str | None:
            found = kind(values[name])
            return None if found in allowed else problems.action_type(section, found)

        scope.check(Rank.ACTION, check)
        plan.changes.append((steps, name, _added if section == "ADD" else _deleted))


def _apply(plan: _Plan, item: Item, values: Values) -> Item:
    settings = []
    for steps, operand in plan.sets:
        value = operand(item, values)
        if value is None:
            raise model.update_missing_attribute()
        settings.append((steps, value))
    new = item
    for steps, value in settings:
        new = _with(new, steps, value)
    for steps, name, change in plan.changes:
        changed = change(_present(new, steps), values[name])
        new = _without(new, steps) if changed is None else _with(new, steps, changed)
    for steps in plan.removals:
        new = _without(new, steps)
    return new


# -- operands


def _operand(scope: Scope, node: tree.Node) -> Operand:
    match node:
        case tree.Path():
            read = reader(scope.path(node))
            return lambda item, values: read(item)
        case tree.Value():
            name = scope.value(node.name)
            return lambda item, values: values[name]
        case tree.Sum():
            return _sum(scope, node)
        case tree.Call():
            return _call(scope, node)
        case _:
            raise scope.misplaced(node.end)


def _sum(scope: Scope, node: tree.Sum) -> Operand:
    parts = (unwrapped(scope, node.left), unwrapped(scope, node.right))
    left, right = (_operand(scope, part) for part in parts)
    for part in parts:
        _check_kind(scope, node.operator, part, "N")
    combine = numbers.add if node.operator == "+" else numbers.subtract

    def calculate(item: Item, values: Values) -> Value | None:
        one, two = left(item, values), right(item, values)
        if one is None or two is None:
            return None
        if "N" not in one or "N" not in two:
            raise model.update_bad_operand()
        return {"N": combine(one["N"], two["N"])}

    return calculate


def _call(scope: Scope, node: tree.Call) -> Operand:
    parts = [unwrapped(scope, part) for part in node.operands]
    operands: list[Operand] = []
    for part in parts:
        operands.append(_operand(scope, part))
    if node.name not in UPDATE_FUNCTIONS:
        known = node.name in _CONDITION_FUNCTIONS
        scope.problem(
            Rank.FUNCTION,
            problems.function_not_allowed(node.name, "an update") if known else problems.unknown_function(node.name),
        )
    elif len(parts) != 2:
        scope.problem(Rank.COUNT, problems.operand_count(node.name, len(parts)))
    elif node.name == "if_not_exists":
        if not isinstance(parts[0], tree.Path):
            scope.problem(Rank.PATH, problems.needs_path(node.name))
        present, otherwise = operands
        return lambda item, values: _first(present(item, values), otherwise, item, values)
    else:
        for part in parts:
            _check_kind(scope, node.name, part, "L")
        return _append(*operands)
    return lambda item, values: None


def _first(present: Value | None, otherwise: Operand, item: Item, values: Values) -> Value | None:
    return otherwise(item, values) if present is None else present


def _append(left: Operand, right: Operand) -> Operand:
    def append(item: Item, values: Values) -> Value | None:
        one, two = left(item, values), right(item, values)
        if one is None or two is None:
            return None
        if "L" not in one or "L" not in two:
            raise model.update_bad_operand()
        return {"L": one["L"] + two["L"]}

    return append


def _check_kind(scope: Scope, name: str, node: tree.Node, allowed: str) -> None:
    def check(values: Values) -> str | None:
        found = immediate_kind(node, values)
        return None if found is None or found == allowed else problems.operand_type(name, found)

    if isinstance(node, tree.Value):
        scope.check(Rank.TYPE, check)


# -- ADD and DELETE

_ADDABLE = frozenset(("N", "SS", "NS", "BS"))
_DELETABLE = frozenset(("SS", "NS", "BS"))


def _added(present: Value | None, value: Value) -> Value:
    if present is None:
        return value
    name, content = next(iter(value.items()))
    if name not in present:
        raise model.update_bad_operand()
    if name == "N":
        return {"N": numbers.add(present["N"], content)}
    return {name: sort_members(name, {*present[name], *content})}


def _deleted(present: Value | None, value: Value) -> Value | None:
    if present is None:
        return None
    name, content = next(iter(value.items()))
    if name not in present:
        raise model.update_bad_operand()
    left = set(present[name]).difference(content)
    return {name: sort_members(name, left)} if left else None


# -- places


def _present(item: Item, steps: Steps) -> Value | None:
    """What lies at `steps`. Raises ValidationException where nothing can lie there."""
    value = item.get(str(steps[0]))
    for step in steps[1:]:
        if value is None:
            raise model.update_bad_path()
        _check_holds(value, step)
        value = child(value, step)
    return value


def _check_holds(value: Value, step: tree.Step) -> None:
    if ("L" if isinstance(step, int) else "M") not in value:
        raise model.update_bad_path()


def _with(item: Item, steps: Steps, value: Value) -> Item:
    """`item` with `value` at `steps`."""
    first, *rest = steps
    assert isinstance(first, str)
    return {**item, first: _placed(item.get(first), rest, value)}


def _placed(holder: Value | None, steps: Iterable[tree.Step], value: Value) -> Value:
    if not (rest := list(steps)):
        return value
    if holder is None:
        raise model.update_bad_path()
    step = rest.pop(0)
    _check_holds(holder, step)
    below = _placed(child(holder, step), rest, value)
    if isinstance(step, str):
        return {"M": {**holder["M"], step: below}}
    elements = list(holder["L"])
    elements[step : step + 1] = [below]
    return {"L": elements}


def _without(item: Item, steps: Steps) -> Item:
    """`item` without what lies at `steps`."""
    first, *rest = steps
    assert isinstance(first, str)
    if not rest:
        return {name: value for name, value in item.items() if name != first}
    return {**item, first: _emptied(item.get(first), rest)}


def _emptied(holder: Value | None, steps: list[tree.Step]) -> Value:
    if holder is None:
        raise model.update_bad_path()
    step, *rest = steps
    _check_holds(holder, step)
    if rest:
        below = _emptied(child(holder, step), rest)
        if isinstance(step, str):
            return {"M": {**holder["M"], step: below}}
        return {"L": [below if at == step else element for at, element in enumerate(holder["L"])]}
    if isinstance(step, str):
        return {"M": {name: member for name, member in holder["M"].items() if name != step}}
    return {"L": [element for at, element in enumerate(holder["L"]) if at != step]}
