"""Uploads through the whole front door: signed chunks, trailers, falsified, truncated and over-long bodies."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from yobu.aws import chunked, sigv4
from yobu.aws.http import Request
from yobu.base.clock import Clock

KEY, SECRET = "AKIAEXAMPLE", "secret"
DATA = bytes(range(256)) * 100


@pytest.fixture
async def house(door):
    house = await door(auth=True)
    house.principals.add(KEY, SECRET)

    async def keep(ctx, params):
        pieces = []
        try:
            async for piece in params["Body"]:
                pieces.append(piece)
        finally:
            house.room.bodies["got"] = b"".join(pieces)
        house.room.bodies["whole"] = b"".join(pieces)
        return {"ETag": '"x"'}

    house.room.answers["PutObject"] = keep
    house.room.answers["DeleteObjects"] = {"Deleted": []}
    return house


def sign(house, payload, headers=(), path="/bucket/key", method="PUT", body=DATA):
    host = f"localhost:{house.bound.port}"
    request = Request(method, path, "", [("host", host), *headers])
    sigv4.sign(request, sigv4.Identity(KEY, SECRET, "us-east-1", "s3"), Clock().real(), payload)
    return host, [header for header in request.headers if header[0] != "host"]


def chain_of(house, headers, host, path="/bucket/key"):
    request = Request("PUT", path, "", [("host", host), *headers])
    signature = sigv4.read(request)
    return sigv4.Verifier().chunks(signature, SECRET)


def chunked_headers(name, length=25_600, trailer=None):
    headers = [("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", str(length))]
    return [*headers, ("x-amz-trailer", trailer)] if trailer else headers


async def put(house, ask, payload, body, headers=()):
    host, signed = sign(house, payload, headers)
    return await ask(house.bound.port, "PUT", "/bucket/key", signed, body, host=host)


async def test_signed_chunks(house, ask):
    host, headers = sign(house, chunked.SIGNED, chunked_headers(chunked.SIGNED))
    body = chunked.encode([DATA[:16_384], DATA[16_384:]], chain_of(house, headers, host))
    said = await ask(house.bound.port, "PUT", "/bucket/key", headers, body, host=host)
    assert said.status == 200, said.body
    assert house.room.bodies["whole"] == DATA
    assert house.room.calls[0][3]["Body"].length == len(DATA)


async def test_a_falsified_chunk_is_refused(house, ask):
    host, headers = sign(house, chunked.SIGNED, chunked_headers(chunked.SIGNED))
    body = bytearray(chunked.encode([DATA[:16_384], DATA[16_384:]], chain_of(house, headers, host)))
    body[-200] ^= 1
    said = await ask(house.bound.port, "PUT", "/bucket/key", headers, bytes(body), host=host)
    assert said.status == 403 and b"SignatureDoesNotMatch" in said.body
    assert "whole" not in house.room.bodies


async def test_unsigned_chunks_with_a_trailer(house, ask):
    name = chunked.UNSIGNED_TRAILER
    coded = chunked.encode([DATA])[:-2] + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    said = await put(house, ask, name, coded, chunked_headers(name, trailer="x-amz-checksum-crc32"))
    assert said.status == 200, said.body
    assert house.room.bodies["whole"] == DATA
    assert house.room.calls[0][3]["Body"].trailers == {"x-amz-checksum-crc32": "AAAAAA=="}


async def test_a_decoded_length_is_needed_and_held(house, ask):
    name = chunked.UNSIGNED_TRAILER
    said = await put(house, ask, name, chunked.encode([DATA]), [("content-encoding", "aws-chunked")])
    assert said.status == 411 and b"MissingContentLength" in said.body
    for length in (len(DATA) - 1, len(DATA) + 1):
        said = await put(house, ask, name, chunked.encode([DATA]), chunked_headers(name, length))
        assert said.status == 400 and b"IncompleteBody" in said.body
    assert "whole" not in house.room.bodies


async def test_a_stated_hash_must_be_the_bodys(house, ask):
    said = await put(house, ask, hashlib.sha256(DATA).hexdigest(), DATA)
    assert said.status == 200
    said = await put(house, ask, hashlib.sha256(DATA).hexdigest(), DATA[:-1] + b"!")
    assert said.status == 400 and b"<Code>XAmzContentSHA256Mismatch</Code>" in said.body
    assert house.room.bodies["whole"] == DATA
    said = await put(house, ask, "garbage", DATA)
    assert said.status == 400 and b"XAmzContentSHA256Mismatch" in said.body


async def test_a_stated_hash_holds_for_bodies_that_are_not_streams_and_for_none(house, ask):
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    for stated, status in ((body, 200), (b"", 400)):
        host = f"localhost:{house.bound.port}"
        request = Request("POST", "/bucket", "delete", [("host", host)])
        who = sigv4.Identity(KEY, SECRET, "us-east-1", "s3")
        sigv4.sign(request, who, Clock().real(), hashlib.sha256(stated).hexdigest())
        said = await ask(house.bound.port, "POST", "/bucket?delete", request.headers[1:], body, host=host)
        assert said.status == status, said.body
    said = await put(house, ask, hashlib.sha256(DATA).hexdigest(), b"")
    assert said.status == 400 and b"XAmzContentSHA256Mismatch" in said.body


async def test_without_auth_a_stated_hash_holds_too(door, ask):
    house = await door()

    async def keep(ctx, params):
        return {"ETag": b"".join([piece async for piece in params["Body"]]).decode()}

    house.room.answers["PutObject"] = keep
    stated = [("x-amz-content-sha256", hashlib.sha256(b"x").hexdigest())]
    assert (await ask(house.bound.port, "PUT", "/bucket/key", stated, b"x")).status == 200
    said = await ask(house.bound.port, "PUT", "/bucket/key", stated, b"y")
    assert said.status == 400 and b"XAmzContentSHA256Mismatch" in said.body


async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(house, connect):
    done = asyncio.Event()

    async def keep(ctx, params):
        try:
            async for piece in params["Body"]:
                house.room.bodies["got"] = piece
        except BaseException as error:
            house.room.bodies["error"] = error
            raise
        finally:
            done.set()

    house.room.answers["PutObject"] = keep
    host, headers = sign(house, sigv4.UNSIGNED)
    _, writer = await connect(house.bound.port)
    lines = ["PUT /bucket/key HTTP/1.1", f"host: {host}", "content-length: 99", *(f"{n}: {v}" for n, v in headers)]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\nhalf")
    await writer.drain()
    writer.close()
    await done.wait()
    assert house.room.bodies["error"].code == "IncompleteBody"


@pytest.mark.parametrize(
    ("service", "path", "headers", "code"),
    [
        ("s3", "/bucket?delete", (), b"MaxMessageLengthExceeded"),
        (
            "dynamodb",
            "/",
            [("x-amz-target", "DynamoDB_20120810.ListTables"), ("content-type", "application/x-amz-json-1.0")],
            b"RequestEntityTooLargeException",
        ),
    ],
)
async def test_bodies_above_the_limit_are_refused_unread(door, connect, service, path, headers, code):
    house = await door()
    house.room.answers.update({"DeleteObjects": {}, "ListTables": {"TableNames": []}})
    reader, writer = await connect(house.bound.port)
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-length: 99999999", "expect: 100-continue"]
    lines += [f"{name}: {value}" for name, value in headers]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
    answer = await reader.read(-1)
    assert code in answer and b"100 Continue" not in answer
    assert not house.room.calls


async def test_an_upload_through_http2_streams_and_waits(house, connect, ask):
    """The codec is the same: only that HTTP/2 reaches it is shown here."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection

    host, headers = sign(house, sigv4.UNSIGNED)
    reader, writer = await connect(house.bound.port)
    client = H2Connection(H2Configuration())
    client.initiate_connection()
    pseudo = [(":method", "PUT"), (":path", "/bucket/key"), (":scheme", "http"), (":authority", host)]
    client.send_headers(1, [*pseudo, *headers])
    client.send_data(1, DATA[:16_000])
    client.send_data(1, DATA[16_000:], end_stream=True)
    writer.write(client.data_to_send())
    ended = False
    while not ended:
        for event in client.receive_data(await reader.read(65_536)):
            ended = ended or type(event).__name__ == "StreamEnded"
        writer.write(client.data_to_send())
    assert house.room.bodies["whole"] == DATA
