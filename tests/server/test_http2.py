"""HTTP/2 over real sockets, by prior knowledge, with the h2 library as client."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import defaultdict

import pytest
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from yobu.server import http2
from yobu.server.connections import SILENCE_S


class Client:
    """An HTTP/2 client that reads in the background and keeps what it gets, by stream."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.h2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.heads = {}
        self.bodies = defaultdict(bytes)
        self.ended, self.resets = set(), {}
        self.informed = []
        self.goaway = None
        self.read_bodies = True
        self.changed = asyncio.Condition()
        self.h2.initiate_connection()
        self.flush()
        self.task = asyncio.ensure_future(self._read())

    def flush(self):
        self.writer.write(self.h2.data_to_send())

    async def _read(self):
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(65_536):
                async with self.changed:
                    for event in self.h2.receive_data(data):
                        self._take(event)
                    self.flush()
                    self.changed.notify_all()
        async with self.changed:
            self.goaway = "closed" if self.goaway is None else self.goaway
            self.changed.notify_all()

    def _take(self, event):
        if isinstance(event, events.ResponseReceived):
            self.heads[event.stream_id] = dict(event.headers)
        elif isinstance(event, events.InformationalResponseReceived):
            self.informed.append(dict(event.headers)[":status"])
        elif isinstance(event, events.DataReceived):
            self.bodies[event.stream_id] += event.data
            if self.read_bodies:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.StreamEnded):
            self.ended.add(event.stream_id)
        elif isinstance(event, events.StreamReset):
            self.resets[event.stream_id] = event.error_code
        elif isinstance(event, events.ConnectionTerminated):
            self.goaway = event.error_code

    async def until(self, condition):
        async with asyncio.timeout(10), self.changed:
            await self.changed.wait_for(condition)

    def request(self, method="GET", path="/", headers=(), end=True):
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "localhost")]
        self.h2.send_headers(stream, [*pseudo, *headers], end_stream=end)
        self.flush()
        return stream

    def data(self, stream, data, end=False):
        self.h2.send_data(stream, data, end_stream=end)
        self.flush()

    async def answer(self, stream):
        await self.until(lambda: stream in self.ended or stream in self.resets or self.goaway is not None)
        assert stream in self.ended, (self.resets, self.goaway)
        return self.heads[stream], self.bodies[stream]


@pytest.fixture
async def speak(connect):
    """`client = await speak(port)`"""
    clients = []

    async def start(port):
        client = Client(*await connect(port))
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.task.cancel()


async def test_a_request_and_its_answer(serve, apps, speak):
    bound = await serve(apps.echo)
    client = await speak(bound.port)
    stream = client.request("POST", "/a%2Fb?x=1", end=False)
    client.data(stream, b"hello", end=True)
    head, body = await client.answer(stream)
    assert body == b"2 http POST /a%2Fb?x=1\nhello"
    assert head == {":status": "200", "content-length": str(len(body))}


async def test_many_streams_on_one_connection_run_side_by_side(serve, apps, speak):
    held = apps.Held()
    bound = await serve(held)
    client = await speak(bound.port)
    streams = [client.request() for _ in range(50)]
    await held.entered.wait()
    held.release.set()
    for stream in streams:
        assert (await client.answer(stream))[1] == b"late"
    assert len(bound.connections.open) == 1


async def test_names_are_lower_case_and_hop_by_hop_headers_stay_behind(serve, apps, speak):
    async def app(scope, receive, send):
        await apps.reply(send, b"x", headers=[(b"X-Upper", b"1"), (b"Connection", b"close"), (b"date", b"today")])

    client = await speak((await serve(app)).port)
    head, _ = await client.answer(client.request())
    assert head == {":status": "200", "content-length": "1", "x-upper": "1", "date": "today"}


async def test_a_body_that_nobody_reads_stops_the_client_at_its_window(serve, apps, speak):
    go = asyncio.Event()
    read = []

    async def app(scope, receive, send):
        await go.wait()
        body, whole = await apps.read(receive)
        read.append((len(body), whole))
        await apps.reply(send, b"done")

    client = await speak((await serve(app)).port)
    stream = client.request("PUT", end=False)
    await client.until(lambda: client.h2.local_flow_control_window(stream) > 65_535)
    data = b"x" * (3 * http2.STREAM_WINDOW)
    sent = 0
    while room := min(client.h2.local_flow_control_window(stream), 16_384):
        client.data(stream, data[sent : sent + room])
        sent += room
    assert sent == http2.STREAM_WINDOW
    other = client.request()
    go.set()
    await client.answer(other)
    while sent < len(data):
        await client.until(lambda: client.h2.local_flow_control_window(stream) > 0)
        room = min(client.h2.local_flow_control_window(stream), 16_384, len(data) - sent)
        client.data(stream, data[sent : sent + room])
        sent += room
    client.h2.end_stream(stream)
    client.flush()
    assert (await client.answer(stream))[1] == b"done"
    assert (len(data), True) in read


async def test_an_answer_waits_for_the_clients_window(serve, apps, speak):
    data = bytes(range(256)) * 2048
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for at in range(0, len(data), 65_536):
            await send({"type": "http.response.body", "body": data[at : at + 65_536], "more_body": True})
            sent.append(at)
        await send({"type": "http.response.body", "body": b""})

    client = await speak((await serve(app)).port)
    client.read_bodies = False
    stream = client.request()
    await client.until(lambda: len(client.bodies[stream]) == 65_535)
    assert len(sent) == 0
    client.read_bodies = True
    client.h2.acknowledge_received_data(65_535, stream)
    client.flush()
    assert (await client.answer(stream))[1] == data


