"""The ASGI app: one callable behind every listener.

In: ASGI scopes and events. Out: ASGI events. Makes a `Request` of the scope, asks the admin doors or dispatch, sends
the `Response`; a stream is sent as fast as its client reads and ends when the client leaves. Knows no service.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Iterator
from email.utils import formatdate
from typing import Any

from yobu.aws.http import Request, Response
from yobu.base.clock import Clock
from yobu.base.errors import AwsError
from yobu.base.log import logger
from yobu.server import admin
from yobu.server.admin import Admin
from yobu.server.asgi import Message, Receive, Send
from yobu.server.body import Incoming, incoming
from yobu.server.dispatch import Dispatch

_BODYLESS = frozenset({204, 304})
_SMALL = 64 * 1024
"""A stream of known length up to this needs no watch for a client that leaves."""

_DRAIN = 16 * 1024 * 1024
"""How much of a refused body is still read on a connection that closes."""

_log = logger("app")


class BrokenAnswer(Exception):
    """An answer ended after its head was sent: the listener must break the connection, so that the client knows."""


class App:
    """The front door's ASGI app. `dispatch` answers AWS's APIs, `doors` the paths under `/_yobu/`."""

    def __init__(self, dispatch: Dispatch, doors: Admin, clock: Clock) -> None:
        self._dispatch = dispatch
        self._doors = doors
        self._clock = clock
        self._held: asyncio.Event | None = None
        self._date = b""
        self._date_second = -1

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request."""
        while self._held is not None:
            await self._held.wait()
        request = read_request(scope)
        body = incoming(request, receive)
        try:
            if request.path.startswith(admin.PREFIX):
                response = await self._admin(request, body)
            else:
                response = await self._dispatch.answer(request, body)
        except Exception:  # noqa: BLE001  (the outermost edge: whatever it is, the next request must be served)
            _log.exception("%s %s failed", request.method, request.path)
            response = Response(500, [("content-type", "text/plain")], b"Internal Server Error")
        _log.debug("%s %s %s -> %d", request.peer, request.method, request.path, response.status)
        await self._send(request, body, response, send, receive)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """Let requests that come in wait at the door."""
        held = self._held = asyncio.Event()
        try:
            yield
        finally:
            self._held = None
            held.set()

    async def _admin(self, request: Request, body: Incoming) -> Response:
        place = self._dispatch.router.hosts.place(request.header("host"))
        try:
            content = await body.collect(admin.MAX_BODY, _admin_too_large)
        except AwsError as error:
            return admin.failure(error.status, error.message)
        if not self._doors.is_public(request):
            why = await self._dispatch.auth.admin(request, place, content)
            if why is not None:
                return admin.failure(403, why)
        return await self._doors.answer(request, content)

    async def _send(self, request: Request, body: Incoming, response: Response, send: Send, receive: Receive) -> None:
        content = response.body
        waits_for_continue = not body.touched and request.header("expect") != ""
        if not body.ended and not waits_for_continue and _closes(request):
            # Closing while the client still sends resets the connection, and the client loses the answer.
            await body.drain(_DRAIN)
        headers = self._headers(request, response)
        if not body.ended and (body.stalled or waits_for_continue) and request.http_version.startswith("1"):
            # Whether a body still comes is open; the next request on this connection could be taken for it.
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if isinstance(content, bytes):
            await send({"type": "http.response.body", "body": content, "more_body": False})
            return
        try:
            if request.method != "HEAD":
                await self._stream(content, response.length, send, receive)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            close = getattr(content, "aclose", None)
            if close is not None:
                await close()

    async def _stream(self, content: AsyncIterator[bytes], length: int | None, send: Send, receive: Receive) -> None:
        """Send the pieces. Raises BrokenAnswer where the client left, or the pieces ended by a failure."""
        presence = asyncio.timeout(None)
        try:
            if length is not None and length <= _SMALL:
                await _pump(content, send)
                return
            async with presence:
                ends: list[Awaitable[Any]] = [_client_left(receive)]
                if length is None:
                    # It may have no end, and a stop of the node must not wait for one.
                    ends.append(self._dispatch.closing.wait())
                watches = [asyncio.ensure_future(_end_at(end, presence)) for end in ends]
                try:
                    await _pump(content, send)
                finally:
                    for watch in watches:
                        watch.cancel()
        except Exception as error:  # noqa: BLE001  (an outer edge: the head is sent, the connection must break)
            if not presence.expired():
                _log.exception("an answer broke off")
                raise BrokenAnswer(repr(error)) from None
            if not self._dispatch.closing.is_set():
                raise BrokenAnswer("the client left") from None

    def _headers(self, request: Request, response: Response) -> list[tuple[bytes, bytes]]:
        headers = [(b"date", self._now())]
        has_length = False
        for name, value in response.headers:
            has_length = has_length or name == "content-length"
            headers.append((name.encode("ascii"), _header_value(value)))
        if not has_length and response.status not in _BODYLESS:
            content, length = response.body, response.length
            if isinstance(content, bytes) and not (request.method == "HEAD" and length is not None):
                length = len(content)
            if length is not None:
                headers.append((b"content-length", b"%d" % length))
        return headers

    def _now(self) -> bytes:
        second = int(self._clock.real())
        if second != self._date_second:
            self._date_second = second
            self._date = formatdate(second, usegmt=True).encode("ascii")
        return self._date


def _admin_too_large() -> AwsError:
    return AwsError("RequestEntityTooLarge", f"the body is larger than {admin.MAX_BODY} bytes", 413)


def read_request(scope: Message) -> Request:
    """The `Request` of an ASGI scope. Header values are UTF-8, or else Latin-1."""
    client = scope["client"]
    return Request(
        scope["method"],
        scope["raw_path"].decode("ascii"),
        scope["query_string"].decode("ascii", "replace"),
        [(name.decode("latin-1"), _text(value)) for name, value in scope["headers"]],
        scope["scheme"],
        client[0] if client else "",
        scope["http_version"],
    )


def _closes(request: Request) -> bool:
    """Whether the connection ends with this request."""
    return request.http_version == "1.0" or request.header("connection").lower() == "close"


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _header_value(value: str) -> bytes:
    """A value fit to be sent: a line break would begin another header."""
    return (value if value.isprintable() else " ".join(value.split()).replace("\0", "")).encode()


async def _pump(content: AsyncIterator[bytes], send: Send) -> None:
    async for chunk in content:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        # Neither a source in memory nor a socket with room ever suspends: let the others have their turn, and the
        # connection its end.
        await asyncio.sleep(0)


async def _client_left(receive: Receive) -> None:
    """Wait until the client has left."""
    message: Any = {"type": ""}
    while message["type"] != "http.disconnect":
        message = await receive()


async def _end_at(end: Awaitable[Any], presence: asyncio.Timeout) -> None:
    """End the sending at `end`: a stream may wait long, or forever, for its next piece."""
    await end
    with contextlib.suppress(RuntimeError):  # it has just ended by itself
        presence.reschedule(asyncio.get_running_loop().time())
