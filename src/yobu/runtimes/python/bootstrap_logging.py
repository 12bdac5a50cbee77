"""Inside a Python environment: the root logger's handler, in Lambda's format.

`[LEVEL]<tab>2026-11-25T01:02:03.456Z<tab>request id<tab>message`: one record is one event, line breaks and all.
https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""

import os
import sys
import time


def configure(logging, current):
    """Give the root logger its handler. `logging` is the module, `current.request_id` the running request."""

    class LambdaHandler(logging.Handler):
        def emit(self, record):
            try:
                text = self.format(record)
                if sys.stdout is not None:
                    sys.stdout.flush()
                data = (text.replace("\n", "\0\n") + "\n").encode("utf-8", "backslashreplace")
                while data:
                    data = data[os.write(1, data) :]
            except Exception:
                self.handleError(record)

    class LambdaFilter(logging.Filter):
        def filter(self, record):
            record.aws_request_id = current.request_id
            record.tenant_id = None
            return True

    logging.Formatter.converter = time.gmtime
    layout = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"
    handler = LambdaHandler()
    handler.setFormatter(logging.Formatter(layout, "%Y-%m-%dT%H:%M:%S"))
    handler.addFilter(LambdaFilter())
    logging.getLogger().addHandler(handler)
