"""The admin doors: JSON both ways, streams, and who may use them."""

from __future__ import annotations

import asyncio
import hashlib
import json

import pytest

from yobu.aws import sigv4
from yobu.aws.http import Request
from yobu.base.clock import Clock
from yobu.base.errors import AwsError, YobuError
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.server.admin import Admin
from yobu.server.auth import Auth
from yobu.server.hosts import Place


async def echo(arguments):
    return arguments


async def test_query_and_body_reach_the_handler_as_one_dict(door, ask):
    house = await door()
    house.admin.add("POST", "echo", echo)
    said = await ask(house.bound.port, "POST", "/_yobu/echo?a=1&b=&c=x%20y", (), b'{"c": [2], "d": null}')
    assert (said.status, said.headers["content-type"]) == (200, "application/json")
    assert json.loads(said.body) == {"a": "1", "b": "", "c": [2], "d": None}


async def test_doors_that_are_not_there(door, ask):
    house = await door()
    house.admin.add("GET", "echo", echo)
    said = await ask(house.bound.port, "GET", "/_yobu/none")
    assert (said.status, json.loads(said.body)) == (404, {"error": "there is no door /_yobu/none"})
    said = await ask(house.bound.port, "POST", "/_yobu/echo")
    assert (said.status, said.headers["allow"]) == (405, "GET")
    with pytest.raises(ValueError, match="twice"):
        house.admin.add("GET", "/echo", echo)


@pytest.mark.parametrize(
    ("failure", "status", "error"),
    [
        (YobuError("the folder is locked"), 400, "the folder is locked"),
        (AwsError("ResourceNotFoundException", "no such group", 404), 404, "ResourceNotFoundException: no such group"),
    ],
)
async def test_failures_are_said_as_json(door, ask, failure, status, error):
    house = await door()

    async def fail(arguments):
        raise failure

    house.admin.add("GET", "fail", fail)
    said = await ask(house.bound.port, "GET", "/_yobu/fail")
    assert (said.status, json.loads(said.body)) == (status, {"error": error})


async def test_a_broken_handler_gives_an_id_and_logs_the_cause(door, ask, caplog):
    house = await door()

    async def fail(arguments):
        raise ZeroDivisionError("detail")

    house.admin.add("GET", "fail", fail)
    said = await ask(house.bound.port, "GET", "/_yobu/fail")
    error = json.loads(said.body)["error"]
    assert said.status == 500 and "detail" not in error
    assert error.split()[2].rstrip(":") in caplog.text and "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
async def test_bodies_that_are_no_json_object_are_refused(door, ask, body):
    house = await door()
    house.admin.add("POST", "echo", echo)
    said = await ask(house.bound.port, "POST", "/_yobu/echo", (), body)
    assert said.status == 400 and "body" in json.loads(said.body)["error"]


async def test_bodies_have_a_limit(door, ask):
    house = await door()
    house.admin.add("POST", "echo", echo)
    said = await ask(house.bound.port, "POST", "/_yobu/echo", (), b" " * (1024 * 1024 + 1))
    assert said.status == 413


async def test_a_stream_is_sent_line_by_line_until_the_client_leaves(door, connect):
    house = await door()
    lines: asyncio.Queue[dict[str, int]] = asyncio.Queue()
    closed = asyncio.Event()

    async def follow(arguments):
        async def values():
            try:
                while True:
                    yield await lines.get()
            finally:
                closed.set()

        return values()

    house.admin.add("GET", "logs", follow)
    reader, writer = await connect(house.bound.port)
    writer.write(b"GET /_yobu/logs?follow=1 HTTP/1.1\r\nhost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-type: application/x-ndjson" in head and b"transfer-encoding: chunked" in head
    for number in (1, 2):
        lines.put_nowait({"n": number})
        assert await reader.readuntil(b"}\n\r\n") == b'8\r\n{"n":%d}\n\r\n' % number
    writer.transport.abort()
    async with asyncio.timeout(10):
        await closed.wait()


async def test_a_stream_ends_well_when_the_node_stops(door, ask):
    house = await door()
    reading = asyncio.Event()

    async def follow(arguments):
        async def values():
            yield {"n": 1}
            reading.set()
            await asyncio.Event().wait()

        return values()

    house.admin.add("GET", "logs", follow)
    asked = asyncio.ensure_future(ask(house.bound.port, "GET", "/_yobu/logs"))
    await reading.wait()
    house.dispatch.close()
    said = await asked
    assert said.body == b'{"n":1}\n' and said.headers["transfer-encoding"] == "chunked"


class Elsewhere:
    """An Auth, and requests as if they came from other machines."""

    def __init__(self, principals, auth=True):
        settings = Settings(host="192.0.2.1", auth=True) if auth else Settings()
        self.auth = Auth(principals, settings, Clock())

    async def why(self, peer="192.0.2.9", service="yobu", body=b"{}", key="KEY", sign=True, headers=(), sent=None):
        request = Request("POST", "/_yobu/reset", "", [("host", "192.0.2.1"), *headers], peer=peer)
        if sign:
            who = sigv4.Identity(key, "secret", "us-east-1", service)
            sigv4.sign(request, who, Clock().real(), hashlib.sha256(body).hexdigest())
        return await self.auth.admin(request, Place(), body if sent is None else sent)


@pytest.fixture
def elsewhere(door):
    from types import SimpleNamespace

    from yobu.base.context import Principal
    from yobu.server.port import Signer

    async def find(key):
        kind = {"KEY": "root", "ROLE": "role"}.get(key)
        return kind and Signer("secret", Principal(kind, "0" * 12, "arn", "id"))

    return Elsewhere(SimpleNamespace(find=find))


async def test_from_elsewhere_the_owners_signature_opens_the_doors(elsewhere):
    assert await elsewhere.why() is None


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"sign": False}, "need a signature"),
        ({"key": "OTHER"}, "not the node's keys"),
        ({"key": "ROLE"}, "not the node's keys"),
        ({"service": "s3"}, "correct service: 'yobu'"),
        ({"sent": b'{"all": true}'}, "does not match"),
        ({"sign": False, "peer": "127.0.0.1", "headers": [("x-forwarded-for", "192.0.2.9")]}, "need a signature"),
        ({"sign": False, "peer": ""}, "need a signature"),
        ({"sign": False, "peer": "127.0.0.1", "headers": [("origin", "http://evil.example")]}, "web page"),
        ({"sign": False, "peer": "127.0.0.1", "headers": [("sec-fetch-site", "cross-site")]}, "other web sites"),
    ],
)
async def test_nothing_else_does(elsewhere, more, reason):
    assert reason in (await elsewhere.why(**more))


async def test_this_machine_needs_none(elsewhere):
    for peer in ("127.0.0.1", "::1"):
        assert await elsewhere.why(peer=peer, sign=False) is None


def test_admin_is_the_port_of_services(door):
    admin = Admin(SeededIds())
    admin.add("GET", "health", echo)
    assert callable(admin.answer)
