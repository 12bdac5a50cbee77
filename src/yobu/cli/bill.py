"""Print what the functions cost at AWS's prices: yobu bill --by day --since 7d

One record is kept of each invocation that ran; this sums them up, by default over all accounts and regions of the
node. The prices are AWS's for us-east-1, without the free allowance; price tiers are counted for each account,
region, architecture and calendar month, from the invocations of the time asked for. All times are UTC. Invocations
that still run are not on the bill yet. A tenant is an account: invocations have no TenantId yet.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from yobu.base.errors import YobuError
from yobu.cli import _client
from yobu.kits.bill_plot import picture, short_names, svg

HELP = "print what the functions cost at AWS's prices"
CHOICES = ("function", "source", "day", "tenant")
COLUMNS = (
    "group",
    "requests",
    "errors",
    "cold_starts",
    "gb_seconds",
    "request_cost",
    "compute_cost",
    "ephemeral_cost",
    "total",
)
"""The columns of --csv, which stay as they are; new ones come behind them."""
TITLES: Mapping[str, str] = {"source": "event source", "tenant": "account"}


def add(parser: argparse.ArgumentParser) -> None:
    """Grouped how, of what time, in which form."""
    parser.add_argument(
        "--by", choices=CHOICES, default="function", help="one row for each function, event source, day or account"
    )
    parser.add_argument("--since", default="30d", help="a date, a time, or how long ago: 30d, 12h (default: 30d)")
    parser.add_argument("--until", help="the end, not included: a date, a time, or how long ago (default: now)")
    parser.add_argument("--account", help="of this account only (default: all)")
    parser.add_argument("--region", help="of this region only (default: all)")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON; costs are strings with every digit")
    form.add_argument("--csv", action="store_true", help="print CSV; costs have every digit")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw a bar chart into FILE.svg or FILE.png too")
    _client.add_endpoint(parser)


def run(args: argparse.Namespace) -> int:
    """Ask the node, draw, print."""
    if args.plot is not None and args.plot.suffix.lower() not in (".svg", ".png"):
        raise YobuError(f"--plot takes a file that ends with .svg or .png, not {str(args.plot)!r}")
    asked = {name: getattr(args, name) for name in ("by", "since", "until", "account", "region")}
    bill = _client.admin(_client.find(args), "GET", "bill", asked)
    if args.plot is not None:
        _draw(bill, args.plot)
    if args.json:
        print(json.dumps(bill, indent=2))
    elif args.csv:
        writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(bill["rows"])
    else:
        _show(bill)
    return 0


def _draw(bill: Mapping[str, Any], path: Path) -> None:
    drawn = picture(bill)
    if path.suffix.lower() == ".png":
        from yobu.kits.bill_png import png  # it needs Pillow, which only some have

        body = png(drawn)
    else:
        body = svg(drawn).encode()
    try:
        path.write_bytes(body)
    except OSError as error:
        raise YobuError(f"cannot write {path}: {error.strerror}") from None
    print(f"drawn into {path}", file=sys.stderr)


def _show(bill: Mapping[str, Any]) -> None:
    """The table, what the sum is made of, and what idle time cost."""
    console = Console(highlight=False)
    total, digits = bill["total"], _digits(Decimal(bill["total"]["total"]))
    if bill["rows"]:
        console.print(_table(bill, digits, console.width))
    parts = (("request_cost", "requests"), ("compute_cost", "compute"), ("ephemeral_cost", "ephemeral storage"))
    said = " + ".join(f"${_rounded(total[key], digits)} {what}" for key, what in parts)
    for line in (
        f"{total['requests']} invocations: {said} = ${_rounded(total['total'], digits)}",
        idle_line(bill),
    ):
        console.print(line, markup=False, soft_wrap=True)


def _table(bill: Mapping[str, Any], digits: int, most: int) -> Table:
    """One line for each row, and their sum where they are several; names are cut so that it is `most` wide."""
    names = [name for name, _ in short_names([(row["group"], Decimal(0)) for row in bill["rows"]])]
    lines = [(name, *_numbers(row, digits)) for name, row in zip(names, bill["rows"], strict=True)]
    if len(lines) > 1:
        lines.append(("all", *_numbers(bill["total"], digits)))
    titles = ("calls", "errors", "cold", "GB-s", "compute $", "total $")
    widths = [max(len(title), *(len(line[at]) for line in lines)) for at, title in enumerate(titles, 1)]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    room = most - sum(widths) - 2 * (len(widths) + 1) - 1
    table.add_column(TITLES.get(bill["by"], bill["by"]), overflow="ellipsis", no_wrap=True, max_width=max(12, room))
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for number, line in enumerate(lines, 1):
        table.add_row(*map(Text, line), end_section=number == len(names) < len(lines))
    return table


def _numbers(row: Mapping[str, Any], digits: int) -> tuple[str, ...]:
    counts = (str(row[key]) for key in ("requests", "errors", "cold_starts"))
    costs = (_rounded(row[key], digits) for key in ("compute_cost", "total"))
    return (*counts, _rounded(row["gb_seconds"], 3), *costs)


def idle_line(bill: Mapping[str, Any]) -> str:
    """What idle time cost, and how much of it there was: the time that no recorded run covers."""
    time = bill["time"]
    idle = Decimal(time["span_ms"] - time["busy_ms"]) / Decimal(time["span_ms"]) * 100
    share = f"{idle.quantize(Decimal('0.001'), ROUND_DOWN).normalize():f}"
    least = "" if time["exact"] else "at least "
    where = "".join(
        f" {word} {bill[name]}" for word, name in (("of account", "account"), ("in", "region")) if bill[name]
    )
    when = " to ".join(bill[name][:16].replace("T", " ") for name in ("since", "until"))
    return f"idle time costs nothing: $0. No function{where} ran in {least}{share} % of {when} UTC"


def _digits(amount: Decimal) -> int:
    """Decimals that a table of this sum needs."""
    return 8 if amount < 1 else 4 if amount < 1000 else 2


def _rounded(amount: str, digits: int) -> str:
    return f"{Decimal(amount).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"
