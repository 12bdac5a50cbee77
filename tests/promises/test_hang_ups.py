"""Clients that hang up in the middle of an invoke, an upload or a download harm nobody and leave nothing."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.journeys.crash import BUCKET
from tests.journeys.left_over import files
from tests.journeys.running import ACCOUNT, RunningNode, create_function, eventually

CLIENTS = 200
LARGE = 100 * 1024 * 1024
SCOPE = f"Credential={ACCOUNT}/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"
SLOW = """
import os, time
def handler(event, context):
    with open(event["begun"], "a") as file:
        file.write("x")
    while not os.path.exists(event["over"]):
        time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    node = RunningNode(tmp_path_factory.mktemp("hang_ups") / "data").start()
    create_function(node, "echo", "def handler(event, context): return event\n")
    create_function(node, "slow", SLOW)
    node.client("s3").create_bucket(Bucket=BUCKET)
    yield node
    assert node.stop() == 0, node.log.read_text()
    assert "Traceback" not in node.log.read_text(), node.log.read_text()
    assert asyncio.run(files(node.data)) == []


class Client:
    """A raw connection with one request on it."""

    def __init__(self, node: RunningNode, service: str, method: str, path: str, length: int = 0) -> None:
        place = urlsplit(node.url)
        self._socket = socket.create_connection((place.hostname or "", place.port or 0))
        head = f"{method} {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {length}\r\n"
        head += f"Authorization: AWS4-HMAC-SHA256 {SCOPE % service}\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\r\n"
        self.send(head.encode())

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read(self, size: int) -> bytes:
        return self._socket.recv(size)

    def hang_up(self, reset: bool) -> None:
        """Close, politely or (a killed client, a broken network) with a reset."""
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()


def descriptors(node: RunningNode) -> list[str]:
    """What the node has open."""
    found = []
    assert node.process is not None
    for path in Path(f"/proc/{node.process.pid}/fd").iterdir():
        try:
            found.append(os.readlink(path))
        except OSError:
            continue  # closed meanwhile
    return found


def bodies_open(node: RunningNode) -> list[str]:
    return [path for path in descriptors(node) if path.startswith(str(node.data / "blobs"))]


def serves(node: RunningNode) -> None:
    """Another client's call, answered as ever."""
    answer = node.client("lambda").invoke(FunctionName="echo", Payload=b'"as ever"')
    assert json.load(answer["Payload"]) == "as ever"


def test_in_the_middle_of_an_upload(node: RunningNode) -> None:
    drafts = node.data / "blobs" / "drafts"
    clients = [Client(node, "s3", "PUT", f"/{BUCKET}/half-{number}", LARGE) for number in range(CLIENTS)]
    for client in clients:
        client.send(bytes(300_000))
    serves(node)
    for number, client in enumerate(clients):
        client.hang_up(reset=number % 2 == 0)
    eventually(lambda: not list(drafts.iterdir()) and not bodies_open(node))
    serves(node)
    assert node.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="half")["KeyCount"] == 0


def test_in_the_middle_of_a_download(node: RunningNode) -> None:
    node.client("s3").put_object(Bucket=BUCKET, Key="large", Body=bytes(LARGE))
    clients = [Client(node, "s3", "GET", f"/{BUCKET}/large") for _ in range(CLIENTS)]
    for client in clients:
        assert client.read(100_000).startswith(b"HTTP/1.1 200")
    assert bodies_open(node)
    serves(node)
    for number, client in enumerate(clients):
        client.hang_up(reset=number % 2 == 0)
    eventually(lambda: not bodies_open(node))
    serves(node)


def test_in_the_middle_of_an_invoke(node: RunningNode, tmp_path: Path) -> None:
    """The event is handled to its end, whoever still waits for it; its environment is free again.

    Environments are processes: 200 of them are tried in tests/soak.
    """
    check_invokes(node, tmp_path, 8)


def check_invokes(node: RunningNode, tmp_path: Path, count: int) -> None:
    """Hang up on `count` invokes of the function `slow` at once."""
    event = json.dumps({"begun": str(tmp_path / "begun"), "over": str(tmp_path / "over")}).encode()
    path = "/2015-03-31/functions/slow/invocations"
    clients = [Client(node, "lambda", "POST", path, len(event)) for _ in range(count)]
    for client in clients:
        client.send(event)
    begun = tmp_path / "begun"
    eventually(lambda: begun.exists() and begun.stat().st_size == count, 10 + count)
    for number, client in enumerate(clients):
        client.hang_up(reset=number % 2 == 0)
    serves(node)
    assert node.admin("GET", "status")["fleet"]["busy"] == count
    (tmp_path / "over").touch()

    def free() -> bool:
        fleet = node.admin("GET", "status")["fleet"]
        return (fleet["busy"], fleet["starting"]) == (0, 0) and fleet["idle"] >= count

    eventually(free)
    serves(node)


def test_before_the_request_is_whole(node: RunningNode) -> None:
    """Half a body of a call that takes it whole: the function is not called, nothing is kept."""
    before = len(descriptors(node))
    path = "/2015-03-31/functions/slow/invocations"
    clients = [Client(node, "lambda", "POST", path, 100) for _ in range(CLIENTS)]
    for client in clients:
        client.send(b"{")
    serves(node)
    for number, client in enumerate(clients):
        client.hang_up(reset=number % 2 == 0)
    eventually(lambda: len(descriptors(node)) <= before + 3)
    assert node.admin("GET", "status")["fleet"]["busy"] == 0
