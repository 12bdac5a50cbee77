"""One environment's log: bytes of output and our own lines in, lines to the sink out, in order.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html (256 KB an event)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from yobu.base.clock import Clock
from yobu.fleet import report
from yobu.fleet.port import LogSink, LogStream

LINE_LIMIT_BYTES = 262_144

_PENDING_LIMIT = 1000
_RECENT_LIMIT = 1 << 20
_SOFT_BREAK = "\0\n"  # a line break within one record: see runtimes/python/bootstrap.py


class Journal:
    """Collects lines, each with the millisecond it came in, and hands them on in bursts: few for a short invocation."""

    def __init__(self, sink: LogSink, stream: LogStream, clock: Clock) -> None:
        self._sink = sink
        self._stream = stream
        self._clock = clock
        self._partial = b""
        self._pending: list[tuple[int, str]] = []
        self._recent: list[str] = []
        self._recent_size = 0
        self._muted = False

    def mute(self) -> None:
        """Hand nothing on any more: whoever reads the log was reset."""
        self._muted = True

    def begin(self) -> None:
        """An invocation begins: `tail` speaks of what follows."""
        self.break_line()
        self._recent = []
        self._recent_size = 0

    def take_back(self) -> None:
        """Unsay what was said since `begin`, as far as it has not been handed on."""
        del self._pending[max(0, len(self._pending) - len(self._recent)) :]
        self._recent = []

    def say(self, *lines: str) -> None:
        """Add lines of the platform's own."""
        self._collect(lines)

    def write(self, data: bytes) -> None:
        """Add output as it came. A line counts when it is complete, or longer than a log event may be."""
        data = self._partial + data if self._partial else data
        cut = _last_break(data)
        if cut < 0 and len(data) <= LINE_LIMIT_BYTES:
            self._partial = data
            return
        head, self._partial = (data, b"") if cut < 0 else (data[:cut], data[cut + 1 :])
        self._add(head)

    def break_line(self) -> None:
        """Count what has no line break yet as a line."""
        if self._partial:
            head, self._partial = self._partial, b""
            self._add(head)

    def flush(self) -> None:
        """Hand on what was collected."""
        pending, self._pending = self._pending, []
        if self._muted:
            return
        for at_ms, burst in groupby(pending, itemgetter(0)):
            self._sink.append(self._stream, at_ms, [line for _, line in burst])

    def tail(self) -> bytes:
        """The last 4 KB since `begin`."""
        return report.tail(self._recent)

    def _collect(self, lines: Sequence[str]) -> None:
        now_ms = self._clock.now_ms()
        self._pending += [(now_ms, line) for line in lines]
        self._recent += lines

    def _add(self, data: bytes) -> None:
        text = data.decode(errors="replace")
        if _SOFT_BREAK in text:
            lines = [line.replace("\0", "\n") for line in text.replace(_SOFT_BREAK, "\0").split("\n")]
        else:
            lines = text.split("\n")
        if len(data) > LINE_LIMIT_BYTES:
            lines = [piece for line in lines for piece in _pieces(line)]
        self._collect(lines)
        self._recent_size += len(data) + 1
        if self._recent_size > _RECENT_LIMIT:
            # Only the last 4 KB are ever asked for, and no line is shorter than its break.
            self._recent = self._recent[-report.TAIL_BYTES :]
            self._recent_size = 0
        if len(self._pending) >= _PENDING_LIMIT:
            self.flush()


def _last_break(data: bytes) -> int:
    """Where the last line ends, -1 where none does; a soft break is none."""
    cut = data.rfind(b"\n")
    while cut > 0 and data[cut - 1] == 0:
        cut = data.rfind(b"\n", 0, cut - 1)
    return cut


def _pieces(line: str) -> list[str]:
    """A line in pieces that fit into log events."""
    data = line.encode()
    starts = range(0, len(data) or 1, LINE_LIMIT_BYTES)
    return [data[start : start + LINE_LIMIT_BYTES].decode(errors="replace") for start in starts]
