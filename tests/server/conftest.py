"""The front door's tests run on the loop that the node runs on, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop

from yobu.aws.service import Catalogue
from yobu.base.clock import Clock
from yobu.base.context import Principal
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.server import tls
from yobu.server.admin import Admin
from yobu.server.app import App
from yobu.server.dispatch import Dispatch, DispatchParts
from yobu.server.listen import Bound, bind
from yobu.server.port import Signer


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


class Fixed:
    """Principals of a node with one owner, and keys that a test adds."""

    def __init__(self, account: str = "000000000000") -> None:
        self.signers: dict[str, Signer] = {}
        self._account = account

    async def find(self, access_key: str) -> Signer | None:
        return self.signers.get(access_key)

    def anyone(self, access_key: str) -> Principal:
        account = access_key if len(access_key) == 12 and access_key.isdigit() else self._account
        return Principal("root", account, f"arn:aws:iam::{account}:root", account)

    def add(self, access_key: str, secret: str, **more: Any) -> None:
        self.signers[access_key] = Signer(secret, self.anyone(""), **more)


class TinyRoom:
    """A room that keeps what it was called with, and answers what a test put in."""

    services = ("s3", "lambda", "dynamodb", "dynamodbstreams", "sqs", "iam", "sts", "logs", "cloudwatch")
    constraint_code: str | None = "ValidationException"
    checked_here: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any, Any]] = []
        self.answers: dict[str, Any] = {}
        self.bodies: dict[str, bytes] = {}

    def operation(self, service: str, name: str) -> Any:
        if name not in self.answers:
            return None

        async def handle(ctx: Any, params: Any) -> Any:
            self.calls.append((service, name, ctx, params))
            answer = self.answers[name]
            if isinstance(answer, BaseException):
                raise answer
            return await answer(ctx, params) if callable(answer) else answer

        return handle


@dataclass
class Door:
    """A whole front door over a tiny room, on a real socket."""

    room: TinyRoom
    principals: Fixed
    dispatch: Dispatch
    admin: Admin
    bound: Bound

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.bound.port}"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The services' models, read once for all tests."""
    return Catalogue()


@pytest.fixture
async def door(serve: Serve, catalogue: Catalogue) -> Callable[..., Awaitable[Door]]:
    """`await door(auth=False, tls=None)`."""

    async def build(tls: Any = None, clock: Clock | None = None, **settings: Any) -> Door:
        room, principals, ids = TinyRoom(), Fixed(), SeededIds()
        clock = clock or Clock()
        parts = DispatchParts([room], catalogue, principals, Settings(port=0, **settings), clock, ids)
        dispatch, admin = Dispatch(parts), Admin(ids)
        bound = await serve(App(dispatch, admin, clock), tls, **settings)
        return Door(room, principals, dispatch, admin, bound)

    return build


@pytest.fixture(scope="session")
def tls_files(tmp_path_factory: pytest.TempPathFactory) -> tls.TlsFiles:
    """A node's certificate, made once for all tests."""
    return tls.ensure(tmp_path_factory.mktemp("data"), "127.0.0.1", Clock(), SeededIds())


@dataclass
class Said:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


async def ask(
    port: int,
    method: str,
    path: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    host: str = "localhost",
) -> Said:
    """One request on a connection of its own; headers are sent as they are, `host` and the length are added."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", "connection: close", *(f"{n}: {v}" for n, v in headers)]
    if body:
        lines.append(f"content-length: {len(body)}")
    answer = await exchange(port, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    head, _, content = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    said = dict(line.split(": ", 1) for line in rest)
    if said.get("transfer-encoding") == "chunked":
        content = _unchunk(content)
    return Said(int(first.split()[1]), said, content)


def _unchunk(data: bytes) -> bytes:
    out = bytearray()
    while data:
        size, _, data = data.partition(b"\r\n")
        out += data[: int(size, 16)]
        data = data[int(size, 16) + 2 :]
    return bytes(out)


@pytest.fixture(name="ask")
def ask_fixture() -> Callable[..., Awaitable[Said]]:
    """`said = await ask(port, method, path, headers, body)`"""
    return ask
