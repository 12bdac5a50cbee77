"""A bar chart of a bill.

In: the door's answer (`/_yobu/bill`). Out: a picture as shapes, and those as SVG text. It must not know where the
answer comes from or where the picture goes; bill_png.py draws the same shapes as pixels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

WIDTH = 860
MOST_BARS = 20
MOST_DAYS = 400
_LEFT, _RIGHT, _TOP = 28, 32, 84
_BAR = 30
_PLOT_HEIGHT = 240
_STEPS = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))
_UNPRINTABLE = dict.fromkeys((*range(32), 0x7F, *range(0xD800, 0xE000), 0xFFFE, 0xFFFF), "\ufffd")


class Rect(NamedTuple):
    """A filled rectangle; `look` names its colour."""

    x: float
    y: float
    width: float
    height: float
    look: str


class Text(NamedTuple):
    """A line of text on the baseline `y`; `anchor` is start, middle or end; `size` in pixels."""

    x: float
    y: float
    text: str
    look: str
    anchor: str = "start"
    size: int = 13


@dataclass(frozen=True, slots=True)
class Picture:
    """Shapes from back to front; `title` for those who do not see it."""

    width: int
    height: int
    title: str
    shapes: Sequence[Rect | Text]


LOOKS: Mapping[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#16181d"),
    "ink": ("#1f2430", "#e8eaf0"),
    "faint": ("#5f6675", "#a3aab8"),
    "line": ("#e3e6ec", "#30343d"),
    "bar": ("#2f6fde", "#6ea2ff"),
    "rest": ("#a9bee6", "#42547f"),
}
"""The colours by name, on a light and on a dark screen."""


def picture(bill: Mapping[str, Any]) -> Picture:
    """The chart: days from left to right, other groups as rows, the dearest on top."""
    bars = [(str(row["group"]), Decimal(row["total"])) for row in bill["rows"]]
    since, until = bill["since"][:10], bill["until"][:10]
    title = f"Cost by {bill['by']}: {money(Decimal(bill['total']['total']))}"
    below = f"{since} to {until} (UTC), {bill['total']['requests']:,} invocations, US dollars at AWS's prices"
    head = [Text(_LEFT, 36, title, "ink", size=20), Text(_LEFT, 58, below, "faint")]
    if not bars:
        return _framed([*head, Text(_LEFT, _TOP + 24, "No invocation in this time.", "faint")], _TOP + 56, title)
    if bill["by"] == "day":
        body, height = _days(_filled(bars, since, until))
    else:
        body, height = _rows(short_names(bars))
    return _framed([*head, *body], height, title)


def svg(drawn: Picture) -> str:
    """The picture as an SVG document that follows the reader's light or dark mode."""
    light = "".join(f".{look}{{fill:{colours[0]}}}" for look, colours in LOOKS.items())
    dark = "".join(f".{look}{{fill:{colours[1]}}}" for look, colours in LOOKS.items())
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{drawn.width}" height="{drawn.height}" '
            f'viewBox="0 0 {drawn.width} {drawn.height}" role="img" '
            "font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">",
            f"<title>{_clean(drawn.title)}</title>",
            f"<style>{light}@media (prefers-color-scheme:dark){{{dark}}}</style>",
            *map(_element, drawn.shapes),
            "</svg>",
            "",
        ]
    )


def money(amount: Decimal) -> str:
    """Dollars with as many decimals as the size of the amount asks for: `$12.35`, `$0.0000163`, `$0`."""
    if not amount:
        return "$0"
    places = max(2, 2 - amount.adjusted()) if amount < 1 else 2
    return f"${amount:,.{places}f}"


def short_names(bars: Sequence[tuple[str, Decimal]]) -> list[tuple[str, Decimal]]:
    """ARNs shortened to the resource's name, where that leaves all groups apart."""
    names = [name.split(":", 5)[-1].removeprefix("function:") if name.startswith("arn:") else name for name, _ in bars]
    if len(set(names)) < len(names):
        return list(bars)
    return [(name, amount) for name, (_, amount) in zip(names, bars, strict=True)]


def _framed(shapes: Sequence[Rect | Text], height: float, title: str) -> Picture:
    return Picture(WIDTH, round(height), title, [Rect(0, 0, WIDTH, round(height), "paper"), *shapes])


def _at_most(bars: Sequence[tuple[str, Decimal]]) -> tuple[list[tuple[str, Decimal]], int]:
    """The first bars, one for all others, and of how many groups that one is."""
    if len(bars) <= MOST_BARS:
        return list(bars), 0
    rest = bars[MOST_BARS - 1 :]
    last = (f"{len(rest)} others", sum((amount for _, amount in rest), Decimal(0)))
    return [*bars[: MOST_BARS - 1], last], len(rest)


