"""Print a function's log lines, or those of any log group: yobu logs NAME --follow"""

from __future__ import annotations

import argparse
from datetime import datetime

from yobu.cli import _client

HELP = "print a function's log"


def add(parser: argparse.ArgumentParser) -> None:
    """Which function, how much."""
    parser.add_argument("name", metavar="NAME", help="function name, or the name of a log group (with a slash)")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with new lines as they come")
    parser.add_argument("--limit", type=int, default=1000, help="at most this many lines of the past (default: 1000)")
    _client.add_endpoint(parser)


def run(args: argparse.Namespace) -> int:
    """Print lines in order of time."""
    group = args.name if "/" in args.name else f"/aws/lambda/{args.name}"
    params = {"group": group, "limit": args.limit, "follow": "true" if args.follow else None}
    for event in _client.admin_lines(_client.find(args), "logs", params):
        when = datetime.fromtimestamp(event["timestamp"] / 1000).astimezone()
        print(f"{when:%H:%M:%S}.{when.microsecond // 1000:03d}  {event['message']}", flush=args.follow)
    return 0
