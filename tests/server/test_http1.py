"""HTTP/1.1 over real sockets: good requests, bad ones, and peers that do not behave."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import pytest

from yobu.server.connections import SILENCE_S
from yobu.server.http1 import MAX_HEAD


async def test_a_request_reaches_the_app_and_its_answer_the_client(serve, apps, raw):
    bound = await serve(apps.echo)
    answer = await raw(
        bound.port, b"POST /a%2Fb?x=1 HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"
    )
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"server:" not in head.lower()
    assert body == b"1.1 http POST /a%2Fb?x=1\nhello"


async def test_pipelined_requests_are_answered_in_order(serve, apps, raw):
    bound = await serve(apps.echo)
    one, two = (b"GET /%d HTTP/1.1\r\nhost: x\r\n" % number for number in (1, 2))
    answer = await raw(bound.port, one + b"\r\n" + two + b"connection: close\r\n\r\n")
    assert answer.index(b"GET /1?") < answer.index(b"GET /2?")


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00\x01\x02\x03 garbage \xff\xfe\r\n\r\n",
        b"GET / SPDY/9\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://other.example HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
        b"CONNECT other.example:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbad header: 1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nfolded: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nnul: a\x00b\r\n\r\n",
        b"GET /" + b"a" * MAX_HEAD + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\nbig: " + b"a" * MAX_HEAD + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n" + b"".join(b"h%d: v\r\n" % n for n in range(20_000)) + b"\r\n",
    ],
    ids=lambda sent: repr(sent[:40]),
)
async def test_what_is_not_http_is_answered_400_and_closed(serve, apps, raw, sent, caplog):
    caplog.set_level(logging.INFO)
    bound = await serve(apps.echo)
    answer = await raw(bound.port, sent)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.count(b"HTTP/1.1") == 1
    assert b"connection: close\r\n" in answer
    assert not caplog.records


async def test_an_endless_header_is_cut_off_before_it_fills_the_memory(serve, apps, connect):
    bound = await serve(apps.echo)
    _, writer = await connect(bound.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\nendless: ")
    sent = 0
    with pytest.raises(ConnectionError):
        while sent < 64 * 1024 * 1024:
            writer.write(b"a" * 65_536)
            await writer.drain()
            sent += 65_536
    assert sent < 16 * 1024 * 1024


async def test_100_continue_is_sent_only_when_the_app_wants_the_body(serve, apps, connect):
    wanted = asyncio.Event()

    async def app(scope, receive, send):
        await wanted.wait()
        await apps.echo(scope, receive, send)

    bound = await serve(app)
    reader, writer = await connect(bound.port)
    writer.write(b"PUT / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
    first = asyncio.ensure_future(reader.readuntil(b"\r\n\r\n"))
    wanted.set()
    assert await first == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"ok")
    assert (await reader.readuntil(b"\nok")).startswith(b"HTTP/1.1 200")


async def test_a_client_that_hangs_up_harms_nobody_and_cancels_nothing(serve, apps, raw, connect):
    held = apps.Held()
    bound = await serve(held)
    _, writer = await connect(bound.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await held.entered.wait()
    writer.transport.abort()
    held.release.set()
    await held.left.wait()
    assert held.whole and not held.cancelled
    answer = await raw(bound.port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert answer.endswith(b"late")


async def test_a_body_that_breaks_off_is_seen_by_the_app(serve, apps, connect):
    held = apps.Held()
    bound = await serve(held)
    _, writer = await connect(bound.port)
    writer.write(b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf")
    await held.entered.wait()
    writer.transport.abort()
    held.release.set()
    await held.left.wait()
    assert held.whole is False


async def test_upgrade_offers_are_declined(serve, apps, connect, caplog):
    bound = await serve(apps.echo)
    reader, writer = await connect(bound.port)
    writer.write(
        b"POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: \r\n"
        b"content-length: 2\r\n\r\nhi"
    )
    assert (await reader.readuntil(b"\nhi")).startswith(b"HTTP/1.1 200 OK")
    writer.write(b"GET /next HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
    assert b"GET /next?" in await reader.readuntil(b"?\n")
    assert not caplog.records


async def test_silent_peers_are_hung_up_on(serve, apps, connect):
    bound = await serve(apps.echo)
    loop = asyncio.get_running_loop()
    half, half_writer = await connect(bound.port)
    half_writer.write(b"GET / HTTP/1.1\r\nhos")
    mute, _ = await connect(bound.port)
    live, live_writer = await connect(bound.port)
    live_writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await live.readuntil(b"?\n")
    bound.connections.expire(loop.time() + SILENCE_S - 1)
    assert len(bound.connections.open) == 3
    bound.connections.expire(loop.time() + SILENCE_S + 1)
    for reader in (half, mute):
        with contextlib.suppress(ConnectionError):
            assert await reader.read(1) == b""
    assert len(bound.connections.open) == 1
    live_writer.write(b"GET /again HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b"/again" in await live.readuntil(b"?\n")


async def test_a_head_that_comes_byte_by_byte_is_not_waited_for(serve, apps, connect):
    bound = await serve(apps.echo)
    reader, writer = await connect(bound.port)
    began = asyncio.get_running_loop().time()
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await reader.readuntil(b"?\n")
    (protocol,) = bound.connections.open
    for byte in b"\r\nGET / HTTP/1.1\r\nslow: ":
        protocol.data_received(bytes((byte,)))
    protocol._heard = began - 1  # what the first byte of the head set, in a test that does not wait
    protocol.data_received(b"x")
    bound.connections.expire(began + SILENCE_S)
    with contextlib.suppress(ConnectionError):
        assert await reader.read(1) == b""


async def test_stopping_lets_a_running_request_finish(serve, apps, connect):
    held = apps.Held()
    bound = await serve(held)
    reader, writer = await connect(bound.port)
    idle, _ = await connect(bound.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await held.entered.wait()
    stopping = asyncio.ensure_future(bound.stop(10.0))
    assert await idle.read(-1) == b""
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", bound.port)
    held.release.set()
    answer = await reader.read(-1)
    assert answer.endswith(b"late") and b"connection: close" in answer
    await stopping
    assert not held.cancelled


async def test_stopping_ends_what_does_not_finish_in_time(serve, apps, connect, caplog):
    held = apps.Held()
    bound = await serve(held)
    _, writer = await connect(bound.port)
    writer.write(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    await held.entered.wait()
    await bound.stop(0.01)
    assert held.cancelled
    assert not bound.connections.open and not bound.connections.tasks
    assert not caplog.records
