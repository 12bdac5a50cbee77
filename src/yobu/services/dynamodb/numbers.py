"""DynamoDB's numbers: 38 significant digits, magnitudes from 1E-130 to 9.99...E125.

In: the text a client wrote. Out: the normal form (plain digits: `1E+2` becomes `100`, `-0.50` becomes `-0.5`), sums,
sizes, and `Decimal`s to compare and sort by. The normal form is unique, so that equal numbers are equal texts.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Context, Decimal, Inexact

from yobu.base.errors import AwsError
from yobu.services.dynamodb import model

_PLAIN = re.compile(r"(?:0|-?[1-9][0-9]{0,17})\Z")
_NUMBER = re.compile(r"[+-]?(?P<digits>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE](?P<exponent>[+-]?[0-9]+))?\Z")
# Wide enough to add any two numbers of the range exactly.
_EXACT = Context(prec=300, traps=[])
_FITS = Context(prec=38, traps=[Inexact])

MAX_EXPONENT = 125
MIN_EXPONENT = -130
MAX_DIGITS = 38


def normal(text: str) -> str:
    """The normal form of `text`. Raises ValidationException with AWS's words."""
    if _PLAIN.match(text):
        return text
    match = _NUMBER.match(text)
    if match is None:
        raise model.not_numeric(text)
    exponent = match["exponent"] or "0"
    if len(exponent) > 8 and match["digits"].strip("0."):
        # Beyond what any run of digits could make up for, and beyond what Decimal takes.
        raise model.number_underflow() if exponent.startswith("-") else model.number_overflow()
    if not match["digits"].strip("0."):
        return "0"
    return written(Decimal(text))


def written(number: Decimal, too_long: Callable[[], AwsError] = model.too_many_digits) -> str:
    """The normal form of an exact `number`. Raises ValidationException where it does not fit."""
    if not number:
        return "0"
    magnitude = number.adjusted()
    if magnitude > MAX_EXPONENT:
        raise model.number_overflow()
    if magnitude < MIN_EXPONENT:
        raise model.number_underflow()
    try:
        short = _FITS.plus(number)
    except Inexact:
        raise too_long() from None
    return format(short.normalize(_FITS), "f")


def add(left: str, right: str) -> str:
    """The sum of two normal forms. AWS calls a sum of more than 38 digits an overflow too."""
    return written(_EXACT.add(Decimal(left), Decimal(right)), model.number_overflow)


def subtract(left: str, right: str) -> str:
    """The difference of two normal forms; errors as in `add`."""
    return written(_EXACT.subtract(Decimal(left), Decimal(right)), model.number_overflow)


def size(text: str) -> int:
    """The bytes that a normal form counts for: one for two digits, one more, and one for a minus sign."""
    if text == "0":
        return 1
    sign = text.startswith("-")
    number = text[1:] if sign else text
    whole, _, fraction = number.partition(".")
    digits = (whole + fraction).strip("0")
    leading = len(fraction) - len(fraction.lstrip("0"))
    magnitude = len(whole) - 1 if whole != "0" else -leading - 1
    # Digits are paired from the decimal point outwards.
    pairs = (len(digits) + 1) // 2 if magnitude % 2 or len(digits) % 2 else len(digits) // 2 + 1
    return 1 + pairs + sign
