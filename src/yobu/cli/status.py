"""Show what the node runs: its address, its environments by state, and its operations so far."""

from __future__ import annotations

import argparse
import json

from rich import box
from rich.console import Console
from rich.table import Table

from yobu.cli import _client

HELP = "show what the node runs"


def add(parser: argparse.ArgumentParser) -> None:
    """Which node, and the form."""
    _client.add_endpoint(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Ask the node and print."""
    status = _client.admin(_client.find(args), "GET", "status")
    if args.json:
        print(json.dumps(status, indent=2))
        return 0
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"yobu {status['version']} at {status['url']}, up {status['uptime_s']:.0f} s")
    console.print(f"data folder: {status['data']}")
    console.print("environments: " + ", ".join(f"{name} {count}" for name, count in status["fleet"].items()))
    console.print(f"queued events in work: {status['events_in_work']}")
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("operation", no_wrap=True)
    for name in ("calls", "client errors", "server errors", "mean ms", "max ms"):
        table.add_column(name, justify="right")
    for name, row in status["operations"].items():
        counts = (row["calls"], row["client_errors"], row["server_errors"])
        table.add_row(name, *map(str, counts), f"{row['mean_ms']:.2f}", f"{row['max_ms']:.2f}")
    if table.row_count:
        console.print(table)
    return 0
