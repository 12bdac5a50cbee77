"""The `yobu` command: finds its sub-commands in this folder, parses, runs one.

A command is a module with `HELP` (one line), `add(parser)` and `run(args) -> int` (the exit status). Where it has a
true `PASSES_ON`, all its arguments but a leading -h belong to the program that it runs, and come as `args.rest`.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

import yobu
import yobu.cli
from yobu.base.discover import names
from yobu.base.errors import YobuError

EPILOG = """\
start here:
  yobu up                     run a node in the foreground
  eval "$(yobu env)"          point every SDK of this shell at it
  yobu demo                   see a photo become a thumbnail and a table row
"""


def build() -> argparse.ArgumentParser:
    """The parser with every command of the folder."""
    parser = argparse.ArgumentParser(
        prog="yobu",
        description=yobu.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"yobu {yobu.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, module in _commands():
        sub = commands.add_parser(
            name,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add(sub)
        sub.set_defaults(run=module.run)
    return parser


def _commands() -> Iterator[tuple[str, ModuleType]]:
    for name in names(yobu.cli):
        if name != "main":
            yield name, importlib.import_module(f"yobu.cli.{name}")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The command's arguments. Ends the process with status 2 and the usage where they are wrong."""
    passing = {name for name, module in _commands() if getattr(module, "PASSES_ON", False)}
    own, rest = list(argv), []
    if argv and argv[0] in passing and argv[1:2] not in (["-h"], ["--help"]):
        own, rest = own[:1], own[1:]
    args = build().parse_args(own)
    args.rest = rest
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; a failure that its user can mend is one line on standard error and status 1."""
    args = parse(sys.argv[1:] if argv is None else argv)
    try:
        status: int = args.run(args)
    except YobuError as error:
        print(f"yobu: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; there is nobody left to tell.
        sys.stderr.close()
        return 141
    return status


if __name__ == "__main__":
    sys.exit(main())
