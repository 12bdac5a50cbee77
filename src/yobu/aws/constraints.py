"""The model's constraints on an input, in AWS's words: required, length, range, pattern, enum.

In come an operation's input shape and params; out goes a list of sentences, empty where all is well. Knows
nothing of the wire, nor of the error that a service makes of the sentences.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

from yobu.aws.shapes import FLOATS, INTEGERS, Memo, Shape

Check = Callable[[Any, str, list[str]], None]
"""Looks at a value at a path and appends what is wrong with it."""
Rule = tuple[Callable[[Any], bool], str]
"""Whether a value keeps a rule, and the rule in AWS's words."""

# Beyond this a text that is too long anyhow is not matched against its pattern.
_LONG_TEXT = 4096


def _nothing(value: Any, path: str, out: list[str]) -> None:
    """The check of a shape without constraints; told by identity, so that it is never called."""


class Constraints:
    """The checks of one service, compiled by shape at first use.

    `not_null`: whether the service adds `Member must not be null` to the rules of a list's or map's items.
    """

    def __init__(self, not_null: bool = False) -> None:
        self._memo: Memo[Check] = Memo(self._build)
        self._inner: Memo[Check] = Memo(self._build_inner)
        self._suffix = ["Member must not be null"] if not_null else []

    def check(self, shape: Shape | None, params: dict[str, Any]) -> list[str]:
        """What `params` break, each as one sentence, in the model's order."""
        out: list[str] = []
        if shape is not None:
            try:
                self._memo.get(shape)(params, "", out)
            except RecursionError:
                out.append("Nesting Levels have exceeded supported limits")
        return out

    def _build(self, shape: Shape) -> Check:
        kind = shape.type_name
        if kind == "structure":
            return _nothing if shape.is_document_type else self._structure(shape)
        own = _scalar(_rules(shape), shape)
        return _both(own, self._inner.get(shape)) if kind in ("list", "map") else own

    def _structure(self, shape: Shape) -> Check:
        required = frozenset(shape.required_members)
        members: list[tuple[str, str, bool, Check | None]] = []
        for name, member in shape.members.items():
            check = self._memo.get(member)
            if name in required or check is not _nothing:
                members.append((name, _spelt(name), name in required, None if check is _nothing else check))
        if not members:
            return _nothing

        def check_all(value: Any, path: str, out: list[str]) -> None:
            before = f"{path}." if path else ""
            for name, spelt, needed, check in members:
                item = value.get(name)
                if item is None:
                    if needed:
                        out.append(_null(before + spelt))
                elif check is not None:
                    check(item, before + spelt, out)

        return check_all

    def _build_inner(self, shape: Shape) -> Check:
        kind = shape.type_name
        if kind == "structure":
            return self._memo.get(shape)
        if kind == "list":
            return self._items(shape)
        return self._entries(shape) if kind == "map" else _nothing

    def _items(self, shape: Shape) -> Check:
        """The check of a list's items, without that of its own length."""
        rules = _rules(shape.member)
        keeps = _all_of(rules)
        words = self._words("Member must satisfy constraint", rules)
        inner = self._inner.get(shape.member)

        def check(value: Any, path: str, out: list[str]) -> None:
            if None in value:
                out.extend(_null(f"{path}.{number}.member") for number, item in enumerate(value, 1) if item is None)
                value = [item for item in value if item is not None]
            if rules and not all(map(keeps, value)):
                out.append(_failed(value, path, words, shape))
            if inner is not _nothing:
                for number, item in enumerate(value, 1):
                    inner(item, f"{path}.{number}.member", out)

        return check

    def _entries(self, shape: Shape) -> Check:
        """The check of a map's keys and values, without that of its own length."""
        key_rules, value_rules = _rules(shape.key), _rules(shape.value)
        keep_keys, keep_values = _all_of(key_rules), _all_of(value_rules)
        key_words = self._words("Map keys must satisfy constraint", key_rules)
        value_words = self._words("Map value must satisfy constraint", value_rules)
        inner = self._inner.get(shape.value)
        if not key_rules and not value_rules and inner is _nothing:
            return _nothing

        def check(value: Any, path: str, out: list[str]) -> None:
            if key_rules and not all(map(keep_keys, value)):
                out.append(_failed(value, path, key_words, shape))
            if value_rules and not all(map(keep_values, value.values())):
                out.append(_failed(value, path, value_words, shape))
            if inner is not _nothing:
                for key, item in value.items():
                    inner(item, f"{path}.{key}.member", out)

        return check

    def _words(self, head: str, rules: list[Rule]) -> str:
        return f"{head}: [{', '.join([words for _, words in rules] + self._suffix)}]"


