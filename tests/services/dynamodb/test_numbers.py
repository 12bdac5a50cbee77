from __future__ import annotations

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yobu.base.errors import AwsError
from yobu.services.dynamodb import model, numbers

WIDE = Context(prec=300)


@st.composite
def digits(draw: st.DrawFn) -> Decimal:
    """Any number that DynamoDB takes, its smallest and largest magnitudes among them."""
    mantissa = draw(st.integers(1, 10**38 - 1) | st.sampled_from((1, 10**37, 10**38 - 1)))
    length = len(str(mantissa))
    exponent = draw(st.integers(-130, 125) | st.sampled_from((-130, 125, 0, 1)))
    return Decimal(draw(st.sampled_from((1, -1))) * mantissa).scaleb(exponent - length + 1, WIDE)


@given(digits())
def test_a_number_keeps_its_value_and_has_one_form(number: Decimal) -> None:
    text = numbers.normal(str(number))
    assert Decimal(text) == number
    assert "E" not in text.upper()
    assert not text.startswith("+")
    assert numbers.normal(text) == text
    assert numbers.normal(format(number, "f")) == text
    assert numbers.normal(f"{number:.60E}") == text


@given(st.text(alphabet="0123456789+-.eE_ ", max_size=12) | st.text(max_size=6))
def test_any_text_is_a_number_or_is_refused(text: str) -> None:
    try:
        form = numbers.normal(text)
    except AwsError as error:
        assert error.code == "ValidationException"
    else:
        assert Decimal(form) == Decimal(text)


@given(digits(), digits())
def test_sums_are_exact_or_refused(left: Decimal, right: Decimal) -> None:
    one, two = numbers.normal(str(left)), numbers.normal(str(right))
    for combine, exact in ((numbers.add, WIDE.add), (numbers.subtract, WIDE.subtract)):
        wanted = exact(left, right)
        try:
            found = combine(one, two)
        except AwsError as error:
            assert error.message in (model.number_overflow().message, model.number_underflow().message)
            too_long = len("".join(map(str, wanted.as_tuple().digits)).strip("0")) > 38
            assert too_long or not -130 <= wanted.adjusted() <= 125
        else:
            assert Decimal(found) == wanted


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 1),
        ("1", 2),
        ("-1", 3),
        ("10", 2),
        ("12", 2),
        ("100", 2),
        ("123", 3),
        ("123.4", 4),
        ("12.3", 3),
        ("0.05", 2),
        ("0.5", 2),
        ("1" * 38 + "0" * 88, 20),
        ("1" + "0" * 125, 2),
        ("11" + "0" * 124, 2),
        ("11111" + "0" * 121, 4),
        ("111111" + "0" * 120, 4),
        ("1111111" + "0" * 119, 5),
    ],
)
def test_size(text: str, size: int) -> None:
    assert numbers.size(text) == size


@given(digits())
def test_no_number_is_larger_than_21_bytes_and_a_sign(number: Decimal) -> None:
    assert 2 <= numbers.size(numbers.normal(str(number))) <= 22
