"""The listener: one port for HTTP/1.1, HTTP/2 and, with `--tls`, both of them inside TLS.

In: settings, an ASGI app, and a TLS context. Out: a bound port and connections that are served. What a
connection speaks is seen from its first bytes: a TLS record, the HTTP/2 preface, or HTTP/1.1. With `--tls` plain
HTTP is still answered on the same port: functions reach the node by it. Knows nothing of AWS.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import cast

from yobu.base.errors import YobuError
from yobu.base.log import logger
from yobu.base.settings import Settings
from yobu.server.asgi import Application
from yobu.server.connections import SILENCE_S, SWEEP_S, Connections
from yobu.server.http1 import Http1

BACKLOG = 1024
_PREFACE = b"PRI"
_TLS_HANDSHAKE = 0x16
_TLS_TIMEOUT_S = 30.0
_PATIENCE_S = 1.0

_log = logger("listen")


async def bind(settings: Settings, tls: ssl.SSLContext | None = None) -> Bound:
    """Take the address and port of `settings`; port 0 takes a free one. Nothing is accepted before `serve`.

    `--host 127.0.0.1` and `--host localhost` take `[::1]` too where it is free: several clients resolve
    `localhost` to that one first. Raises YobuError where the address cannot be had.
    """
    host = "127.0.0.1" if settings.host == "localhost" else settings.host
    try:
        first = _socket(host, settings.port)
    except OSError as error:
        raise YobuError(_refusal(host, settings.port, error)) from None
    port = first.getsockname()[1]
    sockets = [first]
    if host == "127.0.0.1":
        try:
            sockets.append(_socket("::1", port))
        except OSError as error:
            _log.debug("[::1]:%d is not served: %s", port, error)
    return Bound(sockets, port, tls)


def _socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port))
        # Listening at once keeps the port ours: a second bind of a socket that does not listen would succeed.
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _refusal(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use, perhaps by another node: choose one with --port (0: any free one)"
    if error.errno == errno.EACCES:
        return f"port {port} needs more rights than this user has: choose one above 1023 with --port"
    return f"cannot listen on {host} port {port}: {error.strerror or error}"


class Bound:
    """A bound address. `port` is the port that was taken."""

    def __init__(self, sockets: list[socket.socket], port: int, tls: ssl.SSLContext | None) -> None:
        self.port = port
        self.connections = Connections()
        self._sockets = sockets
        self._tls = tls
        self._servers: list[asyncio.Server] = []
        self._greetings: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def serve(self, app: Application) -> None:
        """Begin to accept connections; returns at once."""
        self._loop = asyncio.get_running_loop()
        self._app = app
        self._http1 = Http1(app, self.connections)
        for sock in self._sockets:
            if self._tls is None:
                self._servers.append(await self._loop.create_server(self._doorway, sock=sock, backlog=BACKLOG))
            else:
                self._loop.add_reader(sock.fileno(), self._accept, sock)
        self._arm()

    async def stop(self, within_s: float) -> None:
        """Stop accepting, let running requests finish for `within_s` seconds, then close what is left."""
        if self._sweep is not None:
            self._sweep.cancel()
        for sock in self._sockets:
            if self._tls is not None:
                self._loop.remove_reader(sock.fileno())
        for task in tuple(self._greetings):
            task.cancel()
        for server in self._servers:
            server.close()
        await self.connections.stop(within_s)
        for sock in self._sockets:
            sock.close()

    def _doorway(self) -> Doorway:
        return Doorway(self._app, self._http1, self.connections)

    def _arm(self) -> None:
        # One timer for all connections, however many there are.
        self.connections.expire(self._loop.time())
        self._sweep = self._loop.call_later(SWEEP_S, self._arm)

    def _accept(self, listener: socket.socket) -> None:
        """Take what waits at the listener: only the first byte tells TLS from plain HTTP, so look at it first."""
        for _ in range(BACKLOG):
            try:
                sock, _ = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                _log.error("cannot accept connections: %s", error)
                self._loop.remove_reader(listener.fileno())
                self._loop.call_later(_PATIENCE_S, self._resume, listener)
                return
            sock.setblocking(False)
            task = self._loop.create_task(self._greet(sock))
            self._greetings.add(task)
            task.add_done_callback(self._greetings.discard)

    def _resume(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    async def _greet(self, sock: socket.socket) -> None:
        try:
            async with asyncio.timeout(SILENCE_S):
                first = await self._first_byte(sock)
            if not first:
                sock.close()
                return
            secure = first[0] == _TLS_HANDSHAKE
            await self._loop.connect_accepted_socket(
                self._doorway,
                sock,
                ssl=self._tls if secure else None,
                ssl_handshake_timeout=_TLS_TIMEOUT_S if secure else None,
            )
        except (OSError, TimeoutError) as error:  # ssl.SSLError is an OSError: a client that distrusts our CA
            _log.debug("connection not taken: %r", error)
            sock.close()
        except asyncio.CancelledError:
            sock.close()
            raise

    async def _first_byte(self, sock: socket.socket) -> bytes:
        readable = asyncio.Event()
        self._loop.add_reader(sock.fileno(), readable.set)
        try:
            await readable.wait()
            return sock.recv(1, socket.MSG_PEEK)
        finally:
            self._loop.remove_reader(sock.fileno())


class Doorway(asyncio.Protocol):
    """A fresh connection, until its first bytes say whether it speaks HTTP/1.1 or HTTP/2."""

    def __init__(self, app: Application, http1: Http1, connections: Connections) -> None:
        self._app = app
        self._http1 = http1
        self._connections = connections
        self._opened = asyncio.get_running_loop().time()
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Inside TLS, ALPN may have settled it already."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        self._connections.opened(self)
        channel = transport.get_extra_info("ssl_object")
        if channel is not None and channel.selected_alpn_protocol() == "h2":
            self._hand_over(http2=True)

    def data_received(self, data: bytes) -> None:
        """Hand the connection over as soon as the preface of HTTP/2 is certain or impossible."""
        self._seen += data
        if len(self._seen) < len(_PREFACE) and _PREFACE.startswith(self._seen):
            return
        self._hand_over(http2=self._seen.startswith(_PREFACE))

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer left without a word."""
        self._connections.closed(self)

    def _hand_over(self, http2: bool) -> None:
        protocol: asyncio.Protocol
        if http2:
            # Few clients speak it: the library is loaded when the first one comes.
            from yobu.server.http2 import Http2Protocol

            protocol = Http2Protocol(self._app, self._connections)
        else:
            protocol = self._http1.protocol()
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        self._connections.closed(self)
        if self._seen:
            protocol.data_received(self._seen)

    def shutdown(self) -> None:
        """Close: nothing runs here."""
        self._transport.close()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def expire(self, now: float) -> None:
        """Close where nothing came."""
        if now - self._opened > SILENCE_S:
            self._transport.abort()
