"""What all compilers share: placeholders resolved, uses remembered, problems collected in the order AWS reports them.

In: the placeholders of one request's ExpressionAttributeNames. Out: paths of real names, and the checks that a
request's values must pass. An expression with a fault of its own is compiled too: its first check says what is wrong,
after the faults that AWS would name before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import IntEnum

from yobu.services.dynamodb.expressions import problems, tree
from yobu.services.dynamodb.expressions.parse import syntax_problem
from yobu.services.dynamodb.expressions.reserved import RESERVED
from yobu.services.dynamodb.values import Value, kind

Values = Mapping[str, Value]
"""Checked values by placeholder (`:v`)."""

Check = Callable[[Values], str | None]
"""What is wrong with a request's values, or None."""

Steps = tuple[tree.Step, ...]


class Rank(IntEnum):
    """The order in which AWS reports problems."""

    PARENS = 0
    FUNCTION = 1
    MISUSE = 2
    RESERVED = 3
    SECTION = 4
    PLACEHOLDER = 5
    OVERLAP = 6
    CONFLICT = 7
    ACTION = 8
    COUNT = 9
    TYPE = 10
    PATH = 11
    DISTINCT = 12


class Scope:
    """One compilation: the text, the names at hand, what is used, what is wrong."""

    def __init__(self, text: str, names: Mapping[str, str]) -> None:
        self.text = text
        self.used_names: set[str] = set()
        self.used_values: set[str] = set()
        self.attributes: set[str] = set()
        self.nested: set[str] = set()
        self._names = names
        self._checks: list[tuple[Rank, int, Check]] = []

    def check(self, rank: Rank, check: Check) -> None:
        """Have `check` run in its place."""
        self._checks.append((rank, len(self._checks), check))

    def problem(self, rank: Rank, message: str) -> None:
        """Report `message` in its place."""
        self.check(rank, lambda values: message)

    def misplaced(self, offset: int) -> Exception:
        """The syntax error of a part that does not belong where it stands."""
        return syntax_problem(self.text, offset)

    def path(self, path: tree.Path) -> Steps:
        """The path's real names and indexes."""
        steps = tuple(step if isinstance(step, int) else self._name(step) for step in path.steps)
        self.attributes.add(str(steps[0]))
        if len(steps) > 1:
            self.nested.add(str(steps[0]))
        return steps

    def value(self, name: str) -> str:
        """A use of the value `name`."""
        if name not in self.used_values:
            self.used_values.add(name)
            self.check(Rank.PLACEHOLDER, lambda values: None if name in values else problems.undefined_value(name))
        return name

    def checks(self) -> tuple[Check, ...]:
        """Every check, in AWS's order."""
        return tuple(check for _, _, check in sorted(self._checks, key=lambda entry: entry[:2]))

    def _name(self, step: str) -> str:
        if not step.startswith("#"):
            if step.upper() in RESERVED:
                self.problem(Rank.RESERVED, problems.reserved_word(step))
            return step
        self.used_names.add(step)
        if step not in self._names:
            self.problem(Rank.PLACEHOLDER, problems.undefined_name(step))
            return step
        return self._names[step]


def unwrapped(scope: Scope, node: tree.Node) -> tree.Node:
    """`node` without its parentheses; two pairs around one thing are reported."""
    if isinstance(node, tree.Parens):
        node = node.inner
        if isinstance(node, tree.Parens):
            scope.problem(Rank.PARENS, problems.REDUNDANT_PARENS)
            while isinstance(node, tree.Parens):
                node = node.inner
    return node


def immediate_kind(node: tree.Node, values: Values) -> str | None:
    """The type of an operand that is known without an item."""
    if isinstance(node, tree.Value):
        return kind(values[node.name])
    if isinstance(node, tree.Call) and node.name == "size":
        return "N"
    return None


def shown(steps: Steps) -> str:
    """A path inside an error message: `[a, [0], b]`."""
    return "[" + ", ".join(f"[{step}]" if isinstance(step, int) else step for step in steps) + "]"
