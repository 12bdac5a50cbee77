"""`yobu up` with a store whose commits fail as soon as a file named `broken` lies beside the data folder."""

from __future__ import annotations

import argparse
import sqlite3
import sys

from yobu.cli.up import add, settings
from yobu.node import serve
from yobu.store.sqlite import commit

parser = argparse.ArgumentParser()
commands = parser.add_subparsers()
add(commands.add_parser("up"))
chosen = settings(parser.parse_args())
broken = chosen.data.with_name("broken")


def failing(writer: sqlite3.Connection) -> None:
    if broken.exists():
        raise sqlite3.OperationalError("disk I/O error")
    commit(writer)


sys.exit(serve(chosen, failing))
