"""Request bodies: collected, streamed, decoded and checked; whole and broken ones."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import zlib

import pytest

from yobu.aws import chunked
from yobu.aws.http import Request
from yobu.base.errors import AwsError
from yobu.server.body import Incoming, StreamedBody, gather, gunzip, incoming

TOO_LARGE = AwsError("TooLarge", "too large", 413)


def too_large() -> AwsError:
    return TOO_LARGE


def receiver(*pieces, ends=True):
    """ASGI receive that gives these pieces, then says that the client left."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends and messages:
        messages[-1]["more_body"] = False

    async def receive():
        return messages.pop(0) if messages else {"type": "http.disconnect"}

    return receive


def body(*pieces, length=None, **more):
    return Incoming(receiver(*pieces, **more), length)


@pytest.mark.parametrize("pieces", [[b""], [b"whole"], [b"in", b"", b"pieces"], [b"x" * 10]])
async def test_collect_gives_the_whole_body(pieces):
    assert await body(*pieces).collect(10, too_large) == b"".join(pieces)


@pytest.mark.parametrize(
    ("pieces", "length"), [([b"x" * 11], None), ([b"x" * 6] * 2, None), ([b"x" * 6] * 99, None), ([b"x"], 11)]
)
async def test_collect_refuses_what_is_above_its_limit_as_soon_as_that_is_known(pieces, length):
    source = body(*pieces, length=length)
    with pytest.raises(AwsError) as caught:
        await source.collect(10, too_large)
    assert caught.value is TOO_LARGE
    assert source.touched is (length is None)


async def test_a_body_of_no_length_is_not_waited_for():
    async def never():
        raise AssertionError("there is nothing to receive")

    source = Incoming(never, 0)
    assert source.ended
    assert await source.collect(10, too_large) == b""
    assert [chunk async for chunk in source.chunks()] == []


async def test_a_client_that_leaves_is_an_incomplete_body():
    for read in (
        lambda source: source.collect(100, too_large),
        lambda source: gather(StreamedBody(source, 100), 100, too_large),
    ):
        with pytest.raises(AwsError) as caught:
            await read(body(b"half", ends=False, length=100))
        assert caught.value.code == "IncompleteBody"


async def test_a_client_that_pauses_too_long_gets_request_timeout():
    first = [{"type": "http.request", "body": b"half", "more_body": True}]

    async def receive():
        if first:
            return first.pop()
        await asyncio.Event().wait()

    source = Incoming(receive, 100, idle_s=0.01)
    with pytest.raises(AwsError) as caught:
        await source.collect(100, too_large)
    assert caught.value.code == "RequestTimeout" and source.stalled


@pytest.mark.parametrize(
    ("version", "headers", "length"),
    [
        ("1.1", [("content-length", "5")], 5),
        ("1.1", [("content-length", "0")], 0),
        ("1.1", [], 0),
        ("1.1", [("transfer-encoding", "chunked")], None),
        ("2", [], None),
        ("2", [("content-length", "5")], 5),
    ],
)
def test_what_the_headers_announce(version, headers, length):
    request = Request("PUT", "/", "", headers, http_version=version)
    assert incoming(request, receiver()).length == length


async def test_a_stream_is_read_only_as_fast_as_it_is_taken():
    received = []

    async def receive():
        received.append(len(received))
        return {"type": "http.request", "body": b"x", "more_body": len(received) < 5}

    taken = 0
    async for _ in StreamedBody(Incoming(receive, 5), 5):
        taken += 1
        assert len(received) == taken
    assert taken == 5


async def test_a_stated_hash_is_compared_at_the_end():
    wrong = AwsError("XAmzContentSHA256Mismatch", "")
    expected = hashlib.sha256(b"payload").hexdigest()

    def check(computed):
        return None if computed == expected else wrong

    assert await gather(StreamedBody(body(b"pay", b"load"), 7, check=check), 100, too_large) == b"payload"
    pieces = []
    with pytest.raises(AwsError) as caught:
        async for piece in StreamedBody(body(b"pay", b"roll"), 7, check=check):
            pieces.append(piece)
    assert caught.value is wrong and pieces == [b"pay", b"roll"]


async def test_aws_chunked_is_decoded_with_its_trailers():
    coded = b"4\r\nWiki\r\n0\r\nx-amz-checksum-crc32: sOO8/Q==\r\n\r\n"
    coding = chunked.coding(chunked.UNSIGNED_TRAILER, "4", "x-amz-checksum-crc32")
    for size in (1, 3, len(coded)):
        pieces = [coded[at : at + size] for at in range(0, len(coded), size)]
        stream = StreamedBody(body(*pieces), 4, chunked.Decoder(coding))
        assert await gather(stream, 100, too_large) == b"Wiki"
        assert stream.trailers == {"x-amz-checksum-crc32": "sOO8/Q=="}
        assert stream.length == 4


async def test_aws_chunked_that_breaks_off_is_incomplete():
    coding = chunked.coding(chunked.UNSIGNED_TRAILER, "4", "")
    with pytest.raises(AwsError) as caught:
        await gather(StreamedBody(body(b"4\r\nWi"), 4, chunked.Decoder(coding)), 100, too_large)
    assert caught.value.code == "IncompleteBody"


async def test_gather_refuses_what_is_above_its_limit():
    with pytest.raises(AwsError) as caught:
        await gather(StreamedBody(body(b"x" * 6, b"x" * 6), 12), 10, too_large)
    assert caught.value is TOO_LARGE


def test_gunzip_up_to_its_limit():
    assert gunzip(gzip.compress(b"x" * 100), 100, too_large) == b"x" * 100
    with pytest.raises(AwsError) as caught:
        gunzip(gzip.compress(b"x" * 101), 100, too_large)
    assert caught.value is TOO_LARGE
    with pytest.raises(AwsError) as caught:
        gunzip(gzip.compress(bytes(16 * 1024 * 1024)), 1024, too_large)
    assert caught.value is TOO_LARGE


@pytest.mark.parametrize(
    "data",
    [b"plain", b"\x1f\x8b", gzip.compress(b"cut off")[:-3], zlib.compress(b"zlib"), b"", gzip.compress(b"a") * 2],
)
def test_what_is_not_gzip_is_refused(data):
    with pytest.raises(AwsError) as caught:
        gunzip(data, 100, too_large)
    assert caught.value.code == "SerializationException"
