"""HTTP/1.1: uvicorn's protocol class on a connection of ours. The one file that knows uvicorn.

In: bytes of a connection. Out: ASGI calls of the app. Adds to uvicorn what an open door needs: a limit on the
size of a request's head, deadlines for silent peers, and silence in the log about what clients do wrong.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from yobu.server.connections import SILENCE_S, STALL_S, Connections
from yobu.server.corked import Corked

MAX_HEAD = 64 * 1024
"""Bytes of request line and headers: presigned URLs with long session tokens fit, floods do not."""

KEEP_ALIVE_S = 120
"""How long an idle connection is kept: above the pools of the SDKs, so that the client hangs up first."""

LINGER_S = 2.0
LINGER_BYTES = 1024 * 1024
"""How long, and for how much, a refused peer may go on sending before its connection is cut."""


class HeadTooLarge(Exception):
    """A request's head passes MAX_HEAD."""


class Http1:
    """Makes uvicorn protocols for one app. They share one configuration and one set of running tasks."""

    def __init__(self, app: Any, connections: Connections) -> None:
        self.config = Config(
            app,
            http=HttpToolsProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self.config.load()
        self.connections = connections
        self.state = ServerState()
        self.state.tasks = connections.tasks
        # The app logs its own failures with their ids; what uvicorn would add is noise that clients can cause.
        self.logger = logging.Logger("uvicorn.silent", level=logging.CRITICAL + 1)

    def protocol(self) -> Http1Protocol:
        """A protocol for a fresh connection."""
        return Http1Protocol(self)


class Http1Protocol(HttpToolsProtocol):
    """One HTTP/1.1 connection."""

    def __init__(self, front: Http1) -> None:
        super().__init__(front.config, front.state, {}, asyncio.get_running_loop())
        self.logger = front.logger
        self.access_log = False
        self._front = front
        self._head_open = True
        self._head_size = 0
        self._heard = self.loop.time()
        self._stalled: float | None = None
        self._refused = False
        self._discarded = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection, then let uvicorn begin."""
        super().connection_made(Corked(cast(asyncio.Transport, transport), self.loop))
        self._front.connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the running request that its client is gone; it goes on."""
        super().connection_lost(exc)
        self._front.connections.closed(self)

    def data_received(self, data: bytes) -> None:
        """Parse; a request that cannot be read is answered 400 and the connection closed."""
        self._unset_keepalive_if_required()
        if self._refused:
            self._discard(len(data))
            return
        was_open = self._head_open
        try:
            self._feed(data)
            if was_open and self._head_open:
                # A header reaches on_header only when it is complete: count here what an endless one piles up.
                self._head_size += len(data)
                if self._head_size > MAX_HEAD:
                    raise HeadTooLarge
            else:
                # A head that comes byte by byte is no sign of life.
                self._heard = self.loop.time()
        except httptools.HttpParserError as error:
            too_large = isinstance(error.__context__, HeadTooLarge)
            self._refuse(b"Request header section too large" if too_large else b"Bad request")
        except HeadTooLarge:
            self._refuse(b"Request header section too large")

    def _feed(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as offer:
                data = self._decline() + data[offer.args[0] :]

    def _decline(self) -> bytes:
        """An offer to change the protocol (h2c) is declined by answering in HTTP/1.1.

        The parser takes what follows such a head for the other protocol, and so would lose the body: begin again
        with the same head, but without the offer. Gives that head.
        """
        method = self.parser.get_method()
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        lines = [method + b" " + self.url + b" HTTP/1.1"]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def _refuse(self, message: bytes) -> None:
        if self.transport.is_closing():
            return
        head = (
            b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head % len(message) + message)
        self._refused = True
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        # Closing now would reset the connection, and the peer lose the answer, while it still sends.
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.abort)

    def _discard(self, size: int) -> None:
        self._discarded += size
        if self._discarded > LINGER_BYTES:
            self.transport.abort()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head_open = True
        self._head_size = 0

    def on_headers_complete(self) -> None:
        """A head is whole: hold it to its limit, then start the request."""
        self._head_open = False
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if size > MAX_HEAD:
            raise HeadTooLarge
        if self.parser.get_method() == b"CONNECT":
            raise ValueError("no proxy")
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is whole, unless it is one that `_decline` will parse again."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def pause_writing(self) -> None:
        """The peer reads slower than we write."""
        self._stalled = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The peer caught up."""
        self._stalled = None
        super().resume_writing()

    def abort(self) -> None:
        """Close now."""
        self.transport.abort()

    def expire(self, now: float) -> None:
        """Close where the peer left a head or body half sent, or an answer unread. Keep-alive has its own timer."""
        silent = now - self._heard > SILENCE_S and self._peers_turn()
        if silent or (self._stalled is not None and now - self._stalled > STALL_S):
            self.transport.abort()

    def _peers_turn(self) -> bool:
        """Whether nothing goes on until the peer sends."""
        if self.cycle is None or self.cycle.response_complete:
            return self.timeout_keep_alive_task is None
        return self.cycle.more_body and not self.cycle.waiting_for_100_continue and not self.flow.read_paused
