"""Keys: tuples in an order-preserving encoding. In come tuples, out go bytes whose order is the tuples' order.

The encoding is FoundationDB's tuple layer (https://github.com/apple/foundationdb/blob/main/design/tuple.md) for None,
bytes, str, int, float, bool and nested tuples; `Decimal` of up to 38 significant digits has the user type code 0x40.
Values of different types sort by type, in that order (bools behind floats, decimals last). Nothing here knows what a
key means or where it is stored.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from yobu.store.port import Range

_NONE, _BYTES, _STR, _TUPLE = 0x00, 0x01, 0x02, 0x05
_INT_ZERO, _INT_BIG_NEGATIVE, _INT_BIG_POSITIVE = 0x14, 0x0B, 0x1D
_DOUBLE, _FALSE, _TRUE, _DECIMAL = 0x21, 0x26, 0x27, 0x40
_END = b"\x00"
_ESCAPED = b"\x00\xff"

DECIMAL_DIGITS = 38
_EXPONENT_BIAS = 0x8000
_NEGATIVE, _ZERO, _POSITIVE = b"\x40\x01", b"\x40\x02", b"\x40\x03"
_COMPLEMENT = bytes(255 - byte for byte in range(256))


def pack(parts: tuple[Any, ...]) -> bytes:
    """The key of `parts`. Raises TypeError for a type that has no encoding, ValueError for a number out of range."""
    return b"".join([_ENCODERS.get(type(part), _encode_other)(part) for part in parts])


def unpack(key: bytes) -> tuple[Any, ...]:
    """The parts of `key`; a decimal comes back without trailing zeros. Raises ValueError for a malformed key."""
    parts: list[Any] = []
    at = 0
    try:
        while at < len(key):
            part, at = _DECODERS[key[at]](key, at)
            parts.append(part)
    except (KeyError, IndexError, struct.error) as error:
        raise ValueError(f"not a key: {key!r}") from error
    return tuple(parts)


def prefix(parts: tuple[Any, ...]) -> Range:
    """Every key below `parts`: those that have further parts behind them, not the key of `parts` itself."""
    start = pack(parts)
    return Range(start + b"\x00", start + b"\xff")


def starting(parts: tuple[Any, ...], partial: str | bytes) -> Range:
    """Every key of `parts` and one more string (or bytes) that begins with `partial`, and what lies below it."""
    last = pack((partial,))[:-1]
    start = pack(parts) + last
    return Range(start, beyond(start))


def between(lo: bytes, hi: bytes) -> Range:
    """Keys from `lo` (included) to `hi` (excluded)."""
    return Range(lo, hi)


def after(key: bytes) -> bytes:
    """The least key behind `key`: a scan's next page starts here."""
    return key + b"\x00"


def beyond(start: bytes) -> bytes:
    """The least key behind every key that begins with the bytes `start`. Raises ValueError where there is none."""
    stem = start.rstrip(b"\xff")
    if not stem:
        raise ValueError("no key lies beyond this one")
    return stem[:-1] + bytes((stem[-1] + 1,))


def _encode_none(part: None) -> bytes:
    return b"\x00"


def _encode_bytes(part: bytes) -> bytes:
    return b"\x01" + part.replace(_END, _ESCAPED) + _END


def _encode_str(part: str) -> bytes:
    return b"\x02" + part.encode().replace(_END, _ESCAPED) + _END


def _encode_bool(part: bool) -> bytes:
    return b"\x27" if part else b"\x26"


def _encode_int(part: int) -> bytes:
    if part == 0:
        return b"\x14"
    size = (part.bit_length() + 7) // 8
    if size > 255:
        raise ValueError("an integer of a key has at most 255 bytes")
    if part > 0:
        head = bytes((_INT_ZERO + size,)) if size <= 8 else bytes((_INT_BIG_POSITIVE, size))
        return head + part.to_bytes(size, "big")
    # Ones' complement, so that the more negative number has the lesser bytes.
    head = bytes((_INT_ZERO - size,)) if size <= 8 else bytes((_INT_BIG_NEGATIVE, size ^ 0xFF))
    return head + (part + (1 << (8 * size)) - 1).to_bytes(size, "big")


def _encode_float(part: float) -> bytes:
    bits = struct.pack(">d", part)
    return b"\x21" + (bits.translate(_COMPLEMENT) if bits[0] & 0x80 else bytes((bits[0] ^ 0x80,)) + bits[1:])


def _encode_tuple(part: tuple[Any, ...]) -> bytes:
    # Inside a tuple None is escaped, because a bare zero ends the tuple.
    inner = [_ESCAPED if item is None else _ENCODERS.get(type(item), _encode_other)(item) for item in part]
    return b"\x05" + b"".join(inner) + _END


