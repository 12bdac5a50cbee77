"""HTTP/2 (RFC 9113) by the h2 library, into the same ASGI app as HTTP/1.1.

In: bytes of a connection that began with the HTTP/2 preface or agreed on it by ALPN. Out: ASGI calls, one task a
stream. Flow control runs both ways: what the app has not received is not acknowledged, what the client has no
window for is not sent. Knows nothing of AWS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from yobu.base.log import logger
from yobu.server.asgi import Application
from yobu.server.connections import SILENCE_S, STALL_S, Connections
from yobu.server.http1 import KEEP_ALIVE_S, MAX_HEAD
from yobu.server.streams import Stream, request_scope

MAX_STREAMS = 100
MAX_RUNNING = 4 * MAX_STREAMS
"""Requests of one connection that run although the client may have reset their streams (a rapid-reset flood)."""

STREAM_WINDOW = 128 * 1024
CONNECTION_WINDOW = 16 * 1024 * 1024
"""Above MAX_STREAMS * STREAM_WINDOW, so that bodies nobody reads never block the other streams."""

_log = logger("http2")


class Http2Protocol(asyncio.Protocol):
    """One HTTP/2 connection: h2 keeps the protocol's state, this class the streams and the socket."""

    def __init__(self, app: Application, connections: Connections) -> None:
        self._app = app
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._streams: dict[int, Stream] = {}
        self._running: set[Stream] = set()
        self._last = 0
        self._leaving = False
        self._heard = self._loop.time()
        self._stalled: float | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAMS,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD,
            },
        )
        self._table: dict[type[events.Event], Callable[[Any], None]] = {
            events.RequestReceived: self._on_request,
            events.DataReceived: self._on_data,
            events.StreamEnded: self._on_end,
            events.StreamReset: self._on_reset,
            events.WindowUpdated: self._on_window,
            events.RemoteSettingsChanged: self._on_settings,
            events.ConnectionTerminated: self._on_goaway,
        }

    # The socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the client with our settings."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's do not inherit from it
        self._peer = transport.get_extra_info("peername")
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW - 65_535)
        self._flush()
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the running requests that their client is gone; they go on."""
        for stream in tuple(self._running):
            stream.lose()
        self._streams.clear()
        self._writable.set()
        self._connections.closed(self)

    def data_received(self, data: bytes) -> None:
        """Let h2 parse, then act on each event. A breach of the protocol ends the connection (GOAWAY)."""
        self._heard = self._loop.time()
        try:
            for event in self._h2.receive_data(data):
                act = self._table.get(type(event))
                if act is not None:
                    act(event)
        except (ProtocolError, UnicodeDecodeError) as error:
            _log.debug("connection of %s closed: %r", self._peer, error)
            self._flush()
            self._transport.close()
            return
        self._flush()

    def pause_writing(self) -> None:
        """The peer reads slower than we write."""
        self._stalled = self._loop.time()
        self._writable.clear()

    def resume_writing(self) -> None:
        """The peer caught up."""
        self._stalled = None
        self._writable.set()

    def _flush(self) -> None:
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    # Stopping

    def shutdown(self) -> None:
        """Say GOAWAY; close when the running streams are answered."""
        if self._leaving:
            return
        self._leaving = True
        # h2's own close_connection would forbid to answer what still runs.
        frame = GoAwayFrame(stream_id=0, last_stream_id=self._last, error_code=int(ErrorCodes.NO_ERROR))
        self._transport.write(frame.serialize())
        self._close_when_idle()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    def expire(self, now: float) -> None:
        """Close where nothing runs and nothing was heard for long, or an answer stays unread."""
        silence = now - self._heard
        if not self._running and silence > (KEEP_ALIVE_S if self._last else SILENCE_S):
            self.shutdown()
            return
        starved = silence > SILENCE_S and any(stream.awaits_body for stream in self._running)
        if starved or (self._stalled is not None and now - self._stalled > STALL_S):
            self.abort()

    def _close_when_idle(self) -> None:
        if self._leaving and not self._running:
            self._transport.close()

    # Events of h2

    def _on_request(self, event: events.RequestReceived) -> None:
        stream_id, headers = event.stream_id, event.headers
        if self._leaving:
            self._h2.reset_stream(stream_id, ErrorCodes.REFUSED_STREAM)
            return
        self._last = stream_id
        if len(self._running) >= MAX_RUNNING:
            self._h2.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            self._flush()
            self._transport.close()
            return
        scope = request_scope(headers, self._scheme, self._peer)
        if scope is None:
            self._h2.reset_stream(stream_id, ErrorCodes.PROTOCOL_ERROR)
            return
        stream = Stream(self, stream_id, scope, event.stream_ended is not None)
        self._streams[stream_id] = stream
        self._running.add(stream)
        task = self._loop.create_task(stream.run(self._app))
        self._connections.tasks.add(task)
        task.add_done_callback(self._connections.tasks.discard)

    def _on_data(self, event: events.DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            self.acknowledge(event.stream_id, event.flow_controlled_length)
        else:
            stream.data(event.data or b"", event.flow_controlled_length or 0)

    def _on_end(self, event: events.StreamEnded) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.end()

    def _on_reset(self, event: events.StreamReset) -> None:
        stream = self._streams.pop(event.stream_id, None)
        if stream is not None:
            stream.lose()

    def _on_window(self, event: events.WindowUpdated) -> None:
        if event.stream_id == 0:
            self._on_settings(None)
        elif event.stream_id in self._streams:
            self._streams[event.stream_id].widen()

    def _on_settings(self, event: events.RemoteSettingsChanged | None) -> None:
        for stream in self._streams.values():
            stream.widen()

    def _on_goaway(self, event: events.ConnectionTerminated) -> None:
        # After the client's GOAWAY h2 sends nothing more: the running requests go on, their answers are dropped.
        self._leaving = True
        for stream in tuple(self._running):
            stream.lose()
        self._streams.clear()
        self._transport.close()

    # What streams ask for

    def acknowledge(self, stream_id: int, size: int) -> None:
        """Open the client's window by what has been read."""
        if size and not self._transport.is_closing():
            self._h2.acknowledge_received_data(size, stream_id)
            self._flush()

    def room(self, stream_id: int) -> int:
        """How many bytes of body may be sent on a stream now."""
        if stream_id not in self._streams:
            return 0
        return min(self._h2.local_flow_control_window(stream_id), self._h2.max_outbound_frame_size)

    async def drained(self) -> None:
        """Wait until the socket takes more."""
        await self._writable.wait()

    def send_headers(self, stream: Stream, headers: list[tuple[bytes, bytes]]) -> None:
        """Send a head, unless the stream is gone."""
        if stream.id in self._streams:
            self._h2.send_headers(stream.id, headers)
            self._flush()

    def send_data(self, stream: Stream, data: bytes, end: bool) -> None:
        """Send a piece of body, unless the stream is gone."""
        if stream.id in self._streams:
            self._h2.send_data(stream.id, data, end_stream=end)
            self._flush()

    def finished(self, stream: Stream, unread: int, *, whole: bool, request_ended: bool) -> None:
        """The request's task ended: reset a stream whose answer is broken, stop a body that nobody reads."""
        self._running.discard(stream)
        if self._streams.pop(stream.id, None) is not None:
            self.acknowledge(stream.id, unread)
            if not whole:
                self._h2.reset_stream(stream.id, ErrorCodes.INTERNAL_ERROR)
            elif not request_ended:
                self._h2.reset_stream(stream.id, ErrorCodes.NO_ERROR)
            self._flush()
        elif unread:
            self.acknowledge(stream.id, unread)
        self._close_when_idle()
