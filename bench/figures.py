"""A figure, its baseline, its limit; tables and JSON of them. Knows nothing of how a figure is measured."""

from __future__ import annotations

import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `ratio` is the number over its baseline; `limit` what an issue asks for, in words."""

    group: str
    name: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None
    limit: str = ""
    note: str = ""


def median(values: Sequence[float]) -> float:
    """The median of the rounds of a run."""
    return statistics.median(values)


def number(value: float) -> str:
    """Three significant digits, without exponents."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def show(figures: Sequence[Figure]) -> None:
    """One table for each group."""
    console = Console(width=150)
    for group in dict.fromkeys(figure.group for figure in figures):
        table = Table("figure", "value", "unit", "ratio", "baseline", "wanted", "note", title=group)
        for figure in figures:
            if figure.group == group:
                ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}x"
                cells = (figure.unit, ratio, figure.baseline, figure.limit, figure.note)
                table.add_row(figure.name, number(figure.value), *cells)
        console.print(table)


def markdown(figures: Sequence[Figure], machine: str) -> str:
    """The tables as docs/benchmarks.md holds them."""
    lines = [machine]
    for group in dict.fromkeys(figure.group for figure in figures):
        lines += ["", f"## {group}", "", "| figure | value | unit | ratio | baseline | wanted | note |"]
        lines += ["|---|---:|---|---:|---|---|---|"]
        for figure in figures:
            if figure.group == group:
                ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
                cells = (
                    figure.name,
                    number(figure.value),
                    figure.unit,
                    ratio,
                    figure.baseline,
                    figure.limit,
                    figure.note,
                )
                lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def save(figures: Sequence[Figure], path: Path) -> None:
    """The same as JSON."""
    path.write_text(json.dumps({"machine": machine(), "figures": [asdict(figure) for figure in figures]}, indent=1))


def machine() -> str:
    """What the figures were measured on."""
    import os

    return (
        f"Python {platform.python_version()}, Linux {platform.release()}, {os.cpu_count()} cores, {platform.machine()}"
    )
