"""Attribute values: checked, brought to one form, measured and compared.

In: DynamoDB JSON as the wire gives it (`{"S": "x"}`, `{"B": bytes}`, `{"NS": [...]}`). Out: the same shape with
numbers in normal form and sets sorted, so that equal values are equal dicts, and sizes in bytes as AWS counts them.
A value is never changed in place. This file knows nothing of tables.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from yobu.services.dynamodb import model, numbers

Value = dict[str, Any]
"""One attribute value, `{type: content}`."""

Item = dict[str, Value]
"""An item, by attribute name."""


def text_size(text: str) -> int:
    """The bytes of `text` in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def kind(value: Value) -> str:
    """The type letter(s) of a checked value."""
    return next(iter(value))


def take_item(item: Mapping[str, Value]) -> tuple[Item, int]:
    """`item` checked and normalised, and its size. Raises ValidationException."""
    taken: Item = {}
    total = 0
    for name, value in item.items():
        taken[name], size = take(value)
        total += size + (len(name) if name.isascii() else len(name.encode()))
    return taken, total


def take(value: Value, depth: int = 1) -> tuple[Value, int]:
    """`value` checked and normalised, and its size. Raises ValidationException."""
    if len(value) != 1:
        if not value:
            raise model.empty_value()
        for name, content in value.items():
            _TAKE[name]({name: content}, content, depth)
        raise model.many_types()
    for name, content in value.items():
        return _TAKE[name](value, content, depth)
    raise AssertionError


Take = Callable[[Value, Any, int], tuple[Value, int]]


def _take_text(value: Value, content: str, depth: int) -> tuple[Value, int]:
    return value, len(content) if content.isascii() else len(content.encode())


def _take_number(value: Value, content: str, depth: int) -> tuple[Value, int]:
    number = numbers.normal(content)
    return (value if number is content else {"N": number}), numbers.size(number)


def _take_binary(value: Value, content: bytes, depth: int) -> tuple[Value, int]:
    return value, len(content)


def _take_bool(value: Value, content: bool, depth: int) -> tuple[Value, int]:
    return value, 1


def _take_null(value: Value, content: bool, depth: int) -> tuple[Value, int]:
    if not content:
        raise model.null_false()
    return value, 1


def _take_texts(value: Value, content: list[str], depth: int) -> tuple[Value, int]:
    if not content:
        raise model.empty_set("SS")
    if "" in content:
        raise model.empty_set_member("SS")
    if len(set(content)) != len(content):
        raise model.set_duplicates("SS", content)
    return {"SS": sorted(content)}, sum(map(text_size, content))


def _take_numbers(value: Value, content: list[str], depth: int) -> tuple[Value, int]:
    if not content:
        raise model.empty_set("NS")
    members = [numbers.normal(text) for text in content]
    if len(set(members)) != len(members):
        raise model.set_duplicates("NS", content)
    return {"NS": sorted(members, key=Decimal)}, sum(map(numbers.size, members))


def _take_binaries(value: Value, content: list[bytes], depth: int) -> tuple[Value, int]:
    if not content:
        raise model.empty_set("BS")
    if b"" in content:
        raise model.empty_set_member("BS")
    if len(set(content)) != len(content):
        raise model.set_duplicates("BS", [b64encode(member).decode() for member in content])
    return {"BS": sorted(content)}, sum(map(len, content))


def _take_map(value: Value, content: Mapping[str, Value], depth: int) -> tuple[Value, int]:
    if depth >= model.MAX_DEPTH:
        raise model.too_deep()
    taken: Item = {}
    total = 3 + len(content)
    for name, member in content.items():
        taken[name], size = take(member, depth + 1)
        total += size + text_size(name)
    return {"M": taken}, total


def _take_list(value: Value, content: list[Value], depth: int) -> tuple[Value, int]:
    if depth >= model.MAX_DEPTH:
        raise model.too_deep()
    taken = []
    total = 3 + len(content)
    for member in content:
        checked, size = take(member, depth + 1)
        taken.append(checked)
        total += size
    return {"L": taken}, total


_TAKE: dict[str, Take] = {
    "S": _take_text,
    "N": _take_number,
    "B": _take_binary,
    "BOOL": _take_bool,
    "NULL": _take_null,
    "SS": _take_texts,
    "NS": _take_numbers,
    "BS": _take_binaries,
    "M": _take_map,
    "L": _take_list,
}


def item_size(item: Item) -> int:
    """The bytes that a checked item counts for: names and values."""
    return sum(text_size(name) + size(value) for name, value in item.items())


def size(value: Value) -> int:
    """The bytes that a checked value counts for."""
    for name, content in value.items():
        return _SIZE[name](content)
    raise AssertionError


def _map_size(content: Item) -> int:
    return 3 + len(content) + item_size(content)


def _list_size(content: list[Value]) -> int:
    return 3 + len(content) + sum(map(size, content))


_SIZE: dict[str, Callable[[Any], int]] = {
    "S": text_size,
    "N": numbers.size,
    "B": len,
    "BOOL": lambda content: 1,
    "NULL": lambda content: 1,
    "SS": lambda content: sum(map(text_size, content)),
    "NS": lambda content: sum(map(numbers.size, content)),
    "BS": lambda content: sum(map(len, content)),
    "M": _map_size,
    "L": _list_size,
}


def depth(value: Value) -> int:
    """How many maps and lists lie in each other; 1 for a scalar."""
    name, content = next(iter(value.items()))
    if name == "M":
        return 1 + max(map(depth, content.values()), default=0)
    if name == "L":
        return 1 + max(map(depth, content), default=0)
    return 1


ORDERED = frozenset("SNB")
"""The types that have an order."""


def order(left: Value, right: Value) -> int | None:
    """Negative, zero or positive as `left` sorts before, with or after `right`; None where they have no order."""
    for name, content in left.items():
        other = right.get(name)
        if other is None or name not in ORDERED:
            return None
        if name == "N":
            content, other = Decimal(content), Decimal(other)
        # Code points sort as their UTF-8 bytes do.
        return -1 if content < other else int(content > other)
    return None


def sort_members(kind: str, members: set[Any]) -> list[Any]:
    """A set's members in the stored order."""
    return sorted(members, key=Decimal) if kind == "NS" else sorted(members)


def shown(value: Value) -> str:
    """A value inside an error message: `{S:x}`."""
    name, content = next(iter(value.items()))
    return f"{{{name}:{b64encode(content).decode() if name == 'B' else content}}}"
