"""Drop all state of the node: functions, buckets, tables, queued events, logs."""

from __future__ import annotations

import argparse

from yobu.cli import _client

HELP = "drop all state"


def add(parser: argparse.ArgumentParser) -> None:
    """Which node."""
    _client.add_endpoint(parser)


def run(args: argparse.Namespace) -> int:
    """Reset and say how long it took."""
    node = _client.find(args)
    answer = _client.admin(node, "POST", "reset")
    print(f"{node.url} is empty ({answer['took_ms']:.1f} ms)")
    return 0