def _both(first: Check, second: Check) -> Check:
    if first is _nothing or second is _nothing:
        return second if first is _nothing else first

    def check(value: Any, path: str, out: list[str]) -> None:
        first(value, path, out)
        second(value, path, out)

    return check


def _all_of(rules: list[Rule]) -> Callable[[Any], bool]:
    tests = [rule for rule, _ in rules]
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def _scalar(rules: list[Rule], shape: Shape) -> Check:
    """The check of a value's own rules, each broken one with a sentence."""
    if not rules:
        return _nothing

    def check(value: Any, path: str, out: list[str]) -> None:
        for rule, words in rules:
            if not rule(value):
                out.append(_failed(value, path, words, shape))

    return check


def _rules(shape: Shape) -> list[Rule]:
    """A shape's own rules: of its range or length, then of its form."""
    kind = shape.type_name
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if kind == "structure" or shape.serialization.get("streaming"):
        return []
    if kind in INTEGERS or kind in FLOATS:
        return _ranges(low, high)
    if kind in ("boolean", "timestamp"):
        return []
    if kind == "string" and shape.enum:
        allowed = frozenset(shape.enum)
        return [(allowed.__contains__, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")]
    rules = _lengths(low, high)
    pattern = shape.metadata.get("pattern")
    if pattern and kind == "string":
        rules += _form(pattern, high)
    return rules


def _ranges(low: Any, high: Any) -> list[Rule]:
    rules: list[Rule] = []
    if high is not None:
        rules.append((lambda value: value <= high, f"Member must have value less than or equal to {high}"))
    if low is not None:
        rules.append((lambda value: value >= low, f"Member must have value greater than or equal to {low}"))
    return rules


def _lengths(low: Any, high: Any) -> list[Rule]:
    rules: list[Rule] = []
    if high is not None:
        rules.append((lambda value: len(value) <= high, f"Member must have length less than or equal to {high}"))
    if low:  # nothing is shorter than 0, though AWS shows that rule too where another of them is broken
        rules.append((lambda value: len(value) >= low, f"Member must have length greater than or equal to {low}"))
    elif low is not None:
        rules.append((lambda value: True, "Member must have length greater than or equal to 0"))
    return rules


def _form(source: str, high: Any) -> list[Rule]:
    pattern = _pattern(source)
    if pattern is None:
        return []
    longest = max(_LONG_TEXT, high or 0)
    match = pattern.fullmatch

    def keeps(value: str) -> bool:
        return len(value) > longest or match(value) is not None

    return [(keeps, f"Member must satisfy regular expression pattern: {source}")]


# Java's classes by Python's nearest; these take a little more than Java does.
_CLASSES = {"L": r"\w", "IsLetter": r"\w", "Lu": r"\w", "Ll": r"\w", "N": r"\d", "Nd": r"\d", "Z": r"\s", "Zs": r"\s"}
_PROPERTY = re.compile(r"\\p\{(\w+)\}|\\p([LNZ])")
_CLASS_DASH = re.compile(r"(\\[wds])-(?=[^\]])")
_PAIRS = re.compile(r"\\u[dD]800\\u[dD][cC]00-\\u[dD][bB][fF]{2}\\u[dD][fF]{3}")


def _pattern(source: str) -> re.Pattern[str] | None:
    """A Java pattern as Python's, or None where it cannot be said in Python: then it is not checked."""
    names = {name or letter for name, letter in _PROPERTY.findall(source)}
    if not names <= _CLASSES.keys():
        return None
    text = _PROPERTY.sub(lambda match: _CLASSES[match[1] or match[2]], source)
    text = _PAIRS.sub(lambda match: "\U00010000-\U0010ffff", text)
    text = _CLASS_DASH.sub(r"\1\-", text)
    try:
        with warnings.catch_warnings():
            # Java has sets within sets; what Python says about them is of no use to anyone here.
            warnings.simplefilter("ignore", FutureWarning)
            return re.compile(text)
    except (re.error, OverflowError):
        return None


def _spelt(name: str) -> str:
    """A member's name as AWS's messages spell it: its first letter small."""
    return name[:1].lower() + name[1:]


def _null(path: str) -> str:
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def _failed(value: Any, path: str, rule: str, shape: Shape) -> str:
    shown = "" if shape.metadata.get("sensitive") else f" '{_shown(value)}'"
    return f"Value{shown} at '{path}' failed to satisfy constraint: {rule}"


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
    return "null" if value is None else str(value)
