"""What an expression says, as a tree: the parser's output and the compilers' input. Placeholders are as written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

Step = str | int
"""An attribute's name (or `#placeholder`), or a list index."""


@dataclass(frozen=True, slots=True)
class Path:
    """A document path. `end` is the offset in the text behind it."""

    steps: tuple[Step, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Value:
    """A `:placeholder`."""

    name: str
    end: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its operands."""

    name: str
    operands: tuple[Node, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Parens:
    """Parentheses around an operand or a condition."""

    inner: Node
    end: int


@dataclass(frozen=True, slots=True)
class Compare:
    """`=`, `<>`, `<`, `<=`, `>` or `>=`."""

    operator: str
    left: Node
    right: Node
    end: int


@dataclass(frozen=True, slots=True)
class Between:
    """`subject BETWEEN low AND high`."""

    subject: Node
    low: Node
    high: Node
    end: int


@dataclass(frozen=True, slots=True)
class In:
    """`subject IN (choices)`."""

    subject: Node
    choices: tuple[Node, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Logic:
    """`AND`, `OR` (two parts) or `NOT` (one)."""

    operator: str
    parts: tuple[Node, ...]
    end: int


@dataclass(frozen=True, slots=True)
class Sum:
    """`left + right` or `left - right`, in update expressions."""

    operator: str
    left: Node
    right: Node
    end: int


Node = Path | Value | Call | Parens | Compare | Between | In | Logic | Sum


def operators(nodes: list[Node]) -> int:
    """How many operators and functions the nodes hold, however deep."""
    count = 0
    left = list(nodes)
    while left:
        node = left.pop()
        match node:
            case Parens():
                left.append(node.inner)
            case Compare() | Sum():
                count += 1
                left += (node.left, node.right)
            case Between():
                count += 1
                left += (node.subject, node.low, node.high)
            case In():
                count += 1
                left += (node.subject, *node.choices)
            case Call():
                count += 1
                left += node.operands
            case Logic():
                count += max(1, len(node.parts) - 1)
                left += node.parts
    return count


class Action(NamedTuple):
    """One clause of an update expression: `path` and, but for REMOVE, what goes there."""

    path: Path
    operand: Node | None


class Section(NamedTuple):
    """`SET`, `REMOVE`, `ADD` or `DELETE` and its actions."""

    name: str
    actions: tuple[Action, ...]
