"""The node's own log: one line an event, to standard output, as a stream (twelve-factor XI)."""

from __future__ import annotations

import logging
import os
import sys
from typing import TextIO


class Stream(logging.StreamHandler[TextIO]):
    """Writes lines to a stream. When its reader goes away (a pipe into `head`), the node goes on without a log."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Nobody reads any more: let what follows go nowhere. Other failures are the library's to tell."""
        if isinstance(sys.exc_info()[1], BrokenPipeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
        else:
            super().handleError(record)


def configure(level: int = logging.INFO) -> None:
    """Send the `yobu` loggers to standard output; foreign libraries speak from warnings upwards."""
    handler = Stream(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s", "%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("yobu").setLevel(level)


def logger(name: str) -> logging.Logger:
    """The logger of a part, `yobu.<name>`."""
    return logging.getLogger(f"yobu.{name}")
