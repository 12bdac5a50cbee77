"""JSON values to and from an operation's members: the trees of json, rest-json and JSON event streams.

In come decoded JSON (msgspec's plain objects) and params; out go params and what msgspec encodes. Raises
`WrongType` where a value does not fit its shape; the protocol words it. Knows nothing of HTTP.
"""

from __future__ import annotations

import math
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from yobu.aws import times
from yobu.aws.shapes import FLOATS, INTEGERS, Memo, Shape, timestamp_format, wire_name
from yobu.base.errors import YobuError

Convert = Callable[[Any], Any]

_SPECIAL_FLOATS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_LONG = 1 << 63


class WrongType(Exception):
    """A JSON value of the wrong type. The text is AWS's, as its Java services say it; some say nothing."""


def wrong(value: Any, wanted: str) -> WrongType:
    """The error for `value` where `wanted` should stand: `a String`, `an Integer`; `list`, `map`, `structure`."""
    if isinstance(value, dict):
        return WrongType("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return WrongType("Start of list found where not expected")
    if wanted in ("list", "map"):
        return WrongType(f"Expected {wanted} or null")
    if wanted == "structure":
        return WrongType("Expected null")
    return WrongType(f"{_token(value)} can not be converted to {wanted}")


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return "NULL_VALUE" if value is None else "NUMBER_VALUE"


def _text(value: Any) -> str:
    if type(value) is not str:
        raise wrong(value, "a String")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise wrong(value, "a Boolean")
    return value


def _integer(kind: str) -> Convert:
    wanted = "an Integer" if kind == "integer" else f"a {kind.capitalize()}"

    def decode(value: Any) -> int:
        if type(value) is float and math.isfinite(value):
            value = int(value)  # AWS cuts fractions off
        if type(value) is not int:
            raise wrong(value, wanted)
        # Beyond 32 bits the model's range, if it has one, refuses; beyond 64 nobody can hold it.
        if not -_LONG <= value < _LONG:
            raise WrongType("")
        return value

    return decode


def _number(value: Any) -> float:
    if type(value) is str and value in _SPECIAL_FLOATS:
        return _SPECIAL_FLOATS[value]
    if type(value) not in (int, float):
        raise wrong(value, "a Double")
    try:
        return float(value)
    except OverflowError as error:
        raise WrongType("") from error


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise wrong(value, "a Blob")
    try:
        return b64decode(value, validate=True)
    except (Base64Error, ValueError) as error:
        raise WrongType(f"'{value}' can not be converted to a Blob: {_base64_fault(value)}") from error


def _base64_fault(text: str) -> str:
    if len(text) % 4:
        return f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(text)}"
    body = text.rstrip("=") if len(text) - len(text.rstrip("=")) <= 2 else text
    bad = next((c for c in body if not (c.isascii() and (c.isalnum() or c in "+/"))), "=")
    return f"Invalid Base64 character: '{bad}'"


def _timestamp(form: str) -> Convert:
    def decode(value: Any) -> datetime:
        try:
            if form == "unixtimestamp":
                if type(value) in (int, float):
                    return times.from_epoch(value)
            elif type(value) is str:
                return times.from_any(value)
        except ValueError as error:
            raise WrongType(f"{value} is not a valid timestamp") from error
        raise wrong(value, "milliseconds since epoch")

    return decode


def _identity(value: Any) -> Any:
    return value


