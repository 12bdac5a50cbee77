"""A transport that lets a response's head wait for its body, so that both leave in one system call and one packet.

In: what uvicorn writes, the head first and the body after it. Out: the same bytes in the same order. A head whose
body does not follow at once is sent at the loop's next turn. Knows no more of HTTP than how a head begins.
"""

from __future__ import annotations

import asyncio
from typing import Any

_HEAD = b"HTTP/1.1 "


class Corked(asyncio.Transport):
    """Stands before the connection's own transport."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._head = b""
        self._turn: asyncio.Handle | None = None

    def write(self, data: Any) -> None:
        """Send `data`, with the head that waits; a head waits itself."""
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data[:9] == _HEAD:
            self._head = data
            if self._turn is None:
                # One turn is asked for at a time: a head that left with its body leaves it nothing to do.
                self._turn = self._loop.call_soon(self._next_turn)
        else:
            self._transport.write(data)

    def _next_turn(self) -> None:
        self._turn = None
        self._flush()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        """Send what waits, then close."""
        self._flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Send what waits, then close the writing side."""
        self._flush()
        self._transport.write_eof()

    def abort(self) -> None:
        """Close now; what waits is lost."""
        self._head = b""
        self._transport.abort()

    def can_write_eof(self) -> bool:
        """Whether one side can be closed."""
        return self._transport.can_write_eof()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The transport's own."""
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        """Take nothing more from the peer."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on."""
        self._transport.resume_reading()
