from __future__ import annotations

import asyncio
from typing import Any

import pytest

from yobu.server.corked import Corked

HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"body"


class Wire(asyncio.Transport):
    """Notes each call that would be a system call."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.ended = ""

    def write(self, data: Any) -> None:
        self.sent.append(bytes(data))

    def writelines(self, pieces: Any) -> None:
        self.sent.append(b"".join(pieces))

    def close(self) -> None:
        self.ended = "closed"

    def write_eof(self) -> None:
        self.ended = "half closed"

    def abort(self) -> None:
        self.ended = "aborted"


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def corked(wire: Wire) -> Corked:
    return Corked(wire, asyncio.get_running_loop())


async def test_a_head_leaves_with_its_body(wire: Wire, corked: Corked) -> None:
    corked.write(HEAD)
    assert wire.sent == []
    corked.write(BODY)
    corked.write(b"more")
    assert wire.sent == [HEAD + BODY, b"more"]
    await asyncio.sleep(0)
    assert wire.sent == [HEAD + BODY, b"more"]


async def test_a_head_without_a_body_leaves_at_the_next_turn(wire: Wire, corked: Corked) -> None:
    corked.write(HEAD)
    await asyncio.sleep(0)
    assert wire.sent == [HEAD]


async def test_a_second_head_in_one_turn_waits_for_its_own_body(wire: Wire, corked: Corked) -> None:
    for _ in range(2):
        corked.write(HEAD)
        corked.write(BODY)
    corked.write(HEAD)
    await asyncio.sleep(0)
    assert wire.sent == [HEAD + BODY, HEAD + BODY, HEAD]


async def test_a_body_that_looks_like_a_head_is_sent_all_the_same(wire: Wire, corked: Corked) -> None:
    corked.write(HEAD)
    corked.write(BODY)
    corked.write(HEAD)
    corked.write(HEAD)
    await asyncio.sleep(0)
    assert b"".join(wire.sent) == HEAD + BODY + HEAD + HEAD


@pytest.mark.parametrize("end,ended", [("close", "closed"), ("write_eof", "half closed")])
async def test_what_waits_is_sent_before_the_end(wire: Wire, corked: Corked, end: str, ended: str) -> None:
    corked.write(HEAD)
    getattr(corked, end)()
    assert (wire.sent, wire.ended) == ([HEAD], ended)


async def test_an_abort_sends_nothing(wire: Wire, corked: Corked) -> None:
    corked.write(HEAD)
    corked.abort()
    await asyncio.sleep(0)
    assert (wire.sent, wire.ended) == ([], "aborted")
