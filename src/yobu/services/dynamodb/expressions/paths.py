"""Document paths at work: reading, projecting, and telling whether two of them meet.

In: steps (names and list indexes) and items. Out: values, parts of items. Nothing is changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from yobu.services.dynamodb.expressions import problems
from yobu.services.dynamodb.expressions.scope import Rank, Scope, Steps, shown
from yobu.services.dynamodb.values import Item, Value


def reader(steps: Steps) -> Callable[[Item], Value | None]:
    """A function that reads the value at `steps`."""
    name, rest = str(steps[0]), steps[1:]
    if not rest:
        return lambda item: item.get(name)

    def read(item: Item) -> Value | None:
        value = item.get(name)
        for step in rest:
            if value is None:
                return None
            value = child(value, step)
        return value

    return read


def child(value: Value, step: str | int) -> Value | None:
    """The member or element of a map or list, or None."""
    found: Value | None
    if isinstance(step, int):
        elements = value.get("L")
        return elements[step] if elements is not None and step < len(elements) else None
    members = value.get("M")
    found = None if members is None else members.get(step)
    return found


def projector(paths: Sequence[Steps]) -> Callable[[Item], Item]:
    """A function that keeps of an item what lies at `paths`; lists close up around the elements they keep."""
    if all(len(steps) == 1 for steps in paths):
        names = [str(steps[0]) for steps in paths]
        return lambda item: {name: item[name] for name in names if name in item}
    wanted = _branches(paths)

    def project(item: Item) -> Item:
        kept: Item = {}
        for name, branch in wanted.items():
            value = item.get(name)
            part = None if value is None else _part(value, branch)
            if part is not None:
                kept[name] = part
        return kept

    return project


def _branches(paths: Sequence[Steps]) -> dict[Any, Any]:
    """The paths as a tree: a step leads to the steps below it; an empty tree means all of it."""
    top: dict[Any, Any] = {}
    for steps in paths:
        branch = top
        for step in steps:
            branch = branch.setdefault(step, {})
    return top


def _part(value: Value, branch: dict[Any, Any]) -> Value | None:
    if not branch:
        return value
    found = [
        (step, part)
        for step in sorted(branch, key=lambda step: (isinstance(step, str), step))
        if (below := child(value, step)) is not None and (part := _part(below, branch[step])) is not None
    ]
    if not found:
        return None
    if "L" in value:
        return {"L": [part for _, part in found]}
    return {"M": dict(found)}


def check_apart(scope: Scope, paths: Sequence[Steps]) -> None:
    """Report two paths of which one holds the other, or that take one place for a map and a list."""
    for second, two in enumerate(paths):
        for one in paths[:second]:
            shared = min(len(one), len(two))
            if one[:shared] == two[:shared]:
                scope.problem(Rank.OVERLAP, problems.paths_overlap(shown(one), shown(two)))
            else:
                parting = next(at for at in range(shared) if one[at] != two[at])
                if isinstance(one[parting], int) != isinstance(two[parting], int):
                    scope.problem(Rank.CONFLICT, problems.paths_conflict(shown(one), shown(two)))
