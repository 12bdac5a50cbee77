"""Run a node in the foreground until Ctrl-C or SIGTERM.

Every flag can be given as YOBU_<FLAG> in the environment; a flag wins. State is kept in the data folder and
survives a stop, a crash and a power cut.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import fields
from pathlib import Path

from yobu.base.settings import Settings, from_environment

HELP = "run a node in the foreground"


def add(parser: argparse.ArgumentParser) -> None:
    """The flags of a node: the fields of Settings."""
    default = Settings()
    parser.add_argument("--host", help=f"address to listen on (default: {default.host})")
    parser.add_argument("--port", type=int, help=f"port to listen on, 0 for a free one (default: {default.port})")
    parser.add_argument("--data", type=Path, help=f"data folder (default: ./{default.data})")
    parser.add_argument("--account", help=f"12-digit account of unsigned requests (default: {default.account})")
    parser.add_argument("--region", help=f"region of unsigned requests (default: {default.region})")
    parser.add_argument("--auth", action="store_true", default=None, help="check signatures against the node's keys")
    parser.add_argument(
        "--tls", action="store_true", default=None, help="serve HTTPS too, with a generated certificate"
    )
    parser.add_argument("--isolation", help="execution tier: process (the sandbox is not built yet)")
    parser.add_argument(
        "--idle-s", type=float, help=f"seconds an idle environment is kept (default: {default.idle_s:g})"
    )
    parser.add_argument("--concurrency", type=int, help=f"concurrent executions (default: {default.concurrency})")


def run(args: argparse.Namespace) -> int:
    """Start, serve, stop."""
    from yobu.node import serve  # the machine is loaded only by the command that runs it

    return serve(settings(args))


def settings(args: argparse.Namespace) -> Settings:
    """Flags over environment variables over defaults. Raises YobuError."""
    chosen = from_environment(os.environ)
    for field in fields(Settings):
        value = getattr(args, field.name, None)
        if value is not None:
            chosen[field.name] = value
    result = Settings(**chosen)  # type: ignore[arg-type]
    result.check()
    return result