async def test_a_head_request_has_no_body(serve, apps, speak):
    client = await speak((await serve(apps.echo)).port)
    head, body = await client.answer(client.request("HEAD"))
    assert head[":status"] == "200" and int(head["content-length"]) > 0 and body == b""


async def test_100_continue(serve, apps, speak):
    client = await speak((await serve(apps.echo)).port)
    stream = client.request("PUT", headers=[("expect", "100-continue"), ("content-length", "2")], end=False)
    await client.until(lambda: client.informed)
    assert client.informed == ["100"]
    client.data(stream, b"ok", end=True)
    assert (await client.answer(stream))[1].endswith(b"\nok")


async def test_a_reset_stream_harms_no_other_and_cancels_nothing(serve, apps, speak):
    held = apps.Held()
    bound = await serve(held)
    client = await speak(bound.port)
    stream = client.request("PUT", end=False)
    await held.entered.wait()
    client.h2.reset_stream(stream, ErrorCodes.CANCEL)
    client.flush()
    held.release.set()
    await held.left.wait()
    assert held.whole is False and not held.cancelled
    assert (await client.answer(client.request()))[1] == b"late"


async def test_a_broken_app_resets_its_stream_only(serve, apps, speak):
    async def app(scope, receive, send):
        if scope["raw_path"] == b"/broken":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            raise ValueError
        await apps.reply(send, b"fine")

    client = await speak((await serve(app)).port)
    broken = client.request(path="/broken")
    await client.until(lambda: broken in client.resets)
    assert client.resets[broken] == ErrorCodes.INTERNAL_ERROR
    assert client.bodies[broken] == b"half"
    assert (await client.answer(client.request()))[1] == b"fine"


async def test_an_early_answer_stops_the_upload(serve, apps, speak):
    async def app(scope, receive, send):
        await apps.reply(send, b"no", status=403)

    client = await speak((await serve(app)).port)
    stream = client.request("PUT", end=False)
    head, body = await client.answer(stream)
    assert (head[":status"], body) == ("403", b"no")
    await client.until(lambda: stream in client.resets)
    assert client.resets[stream] == ErrorCodes.NO_ERROR


async def test_a_flood_of_resets_ends_the_connection(serve, apps, speak, monkeypatch):
    monkeypatch.setattr(http2, "MAX_RUNNING", 5)
    held = apps.Held()
    bound = await serve(held)
    client = await speak(bound.port)
    for _ in range(10):
        stream = client.request()
        client.h2.reset_stream(stream, ErrorCodes.CANCEL)
    client.flush()
    await client.until(lambda: client.goaway is not None)
    assert client.goaway == ErrorCodes.ENHANCE_YOUR_CALM
    held.release.set()


@pytest.mark.parametrize(
    "sent",
    [
        b"PRI * HTTP/2.0\r\n\r\nnonsense",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x40\x01\x00\x00\x00\x00\x00\x01" + b"x" * 16_385,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x05\x01\x05\x00\x00\x00\x01" + b"\xff" * 5,
    ],
)
async def test_breaches_of_the_protocol_close_the_connection(serve, apps, raw, sent, caplog):
    bound = await serve(apps.echo)
    answer = await raw(bound.port, sent)
    assert b"HTTP/1.1" not in answer
    assert not caplog.records


async def test_the_preface_may_come_in_pieces(serve, apps, connect):
    bound = await serve(apps.echo)
    reader, writer = await connect(bound.port)
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
        writer.write(bytes((byte,)))
        await writer.drain()
    head = await reader.readexactly(9)
    assert head[3] == 0x04  # SETTINGS


async def test_stopping_says_goaway_and_finishes_what_runs(serve, apps, connect):
    held = apps.Held()
    bound = await serve(held)
    reader, writer = await connect(bound.port)
    client = H2Connection(H2Configuration())
    client.initiate_connection()
    client.send_headers(1, [(":method", "GET"), (":path", "/"), (":scheme", "http"), (":authority", "x")], True)
    writer.write(client.data_to_send())
    await held.entered.wait()
    stopping = asyncio.ensure_future(bound.stop(10.0))
    await asyncio.sleep(0)
    held.release.set()
    said, kinds = await reader.read(-1), []
    while said:  # by hand: the h2 library takes nothing more after a GOAWAY
        kinds.append(said[3])
        said = said[9 + int.from_bytes(said[:3], "big") :]
    await stopping
    goaway, headers, data = 0x07, 0x01, 0x00
    assert kinds.index(goaway) < kinds.index(headers) < kinds.index(data)
    assert not held.cancelled


async def test_idle_and_starved_connections_are_hung_up_on(serve, apps, speak):
    held = apps.Held()
    bound = await serve(held)
    idle, starved = await speak(bound.port), await speak(bound.port)
    starved.request("PUT", end=False)
    await held.entered.wait()
    await idle.until(lambda: SettingCodes.MAX_CONCURRENT_STREAMS in idle.h2.remote_settings)
    now = asyncio.get_running_loop().time()
    bound.connections.expire(now + SILENCE_S - 1)
    assert len(bound.connections.open) == 2
    bound.connections.expire(now + SILENCE_S + 1)
    await idle.until(lambda: idle.goaway is not None)
    await starved.until(lambda: starved.goaway is not None)
    held.release.set()
    await held.left.wait()
    assert held.whole is False


async def test_alpn_chooses_http2_inside_tls(serve, apps, tls_files):
    from yobu.server import tls

    bound = await serve(apps.echo, tls.context(tls_files))
    context = ssl.create_default_context(cafile=str(tls_files.ca))
    context.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("127.0.0.1", bound.port, ssl=context, server_hostname="localhost")
    client = Client(reader, writer)
    assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
    _, body = await client.answer(client.request())
    assert body.startswith(b"2 https GET /")
    client.task.cancel()
    writer.close()
