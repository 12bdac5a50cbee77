"""Show what the node runs: its address, execution tier, functions' environments and operations so far."""

from __future__ import annotations

import argparse
import json

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
    console = Console()
    console.print(
        f"yobu {status['version']} at {status['url']}, up {status['uptime_s']:.0f} s, data in {status['data']}"
    )
    console.print(f"isolation: {status['isolation']}", highlight=False)
    environments = Table("function", "version", "state", "environments", title="Execution environments")
    for row in status["environments"]:
        environments.add_row(row["function"], row["version"], row["state"], str(row["count"]))
    operations = Table("service", "operation", "calls", "errors", "mean ms", title="Operations")
    for row in status["operations"]:
        mean = f"{row['mean_ms']:.2f}"
        operations.add_row(row["service"], row["operation"], str(row["calls"]), str(row["errors"]), mean)
    for table in (environments, operations):
        if table.row_count:
            console.print(table)
    return 0