class Decoder:
    """Closures from decoded JSON to params, by shape. JSON nulls in structures and maps are dropped."""

    def __init__(self, timestamps: str = "unixtimestamp") -> None:
        self._timestamps = timestamps
        self._memo: Memo[Convert] = Memo(self._build)

    def get(self, shape: Shape) -> Convert:
        """The closure that turns decoded JSON into the shape's value. It raises WrongType."""
        return self._memo.get(shape)

    def _build(self, shape: Shape) -> Convert:
        kind = shape.type_name
        if kind == "structure":
            return _identity if shape.is_document_type else self._structure(shape, tuple(shape.members))
        if kind == "list":
            return self._list(shape)
        if kind == "map":
            return self._map(shape)
        if kind == "blob":
            return _blob
        if kind == "boolean":
            return _boolean
        if kind == "timestamp":
            return _timestamp(timestamp_format(shape, self._timestamps))
        if kind in INTEGERS:
            return _integer(kind)
        if kind in FLOATS:
            return _number
        return _text

    def structure(self, shape: Shape, names: tuple[str, ...]) -> Convert:
        """As `get`, for only the members `names` of a structure (a REST body without its headers)."""
        return self._structure(shape, names)

    def _structure(self, shape: Shape, names: tuple[str, ...]) -> Convert:
        members = {wire_name(m := shape.members[name], name): (name, self._memo.get(m)) for name in names}
        find = members.get

        def decode(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise wrong(value, "structure")
            out = {}
            for wire, item in value.items():
                member = find(wire)
                if member is not None and item is not None:
                    name, convert = member
                    if convert is _text:
                        # The commonest member by far: one call saved.
                        if type(item) is not str:
                            raise wrong(item, "a String")
                        out[name] = item
                    else:
                        out[name] = convert(item)
            return out

        return decode

    def _list(self, shape: Shape) -> Convert:
        convert = self._memo.get(shape.member)

        def decode(value: Any) -> list[Any]:
            if type(value) is not list:
                raise wrong(value, "list")
            return [None if item is None else convert(item) for item in value]

        return decode

    def _map(self, shape: Shape) -> Convert:
        convert = self._memo.get(shape.value)

        def decode(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise wrong(value, "map")
            return {key: convert(item) for key, item in value.items() if item is not None}

        return decode


class Encoder:
    """Closures from params to what msgspec encodes as JSON. Members that are None are left out.

    bytes stay bytes: msgspec writes them as base64.
    """

    def __init__(self, timestamps: str = "unixtimestamp") -> None:
        self._timestamps = timestamps
        self._memo: Memo[Convert] = Memo(self._build)

    def get(self, shape: Shape) -> Convert:
        """The closure that turns the shape's value into encodable JSON."""
        return self._memo.get(shape)

    def structure(self, shape: Shape, names: tuple[str, ...]) -> Convert:
        """As `get`, for only the members `names` of a structure; others in the value are passed over."""
        encode = self._structure(shape, names)
        wanted = frozenset(names)

        def partial(value: dict[str, Any]) -> Any:
            return encode({name: item for name, item in value.items() if name in wanted})

        return partial

    def _build(self, shape: Shape) -> Convert:
        kind = shape.type_name
        if kind == "structure":
            return _identity if shape.is_document_type else self._structure(shape, tuple(shape.members))
        if kind == "list":
            return self._list(shape)
        if kind == "map":
            return self._map(shape)
        if kind == "timestamp":
            return _TIMESTAMPS[timestamp_format(shape, self._timestamps)]
        if kind in FLOATS:
            return _encode_number
        if kind in INTEGERS:
            return int
        return _encode_blob if kind == "blob" else _identity

    def _structure(self, shape: Shape, names: tuple[str, ...]) -> Convert:
        owner = shape.name
        members: dict[str, tuple[str, Convert | None]] = {}
        for name in names:
            convert = self._memo.get(shape.members[name])
            members[name] = wire_name(shape.members[name], name), None if convert is _identity else convert

        def encode(value: dict[str, Any]) -> dict[str, Any]:
            out = {}
            for name, item in value.items():
                if item is None:
                    continue
                try:
                    wire, convert = members[name]
                except KeyError:
                    raise YobuError(f"{owner} has no member {name}") from None
                out[wire] = item if convert is None else convert(item)
            return out

        return encode

    def _list(self, shape: Shape) -> Convert:
        convert = self._memo.get(shape.member)
        if convert is _identity:
            return list

        def encode(value: Any) -> list[Any]:
            return [None if item is None else convert(item) for item in value]

        return encode

    def _map(self, shape: Shape) -> Convert:
        convert = self._memo.get(shape.value)
        if convert is _identity:
            return _identity

        def encode(value: dict[str, Any]) -> dict[str, Any]:
            return {key: None if item is None else convert(item) for key, item in value.items()}

        return encode


def _encode_number(value: Any) -> Any:
    if isinstance(value, Decimal):
        value = float(value)
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _encode_blob(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


_TIMESTAMPS: dict[str, Convert] = {
    "unixtimestamp": times.epoch,
    "iso8601": times.iso8601,
    "rfc822": times.http_date,
}
