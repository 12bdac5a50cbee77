"""One HTTP/2 stream as an ASGI request: its scope, and receive and send with flow control both ways.

In: a decoded header list, pieces of body, and the connection's view of the windows. Out: calls of the app, and of the
connection (`Wire`) that sends. Knows nothing of sockets and frames.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

from yobu.base.log import logger
from yobu.server.asgi import Application, Message

# Headers that belong to an HTTP/1.1 connection and must not be sent in HTTP/2 (RFC 9113, 8.2.2).
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"))

_log = logger("http2")


class Wire(Protocol):
    """What a stream asks of its connection. What it sends on a stream that is gone goes nowhere."""

    def acknowledge(self, stream_id: int, size: int) -> None:
        """Open the client's window by what has been read."""
        ...

    def room(self, stream_id: int) -> int:
        """How many bytes of body may be sent on a stream now."""
        ...

    async def drained(self) -> None:
        """Wait until the socket takes more."""
        ...

    def send_headers(self, stream: Stream, headers: list[tuple[bytes, bytes]]) -> None:
        """Send a head."""
        ...

    def send_data(self, stream: Stream, data: bytes, end: bool) -> None:
        """Send a piece of body."""
        ...

    def finished(self, stream: Stream, unread: int, *, whole: bool, request_ended: bool) -> None:
        """The request's task ended, `unread` bytes of its body still unacknowledged."""
        ...


class Stream:
    """One request and its answer."""

    def __init__(self, connection: Wire, stream_id: int, scope: Message, ended: bool) -> None:
        self.id = stream_id
        self.scope = scope
        self._connection = connection
        self._chunks: deque[tuple[bytes, int]] = deque()
        self._request_ended = ended
        self._request_read = False
        self._wants_continue = not ended and (b"expect", b"100-continue") in scope["headers"]
        self._gone = False
        self._started = False
        self._finished = False
        self._receiving = False
        self._changed = asyncio.Event()
        self._window = asyncio.Event()

    @property
    def awaits_body(self) -> bool:
        """Whether the app waits for a body that the client does not send."""
        return self._receiving and not self._readable()

    def data(self, chunk: bytes, size: int) -> None:
        """A piece of the request's body that takes `size` bytes of the window, padding included."""
        if self._finished or self._gone:
            self._connection.acknowledge(self.id, size)
            return
        self._chunks.append((chunk, size))
        self._changed.set()

    def end(self) -> None:
        """The request's body is whole."""
        self._request_ended = True
        self._changed.set()

    def lose(self) -> None:
        """The client reset the stream or hung up. The request runs on; its answer goes nowhere."""
        self._gone = True
        self._changed.set()
        self._window.set()

    def widen(self) -> None:
        """The client may have opened its window."""
        self._window.set()

    async def run(self, app: Application) -> None:
        """Serve the request; a broken answer resets the stream."""
        try:
            await app(self.scope, self.receive, self.send)
        except Exception as error:  # noqa: BLE001  (outer edge; the app has logged its failure with an id)
            _log.debug("stream %d: %r", self.id, error)
        finally:
            unread = sum(size for _, size in self._chunks)
            self._chunks.clear()
            self._connection.finished(self, unread, whole=self._finished, request_ended=self._request_ended)

    async def receive(self) -> Message:
        """ASGI receive: the next piece of the body, or `http.disconnect`."""
        if self._wants_continue:
            self._wants_continue = False
            self._connection.send_headers(self, [(b":status", b"100")])
        self._receiving = not self._request_ended
        while not (self._gone or self._finished or self._readable()):
            self._changed.clear()
            await self._changed.wait()
        self._receiving = False
        if self._gone or self._finished:
            return {"type": "http.disconnect"}
        body = b"".join(chunk for chunk, _ in self._chunks)
        size = sum(size for _, size in self._chunks)
        self._chunks.clear()
        self._connection.acknowledge(self.id, size)
        self._request_read = self._request_ended
        return {"type": "http.request", "body": body, "more_body": not self._request_ended}

    def _readable(self) -> bool:
        return bool(self._chunks) or (self._request_ended and not self._request_read)

    async def send(self, message: Message) -> None:
        """ASGI send. Waits while the client's window or the socket is full."""
        if self._gone:
            return
        if message["type"] == "http.response.start":
            head = [(b":status", b"%d" % message["status"])]
            named = ((name.lower(), value) for name, value in message["headers"])
            head += [(name, value) for name, value in named if name not in _HOP_BY_HOP]
            self._started = True
            self._wants_continue = False
            self._connection.send_headers(self, head)
            return
        if not self._started or self._finished:
            raise RuntimeError(f"ASGI message {message['type']} out of order")
        body = b"" if self.scope["method"] == "HEAD" else message.get("body", b"")
        await self._send_body(body, not message.get("more_body", False))

    async def _send_body(self, body: bytes, last: bool) -> None:
        view = memoryview(body)
        while not self._gone:
            self._window.clear()
            room = self._connection.room(self.id)
            if view and not room:
                await self._window.wait()
                continue
            piece, view = view[:room], view[room:]
            done = not view
            if piece or (done and last):
                self._connection.send_data(self, bytes(piece), end=done and last)
            await self._connection.drained()
            if done:
                break
        if last:
            self._finished = True
            self._changed.set()


def request_scope(headers: list[tuple[bytes, bytes]], scheme: str, peer: Any) -> Message | None:
    """The ASGI scope of a request's header list, or None where its pseudo-headers make no request."""
    pseudo: dict[bytes, bytes] = {}
    plain: list[tuple[bytes, bytes]] = []
    cookies: list[bytes] = []
    for name, value in headers:
        if name.startswith(b":"):
            pseudo[name] = value
        elif name == b"cookie":
            cookies.append(value)
        else:
            plain.append((name, value))
    if cookies:
        plain.append((b"cookie", b"; ".join(cookies)))
    authority = pseudo.get(b":authority")
    if authority and not any(name == b"host" for name, _ in plain):
        plain.append((b"host", authority))
    path, _, query = pseudo.get(b":path", b"").partition(b"?")
    if not path.startswith(b"/") or not (path + query).isascii():
        return None
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "2",
        "method": pseudo[b":method"].decode("ascii"),
        "scheme": scheme,
        "path": path.decode("ascii"),
        "raw_path": path,
        "query_string": query,
        "headers": plain,
        "client": tuple(peer[:2]) if isinstance(peer, tuple) else None,
    }