def _filled(bars: list[tuple[str, Decimal]], since: str, until: str) -> list[tuple[str, Decimal]]:
    """Every day of the time, those without an invocation too. Of a long time, from its first invocation on."""
    amounts = dict(bars)
    first, last = date.fromisoformat(since), date.fromisoformat(until)
    if (last - first).days > MOST_DAYS:
        first = max(date.fromisoformat(min(amounts)), last - timedelta(MOST_DAYS))
    days = [(first + timedelta(number)).isoformat() for number in range((last - first).days + 1)]
    return [(day, amounts.get(day, Decimal(0))) for day in days]


def _rows(groups: Sequence[tuple[str, Decimal]]) -> tuple[list[Rect | Text], float]:
    """Horizontal bars with the name before and the value behind each; the last may stand for many groups."""
    bars, others = _at_most(groups)
    names = [_shortened(name, 34) for name, _ in bars]
    at = _LEFT + 16 + max(len(name) for name in names) * 7.4
    ticks = _ticks(max(amount for _, amount in bars))
    room = WIDTH - _RIGHT - 84 - at
    bottom = _TOP + len(bars) * _BAR
    shapes: list[Rect | Text] = []
    for tick, label in ticks:
        x = at + room * float(tick / ticks[-1][0])
        shapes += [Rect(x, _TOP - 4, 1, bottom - _TOP + 8, "line"), Text(x, bottom + 24, label, "faint", "middle", 12)]
    for number, (name, (_, amount)) in enumerate(zip(names, bars, strict=True)):
        y = _TOP + number * _BAR
        long = max(1.0, room * float(amount / ticks[-1][0]))
        shapes += [
            Text(at - 12, y + 20, name, "ink", "end"),
            Rect(at, y + 5, long, _BAR - 10, "rest" if others and number == MOST_BARS - 1 else "bar"),
            Text(at + long + 8, y + 20, money(amount), "ink", size=12),
        ]
    return shapes, bottom + 44


def _days(bars: Sequence[tuple[str, Decimal]]) -> tuple[list[Rect | Text], float]:
    """Vertical bars with the days below; each has its value above where there is room."""
    ticks = _ticks(max(amount for _, amount in bars))
    at = _LEFT + 12 + max(len(label) for _, label in ticks) * 7.4
    room, bottom = WIDTH - _RIGHT - at, _TOP + 16 + _PLOT_HEIGHT
    shapes: list[Rect | Text] = []
    for tick, label in ticks:
        y = bottom - _PLOT_HEIGHT * float(tick / ticks[-1][0])
        shapes += [Rect(at, y, room, 1, "line"), Text(at - 10, y + 4, label, "faint", "end", 12)]
    step = room / len(bars)
    every = -(-len(bars) // 12)
    for number, (day, amount) in enumerate(bars):
        x, tall = at + number * step, _PLOT_HEIGHT * float(amount / ticks[-1][0])
        if amount:
            tall = max(1.0, tall)
            shapes.append(Rect(x + step * 0.14, bottom - tall, min(step * 0.72, 64), tall, "bar"))
        middle = x + step * 0.14 + min(step * 0.72, 64) / 2
        if amount and step >= 64:
            shapes.append(Text(middle, bottom - tall - 7, money(amount), "ink", "middle", 12))
        if (len(bars) - 1 - number) % every == 0:
            shapes.append(Text(middle, bottom + 22, day[5:], "faint", "middle", 12))
    shapes.append(Rect(at, bottom, room, 1, "faint"))
    return shapes, bottom + 44


def _ticks(most: Decimal) -> list[tuple[Decimal, str]]:
    """Three to five round values from 0 to at least `most`, all with the same decimals."""
    if most <= 0:
        most = Decimal(1)
    rough = most / 4
    unit = Decimal(1).scaleb(rough.adjusted())
    factor = next(factor for factor in _STEPS if unit * factor >= rough)
    step = unit * factor
    places = max(0, (1 if factor == _STEPS[2] else 0) - unit.adjusted())
    count = math.ceil(most / step)
    return [(step * number, f"${step * number:,.{places}f}" if number else "$0") for number in range(count + 1)]


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most // 2 - 1]}...{text[-(most - most // 2 - 2) :]}"


def _clean(text: str) -> str:
    """Text for XML: characters that it cannot hold are replaced."""
    return escape(text.translate(_UNPRINTABLE), {'"': "&quot;"})


def _element(shape: Rect | Text) -> str:
    if isinstance(shape, Rect):
        place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
        return f'<rect class="{shape.look}" {place}/>'
    where = f'x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{shape.anchor}" font-size="{shape.size}"'
    return f'<text class="{shape.look}" {where}>{_clean(shape.text)}</text>'
