"""The model's constraints on an input, in AWS's words: required, length, range, pattern, enum.

In come an operation's input shape and params; out goes a list of sentences, empty where all is well. Knows
nothing of the wire, nor of the error that a service makes of the sentences.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.model import Shape

from yobu.aws.shapes import FLOATS, INTEGERS, Memo

Check = Callable[[Any, str, list[str]], None]
"""Looks at a value at a path and appends what is wrong with it."""


def _nothing(value: Any, path: str, out: list[str]) -> None:
    pass


class Constraints:
    """The checks of one service, compiled by shape at first use."""

    def __init__(self) -> None:
        self._memo: Memo[Check] = Memo(self._build)

    def check(self, shape: Shape | None, params: dict[str, Any]) -> list[str]:
        """What `params` break, each as one sentence."""
        out: list[str] = []
        if shape is not None:
            self._memo.get(shape)(params, "", out)
        return out

    def _build(self, shape: Shape) -> Check:
        kind = shape.type_name
        if kind == "structure":
            return _nothing if shape.is_document_type else self._structure(shape)
        if kind == "list":
            return self._list(shape)
        if kind == "map":
            return self._map(shape)
        if kind == "string":
            return _text(shape)
        if kind in INTEGERS or kind in FLOATS:
            return _number(shape)
        return _length(shape) if kind == "blob" and not shape.serialization.get("streaming") else _nothing

    def _structure(self, shape: Shape) -> Check:
        required = frozenset(shape.required_members)
        members = []
        for name, member in shape.members.items():
            check = self._memo.get(member)
            if name in required or check is not _nothing:
                members.append((name, _spelt(name), name in required, None if check is _nothing else check))
        if not members:
            return _nothing

        def check_all(value: Any, path: str, out: list[str]) -> None:
            for name, spelt, needed, check in members:
                item = value.get(name)
                if item is None:
                    if needed:
                        out.append(_null(path + spelt))
                elif check is not None:
                    check(item, path + spelt, out)

        return lambda value, path, out: check_all(value, path + "." if path else "", out)

    def _list(self, shape: Shape) -> Check:
        member = self._memo.get(shape.member)
        length = _length(shape)

        def check(value: Any, path: str, out: list[str]) -> None:
            length(value, path, out)
            for number, item in enumerate(value, 1):
                if item is None:
                    out.append(_null(f"{path}.{number}.member"))
                elif member is not _nothing:
                    member(item, f"{path}.{number}.member", out)

        return check

    def _map(self, shape: Shape) -> Check:
        keys, values, length = self._memo.get(shape.key), self._memo.get(shape.value), _length(shape)
        if keys is _nothing and values is _nothing:
            return length

        def check(value: Any, path: str, out: list[str]) -> None:
            length(value, path, out)
            for key, item in value.items():
                keys(key, path, out)
                if item is not None:
                    values(item, f"{path}.{key}.member", out)

        return check


def _spelt(name: str) -> str:
    """A member's name as AWS's messages spell it: its first letter small."""
    return name[:1].lower() + name[1:]


def _null(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def _failed(value: Any, path: str, rule: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {rule}"


def _shown(value: Any) -> str:
    """A value as Java prints it."""
    if isinstance(value, list):
        return "[" + ", ".join(_shown(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _length(shape: Shape) -> Check:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is None and high is None:
        return _nothing

    def check(value: Any, path: str, out: list[str]) -> None:
        if high is not None and len(value) > high:
            out.append(_failed(_shown(value), path, f"have length less than or equal to {high}"))
        if low is not None and len(value) < low:
            out.append(_failed(_shown(value), path, f"have length greater than or equal to {low}"))

    return check


def _number(shape: Shape) -> Check:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is None and high is None:
        return _nothing

    def check(value: Any, path: str, out: list[str]) -> None:
        if high is not None and value > high:
            out.append(_failed(value, path, f"have value less than or equal to {high}"))
        if low is not None and value < low:
            out.append(_failed(value, path, f"have value greater than or equal to {low}"))

    return check


def _text(shape: Shape) -> Check:
    length = _length(shape)
    enum = shape.enum
    if enum:
        allowed = frozenset(enum)
        words = f"satisfy enum value set: [{', '.join(enum)}]"

        def check_enum(value: str, path: str, out: list[str]) -> None:
            if value not in allowed:
                out.append(_failed(value, path, words))

        return check_enum
    source = shape.metadata.get("pattern")
    if not source:
        return length
    pattern = _pattern(source)
    if pattern is None:
        return length
    words = f"satisfy regular expression pattern: {source}"

    def check(value: str, path: str, out: list[str]) -> None:
        length(value, path, out)
        if pattern.fullmatch(value) is None:
            out.append(_failed(value, path, words))

    return check


_POSIX = {
    r"\p{L}": r"[^\W\d_]",
    r"\p{Z}": r"\s",
    r"\p{N}": r"\d",
}


def _pattern(source: str) -> re.Pattern[str] | None:
    """A Java pattern as Python's, or None where it cannot be said in Python: then it is not checked."""
    try:
        return re.compile(source)
    except re.error:
        return None
