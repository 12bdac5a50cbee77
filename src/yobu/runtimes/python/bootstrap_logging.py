"""Inside a Python environment: the root logger's handler, in Lambda's format.

`[LEVEL]<tab>2026-11-25T01:02:03.456Z<tab>request id<tab>message`: one record is one event, line breaks and all.
https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

from __future__ import annotations

import logging
import os
import sys
import time

TYPE_CHECKING = False  # `typing` is dear to import
if TYPE_CHECKING:
    from typing import Any


class LambdaHandler(logging.Handler):
    """Writes a record to standard output, after what was printed before it."""

    def emit(self, record: logging.LogRecord) -> None:
        """One write for one record."""
        try:
            text = self.format(record)
            if sys.stdout is not None:
                sys.stdout.flush()
            data = (text.replace("\n", "\0\n") + "\n").encode("utf-8", "backslashreplace")
            while data:
                data = data[os.write(1, data) :]
        except Exception:  # noqa: BLE001  (as logging's own handlers: a log line never stops a function)
            self.handleError(record)


class LambdaFilter(logging.Filter):
    """Gives each record the id of the request that is running."""

    def __init__(self, current: Any) -> None:
        super().__init__()
        self._current = current

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets every record through."""
        record.aws_request_id = self._current.request_id
        record.tenant_id = None
        return True


def configure(current: Any) -> None:
    """Give the root logger its handler; `current.request_id` is the running request's."""
    logging.Formatter.converter = time.gmtime
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    handler = LambdaHandler()
    handler.setFormatter(logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(LambdaFilter(current))
    logging.getLogger().addHandler(handler)
