"""The node's own log: one line an event, to standard output, as a stream (twelve-factor XI)."""

from __future__ import annotations

import logging
import sys


def configure(level: int = logging.INFO) -> None:
    """Send the `yobu` loggers to standard output; foreign libraries speak from warnings upwards."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("yobu").setLevel(level)


def logger(name: str) -> logging.Logger:
    """The logger of a part, `yobu.<name>`."""
    return logging.getLogger(f"yobu.{name}")
