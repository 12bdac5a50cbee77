"""CBOR (RFC 8949), as much as rpc-v2-cbor needs: data items both ways, strict about what is malformed.

In come bytes or plain values (None, bool, int, float, str, bytes, list, dict, Tag); out go the same. No
dependency of the project reads CBOR.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 200

_SIZES = {24: ">B", 25: ">H", 26: ">I", 27: ">Q"}
_FLOATS = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_BREAK = object()


class MalformedCbor(Exception):
    """Bytes that are no CBOR data item."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tagged value. Tags 2 and 3 (big numbers) are resolved; 1 (epoch seconds) and others come as this."""

    number: int
    value: Any


def encode(value: Any) -> bytes:
    """A value as CBOR with definite lengths. Raises TypeError for a type that CBOR has not."""
    out = bytearray()
    _encode(out, value)
    return bytes(out)


def _head(out: bytearray, major: int, number: int) -> None:
    if number < 24:
        out.append(major << 5 | number)
        return
    for size, form in _SIZES.items():
        if number < 1 << (8 * struct.calcsize(form)):
            out.append(major << 5 | size)
            out += struct.pack(form, number)
            return
    raise OverflowError("number too long for CBOR")


def _encode(out: bytearray, value: Any) -> None:
    if value is None or isinstance(value, bool):
        out.append(0xF6 if value is None else 0xF5 if value else 0xF4)
    elif isinstance(value, int):
        _encode_int(out, value)
    elif isinstance(value, float):
        out.append(0xFB)
        out += struct.pack(">d", value)
    elif isinstance(value, str):
        text = value.encode()
        _head(out, 3, len(text))
        out += text
    elif isinstance(value, bytes | bytearray | memoryview):
        _head(out, 2, len(value))
        out += value
    elif isinstance(value, dict):
        _head(out, 5, len(value))
        for key, item in value.items():
            _encode(out, key)
            _encode(out, item)
    elif isinstance(value, list | tuple):
        _head(out, 4, len(value))
        for item in value:
            _encode(out, item)
    elif isinstance(value, Tag):
        _head(out, 6, value.number)
        _encode(out, value.value)
    else:
        raise TypeError(f"{type(value).__name__} has no CBOR form")


def _encode_int(out: bytearray, value: int) -> None:
    number, major = (value, 0) if value >= 0 else (-1 - value, 1)
    if number < 1 << 64:
        _head(out, major, number)
    else:
        _head(out, 6, 2 + major)
        _encode(out, number.to_bytes((number.bit_length() + 7) // 8, "big"))


def decode(data: bytes) -> Any:
    """The one data item in `data`. Raises MalformedCbor."""
    reader = _Reader(data)
    try:
        value = reader.item(0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise MalformedCbor(str(error)) from error
    if value is _BREAK or reader.at != len(data):
        raise MalformedCbor("data after the item")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def item(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise MalformedCbor("nested too deeply")
        first = self._data[self.at]
        self.at += 1
        major, info = first >> 5, first & 31
        if major == 7:
            return self._simple(info)
        if info == 31:
            return self._indefinite(major, depth)
        number = info if info < 24 else self._unpack(_SIZES, info)
        if major == 0:
            return number
        if major == 1:
            return -1 - number
        if major == 2:
            return self._take(number)
        if major == 3:
            return self._take(number).decode()
        if major == 6:
            return _tagged(number, self._inner(depth))
        # Each item takes at least a byte: a longer count is a lie, and must not be believed first.
        if number > len(self._data) - self.at:
            raise MalformedCbor("cut off")
        if major == 4:
            return [self._inner(depth) for _ in range(number)]
        return {self._key(depth): self._inner(depth) for _ in range(number)}

    def _unpack(self, forms: dict[int, str], info: int) -> Any:
        form = forms.get(info)
        if form is None:
            raise MalformedCbor("reserved additional information")
        (value,) = struct.unpack_from(form, self._data, self.at)
        self.at += struct.calcsize(form)
        return value

    def _take(self, length: int) -> bytes:
        end = self.at + length
        if end > len(self._data):
            raise MalformedCbor("cut off")
        taken = self._data[self.at : end]
        self.at = end
        return taken

    def _simple(self, info: int) -> Any:
        if info in _SIMPLE:
            return _SIMPLE[info]
        if info == 31:
            return _BREAK
        return self._unpack(_FLOATS, info)

    def _inner(self, depth: int) -> Any:
        value = self.item(depth + 1)
        if value is _BREAK:
            raise MalformedCbor("unexpected break")
        return value

    def _key(self, depth: int) -> str:
        key = self._inner(depth)
        if not isinstance(key, str):
            raise MalformedCbor("a map key is no text")
        return key

    def _indefinite(self, major: int, depth: int) -> Any:
        if major == 5:
            return self._indefinite_map(depth)
        items = []
        while (item := self.item(depth + 1)) is not _BREAK:
            items.append(item)
        if major == 4:
            return items
        wanted = {2: bytes, 3: str}.get(major)
        if wanted is None or not all(type(item) is wanted for item in items):
            raise MalformedCbor("malformed indefinite item")
        return wanted().join(items)

    def _indefinite_map(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (key := self.item(depth + 1)) is not _BREAK:
            if not isinstance(key, str):
                raise MalformedCbor("a map key is no text")
            found[key] = self._inner(depth)
        return found


def _tagged(number: int, value: Any) -> Any:
    if number in (2, 3):
        if not isinstance(value, bytes):
            raise MalformedCbor("a big number is no byte string")
        magnitude = int.from_bytes(value, "big")
        return magnitude if number == 2 else -1 - magnitude
    return Tag(number, value)
