"""`make bench`: measure, show a table, write JSON beside it. ARGS="starts bodies" chooses suites."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from bench.figures import Figure, machine, markdown, save, show

SUITES = ("requests", "bodies", "starts", "commits")


def main() -> None:
    """Run the chosen suites."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("suites", nargs="*", default=SUITES, metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--json", type=Path, default=Path("bench-results.json"))
    parser.add_argument("--markdown", type=Path, help="write the tables as a document")
    args = parser.parse_args()
    figures: list[Figure] = []
    for name in args.suites:
        print(f"measuring {name} ...", flush=True)
        figures += importlib.import_module(f"bench.{name}").run()
    print(machine())
    show(figures)
    save(figures, args.json)
    if args.markdown:
        args.markdown.write_text("# Benchmarks\n\n" + markdown(figures, machine()))


if __name__ == "__main__":
    main()
