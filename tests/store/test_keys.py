from __future__ import annotations

import math
from decimal import Context, Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yobu.store import keys

decimals = st.builds(
    lambda sign, digits, exponent: Decimal((sign, tuple(map(int, str(digits))), exponent)),
    st.integers(0, 1),
    st.integers(0, 10**38 - 1),
    st.integers(-160, 130),
)
ints = st.integers(-(2**80), 2**80) | st.integers(-300, 300)
floats = st.floats(allow_nan=False)
texts = st.text(st.characters(exclude_categories=["Cs"])) | st.text("a\x00\u00ff")
blobs = st.binary() | st.lists(st.sampled_from([b"\x00", b"\xff", b"a"])).map(b"".join)
same_kind = st.one_of(*(st.tuples(kind, kind) for kind in (ints, floats, texts, blobs, decimals, st.booleans())))
parts = st.recursive(
    st.none() | ints | floats | texts | blobs | decimals | st.booleans(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)
tuples = st.lists(parts, max_size=4).map(tuple)

# In the order of their type codes.
RANK = {type(None): 0, bytes: 1, str: 2, tuple: 3, int: 4, float: 5, bool: 6, Decimal: 7}


def order(value: Any) -> Any:
    """What sorts as the key of `value` must."""
    if isinstance(value, tuple):
        return (RANK[tuple], [order(part) for part in value])
    if isinstance(value, float):
        return (RANK[float], math.copysign(1, value), value)
    return (RANK[type(value)], b"" if value is None else value.encode() if isinstance(value, str) else value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # The examples of FoundationDB's design/tuple.md.
        ((None,), "00"),
        ((b"foo\x00bar",), "01 66 6f 6f 00 ff 62 61 72 00"),
        (("FÔO\x00bar",), "02 46 c3 94 4f 00 ff 62 61 72 00"),
        (((b"foo\x00bar", None, ()),), "05 01 66 6f 6f 00 ff 62 61 72 00 00 ff 05 00 00"),
        ((-5551212,), "11 ab 4b 93"),
        ((0, 1, -1, 255, 256), "14 15 01 13 fe 15 ff 16 01 00"),
        ((2**64, -(2**64)), "1d 09 01 00 00 00 00 00 00 00 00 0b f6 fe ff ff ff ff ff ff ff ff"),
        ((1.0, -1.0), "21 bf f0 00 00 00 00 00 00 21 40 0f ff ff ff ff ff ff"),
        ((False, True), "26 27"),
    ],
)
def test_the_encoding_is_foundationdbs(value: tuple[Any, ...], expected: str) -> None:
    assert keys.pack(value) == bytes.fromhex(expected)
    assert keys.unpack(bytes.fromhex(expected)) == value


@given(tuples)
def test_a_key_gives_its_tuple_back(value: tuple[Any, ...]) -> None:
    back = keys.unpack(keys.pack(value))
    assert back == value
    assert repr(back) == repr(value) or "Decimal" in repr(value)


@given(same_kind)
def test_values_of_a_type_keep_their_order(pair: tuple[Any, Any]) -> None:
    first, second = pair
    assert (keys.pack((first,)) < keys.pack((second,))) == (order(first) < order(second))


@given(tuples, tuples)
def test_tuples_keep_their_order(first: tuple[Any, ...], second: tuple[Any, ...]) -> None:
    assert (keys.pack(first) < keys.pack(second)) == (order(first) < order(second))


@given(decimals)
def test_equal_decimals_have_one_key(value: Decimal) -> None:
    exact = Context(prec=60)
    assert keys.pack((value,)) == keys.pack((value.normalize(exact),))
    assert keys.pack((value,)) == keys.pack((exact.multiply(value, Decimal("1.00000")),))
    more = exact.multiply(value, Decimal(10))
    assert (keys.pack((value,)) == keys.pack((more,))) == (value == 0)


@pytest.mark.parametrize("text", ["0", "-0", "0.00", "1", "10", "-1.50", "9" * 38, "1E-130", "9.9E+125", "-1E-32000"])
def test_decimals_come_back(text: str) -> None:
    (back,) = keys.unpack(keys.pack((Decimal(text), "end")))[:1]
    assert back == Decimal(text)


@pytest.mark.parametrize("bad", [Decimal("NaN"), Decimal("Infinity"), Decimal("1" * 39), Decimal("1E+99999")])
def test_decimals_that_do_not_fit_are_refused(bad: Decimal) -> None:
    with pytest.raises(ValueError, match=r"decimal|number"):
        keys.pack((bad,))


def test_a_long_decimal_of_few_digits_fits() -> None:
    assert keys.unpack(keys.pack((Decimal("1" + "0" * 60),))) == (Decimal("1E+60"),)


def test_what_has_no_encoding_is_refused() -> None:
    with pytest.raises(TypeError, match="list"):
        keys.pack(([],))
    with pytest.raises(ValueError, match="255 bytes"):
        keys.pack((1 << 2048,))


def test_subclasses_are_what_they_are_made_of() -> None:
    class Kind(StrEnum):
        A = "a"

    assert keys.pack((Kind.A,)) == keys.pack(("a",))


@pytest.mark.parametrize("bad", ["02 61", "01 61 00 ff", "15", "1d 09 01", "21 00", "05 14", "ff", "40 03", "40 09 00"])
def test_a_malformed_key_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        keys.unpack(bytes.fromhex(bad))


@given(st.binary())
def test_any_bytes_are_a_key_or_refused(data: bytes) -> None:
    try:
        parts = keys.unpack(data)
    except ValueError:
        return
    assert isinstance(parts, tuple)


@given(tuples, tuples)
def test_a_prefix_holds_what_lies_below_it(stem: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    start, end = keys.prefix(stem)
    below = len(other) > len(stem) and keys.pack(other[: len(stem)]) == keys.pack(stem)
    assert (start <= keys.pack(other) < end) == below
    assert (start <= keys.pack(stem + other) < end) == bool(other)
    assert not start <= keys.pack(stem) < end


@given(st.tuples(texts, texts) | st.tuples(blobs, blobs), tuples)
def test_starting_holds_what_begins_so(pair: tuple[Any, Any], rest: tuple[Any, ...]) -> None:
    partial, whole = pair
    start, end = keys.starting(("stem", 7), partial)
    assert start <= keys.pack(("stem", 7, partial + whole, *rest)) < end
    assert (start <= keys.pack(("stem", 7, whole, *rest)) < end) == whole.startswith(partial)
    assert not start <= keys.pack(("stem", 8, partial)) < end


@given(blobs, blobs)
def test_beyond_is_the_least_key_behind_all_that_begin_so(stem: bytes, other: bytes) -> None:
    assume(stem.strip(b"\xff"))
    end = keys.beyond(stem)
    assert (stem <= other < end) == other.startswith(stem)


def test_nothing_is_beyond_the_last_byte() -> None:
    with pytest.raises(ValueError, match="beyond"):
        keys.beyond(b"\xff\xff")


def test_after_is_the_next_key() -> None:
    assert b"k" < keys.after(b"k") < b"k\x00\x00"
    assert keys.between(b"a", b"b") == (b"a", b"b")
