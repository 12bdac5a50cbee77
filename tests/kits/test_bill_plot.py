"""The bar chart of a bill: what is drawn, and as which file."""

from __future__ import annotations

import re
import struct
import sys
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from yobu.base.errors import YobuError
from yobu.kits.bill_plot import LOOKS, Picture, Rect, Text, money, picture, short_names, svg

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


def a_bill(by: str, *rows: tuple[str, str], since: str = "2026-11-20", until: str = "2026-11-25") -> dict[str, Any]:
    total = sum((Decimal(amount) for _, amount in rows), Decimal(0))
    return {
        "by": by,
        "since": f"{since}T00:00:00.000Z",
        "until": f"{until}T03:00:00.000Z",
        "rows": [{"group": name, "total": amount} for name, amount in rows],
        "total": {"total": str(total), "requests": 1_234},
    }


def texts(drawn: Picture) -> list[str]:
    return [shape.text for shape in drawn.shapes if isinstance(shape, Text)]


def bars(drawn: Picture) -> list[Rect]:
    return [shape for shape in drawn.shapes if isinstance(shape, Rect) and shape.look in ("bar", "rest")]


def test_groups_are_rows_with_their_names_and_values() -> None:
    drawn = picture(a_bill("function", (ARN + "big", "0.004"), (ARN + "small", "0.001"), (ARN + "none", "0")))
    said = texts(drawn)
    assert said[:2] == [
        "Cost by function: $0.00500",
        "2026-11-20 to 2026-11-25 (UTC), 1,234 invocations, US dollars at AWS's prices",
    ]
    assert {"big", "small", "none", "$0.00400", "$0.00100", "$0"} <= set(said)
    big, small, none = bars(drawn)
    assert big.width == pytest.approx(4 * small.width)
    assert none.width == 1


def test_the_axis_reaches_above_the_longest_bar() -> None:
    for amount in ("0.0000033", "0.07", "1", "249", "250.1", "99999"):
        drawn = picture(a_bill("source", ("api", amount)))
        ticks = [shape for shape in drawn.shapes if isinstance(shape, Rect) and shape.look == "line"]
        assert 3 <= len(ticks) <= 5 + 1
        assert max(tick.x for tick in ticks) >= bars(drawn)[0].x + bars(drawn)[0].width - 1e-6


def test_every_day_of_the_time_has_its_place() -> None:
    drawn = picture(a_bill("day", ("2026-11-21", "0.002"), ("2026-11-24", "0.001")))
    days = [text for text in texts(drawn) if re.fullmatch(r"\d\d-\d\d", text)]
    assert days == ["11-20", "11-21", "11-22", "11-23", "11-24", "11-25"]
    first, second = bars(drawn)
    assert first.height == pytest.approx(2 * second.height)
    assert {"$0.00200", "$0.00100"} <= set(texts(drawn))


def test_many_days_leave_out_labels_and_stay_within_the_picture() -> None:
    rows = [(f"2026-{month:02d}-{day:02d}", "0.5") for month in range(1, 11) for day in range(1, 29)]
    drawn = picture(a_bill("day", *rows, since="2016-01-01"))
    days = [text for text in texts(drawn) if re.fullmatch(r"\d\d-\d\d", text)]
    assert 6 <= len(days) <= 13
    assert len(bars(drawn)) == len(rows)
    assert all(bar.x >= 0 and bar.x + bar.width <= drawn.width for bar in bars(drawn))


def test_more_groups_than_bars_are_summed_up() -> None:
    drawn = picture(a_bill("source", *((f"source-{number}", "0.5") for number in range(45))))
    assert len(bars(drawn)) == 20
    assert {"26 others", "$13.00"} <= set(texts(drawn))
    assert bars(drawn)[-1].look == "rest"


def test_an_empty_bill_says_so() -> None:
    assert "No invocation in this time." in texts(picture(a_bill("day")))
    assert bars(picture(a_bill("day"))) == []


def test_the_svg_is_well_formed_whatever_the_names() -> None:
    name = "<script>&\"'\x00\x0b\ud800]]> 呼ぶ"
    document = svg(picture(a_bill("source", (name, "0.1"), ("x" * 500, "0.2"))))
    root = ElementTree.fromstring(document.encode())
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    shown = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "<script>&\"'\ufffd\ufffd\ufffd]]> 呼ぶ" in shown
    assert any("..." in text and len(text) <= 34 for text in shown if text)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))


def test_the_svg_has_light_and_dark_colours() -> None:
    document = svg(picture(a_bill("day")))
    light, dark = document.split("@media (prefers-color-scheme:dark)")
    for look, colours in LOOKS.items():
        assert f".{look}{{fill:{colours[0]}}}" in light
        assert f".{look}{{fill:{colours[1]}}}" in dark


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "$0"), ("12.345", "$12.34"), ("1234567", "$1,234,567.00"), ("0.5", "$0.500"), ("0.00000163", "$0.00000163")],
)
def test_money_has_the_decimals_that_it_needs(amount: str, text: str) -> None:
    assert money(Decimal(amount)) == text


def test_names_stay_long_where_short_ones_would_be_the_same() -> None:
    one, other = (f"arn:aws:lambda:{region}:000000000000:function:f" for region in ("us-east-1", "eu-west-1"))
    nothing = Decimal(0)
    assert short_names([(one, nothing)]) == [("f", nothing)]
    assert short_names([(one, nothing), (other, nothing)]) == [(one, nothing), (other, nothing)]
    assert short_names([("api", nothing), ("arn:aws:s3:::b", nothing)]) == [("api", nothing), ("b", nothing)]


def test_the_png_shows_the_same_picture() -> None:
    image = pytest.importorskip("PIL.Image")
    from io import BytesIO

    from yobu.kits.bill_png import SCALE, png

    drawn = picture(a_bill("function", (ARN + "big", "0.004"), (ARN + "small", "0.001")))
    body = png(drawn)
    assert struct.unpack(">II", body[16:24]) == (drawn.width * SCALE, drawn.height * SCALE)
    pixels = image.open(BytesIO(body)).convert("RGB")
    for bar in bars(drawn):
        inside = (round((bar.x + bar.width / 2) * SCALE), round((bar.y + bar.height / 2) * SCALE))
        assert "#{:02x}{:02x}{:02x}".format(*pixels.getpixel(inside)) == LOOKS["bar"][0]


def test_a_png_without_pillow_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from yobu.kits.bill_png import png

    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(YobuError, match=r"pip install 'yobu\[demo\]'"):
        png(picture(a_bill("day")))