def _encode_decimal(part: Decimal) -> bytes:
    """Sign, then the exponent of 0.d1d2d3..., then digits by pairs, ended by a byte that sorts before any pair."""
    if not part.is_finite():
        raise ValueError(f"not a number that a key can hold: {part}")
    if not part:
        return _ZERO
    sign, digits, exponent = part.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    point = len(text) + int(exponent)
    text = text.rstrip("0")
    if len(text) > DECIMAL_DIGITS:
        raise ValueError(f"a decimal of a key has at most {DECIMAL_DIGITS} significant digits")
    if not -_EXPONENT_BIAS <= point < _EXPONENT_BIAS:
        raise ValueError("the exponent of a key's decimal is out of range")
    if len(text) % 2:
        text += "0"
    pairs = bytes([int(text[at : at + 2]) + 1 for at in range(0, len(text), 2)])
    body = (point + _EXPONENT_BIAS).to_bytes(2, "big") + pairs + _END
    return _NEGATIVE + body.translate(_COMPLEMENT) if sign else _POSITIVE + body


def _encode_other(part: object) -> bytes:
    """Sub-classes (enums of strings, named tuples) as what they are made of."""
    for kind in type(part).__mro__:
        encoder = _ENCODERS.get(kind)
        if encoder is not None:
            return encoder(part)
    raise TypeError(f"a key cannot hold a {type(part).__name__}")


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): _encode_none,
    bytes: _encode_bytes,
    str: _encode_str,
    bool: _encode_bool,
    int: _encode_int,
    float: _encode_float,
    tuple: _encode_tuple,
    Decimal: _encode_decimal,
}


def _decode_none(key: bytes, at: int) -> tuple[None, int]:
    return None, at + 1


def _decode_bytes(key: bytes, at: int) -> tuple[bytes, int]:
    end = key.find(_END, at + 1)
    escaped = False
    while end >= 0 and key[end + 1 : end + 2] == b"\xff":
        escaped = True
        end = key.find(_END, end + 2)
    if end < 0:
        raise IndexError("no end")
    content = key[at + 1 : end]
    return content.replace(_ESCAPED, _END) if escaped else content, end + 1


def _decode_str(key: bytes, at: int) -> tuple[str, int]:
    content, at = _decode_bytes(key, at)
    return content.decode(), at


def _decode_int(key: bytes, at: int) -> tuple[int, int]:
    size = key[at] - _INT_ZERO
    at += 1
    if size >= 0:
        end = at + size
        return int.from_bytes(_exactly(key, at, end), "big"), end
    end = at - size
    return int.from_bytes(_exactly(key, at, end), "big") - (1 << (-8 * size)) + 1, end


def _decode_big_positive(key: bytes, at: int) -> tuple[int, int]:
    end = at + 2 + key[at + 1]
    return int.from_bytes(_exactly(key, at + 2, end), "big"), end


def _decode_big_negative(key: bytes, at: int) -> tuple[int, int]:
    size = key[at + 1] ^ 0xFF
    end = at + 2 + size
    return int.from_bytes(_exactly(key, at + 2, end), "big") - (1 << (8 * size)) + 1, end


def _decode_double(key: bytes, at: int) -> tuple[float, int]:
    bits = _exactly(key, at + 1, at + 9)
    bits = bytes((bits[0] ^ 0x80,)) + bits[1:] if bits[0] & 0x80 else bits.translate(_COMPLEMENT)
    return struct.unpack(">d", bits)[0], at + 9


def _decode_false(key: bytes, at: int) -> tuple[bool, int]:
    return False, at + 1


def _decode_true(key: bytes, at: int) -> tuple[bool, int]:
    return True, at + 1


def _decode_tuple(key: bytes, at: int) -> tuple[tuple[Any, ...], int]:
    parts: list[Any] = []
    at += 1
    while True:
        if key[at] != _NONE:
            part, at = _DECODERS[key[at]](key, at)
            parts.append(part)
        elif key[at + 1 : at + 2] == b"\xff":
            parts.append(None)
            at += 2
        else:
            return tuple(parts), at + 1


def _decode_decimal(key: bytes, at: int) -> tuple[Decimal, int]:
    mark = key[at : at + 2]
    if mark == _ZERO:
        return Decimal(0), at + 2
    negative = mark == _NEGATIVE
    if not negative and mark != _POSITIVE:
        raise ValueError("not a decimal")
    end = key.index(b"\xff" if negative else _END, at + 4)
    body = key[at + 2 : end].translate(_COMPLEMENT) if negative else key[at + 2 : end]
    point = int.from_bytes(body[:2], "big") - _EXPONENT_BIAS
    text = "".join(f"{pair - 1:02d}" for pair in body[2:]).rstrip("0")
    return Decimal((int(negative), tuple(map(int, text)), point - len(text))), end + 1


def _exactly(key: bytes, start: int, end: int) -> bytes:
    if end > len(key):
        raise IndexError("cut short")
    return key[start:end]


_DECODERS: dict[int, Callable[[bytes, int], tuple[Any, int]]] = {
    _NONE: _decode_none,
    _BYTES: _decode_bytes,
    _STR: _decode_str,
    _TUPLE: _decode_tuple,
    _INT_BIG_NEGATIVE: _decode_big_negative,
    _INT_BIG_POSITIVE: _decode_big_positive,
    **dict.fromkeys(range(_INT_ZERO - 8, _INT_ZERO + 9), _decode_int),
    _DOUBLE: _decode_double,
    _FALSE: _decode_false,
    _TRUE: _decode_true,
    _DECIMAL: _decode_decimal,
}
