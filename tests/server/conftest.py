"""The front door's tests run on the loop that the node runs on, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from yobu.base.settings import Settings
from yobu.server.listen import Bound, bind


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    return {"uvloop": uvloop.new_event_loop}


Serve = Callable[..., Awaitable[Bound]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """`await serve(app, tls=None)`: a listener on a free port, stopped at the end."""
    running: list[Bound] = []

    async def start(app: Any, tls: Any = None, **settings: Any) -> Bound:
        bound = await bind(Settings(port=0, **settings), tls)
        running.append(bound)
        await bound.serve(app)
        return bound

    yield start
    for bound in running:
        await bound.stop(1.0)


async def read(receive: Any) -> tuple[bytes, bool]:
    """The whole body, and whether it came whole."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return bytes(body), False
        body += message["body"]
        if not message["more_body"]:
            return bytes(body), True


async def reply(send: Any, body: bytes, status: int = 200, headers: Any = ()) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Version, scheme, method, path and query on the first line, then the body."""
    body, _ = await read(receive)
    line = f"{scope['http_version']} {scope['scheme']} {scope['method']} ".encode() + scope["raw_path"]
    await reply(send, line + b"?" + scope["query_string"] + b"\n" + body)


class Held:
    """An app whose answers wait until the test lets them go."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.release = asyncio.Event()
        self.left = asyncio.Event()
        self.whole: bool | None = None
        self.cancelled = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            self.entered.set()
            _, self.whole = await read(receive)
            await self.release.wait()
            await reply(send, b"late")
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self.left.set()


@pytest.fixture
def apps() -> SimpleNamespace:
    """Small ASGI apps: `echo`, `Held`, and their two steps `read` and `reply`."""
    return SimpleNamespace(echo=echo, Held=Held, read=read, reply=reply)


async def exchange(port: int, sent: bytes) -> bytes:
    """What a peer gets that sends `sent` and reads to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    try:
        async with asyncio.timeout(10):
            return await reader.read(-1)
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.fixture
def raw() -> Callable[[int, bytes], Awaitable[bytes]]:
    """`await raw(port, sent)`: everything the server says to these bytes until it closes."""
    return exchange


@pytest.fixture
async def connect() -> AsyncIterator[Callable[[int], Awaitable[Any]]]:
    """`reader, writer = await connect(port)`; closed at the end."""
    opened: list[asyncio.StreamWriter] = []

    async def open_one(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        return reader, writer

    yield open_one
    for writer in opened:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
