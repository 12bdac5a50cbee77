"""Event streams: frames there and back, and our streams read by botocore."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.aws import eventstream
from yobu.aws.http import Params, Request, Response
from yobu.aws.service import Catalogue, Service
from yobu.base.errors import AwsError, YobuError


@cache
def service(name: str) -> Service:
    return Catalogue().service(name)


HEADERS: dict[str, eventstream.HeaderValue] = {
    "text": "é",
    "yes": True,
    "no": False,
    "small": -7,
    "long": 1 << 40,
    "bytes": b"\x00\x01",
    "time": datetime(2020, 1, 1, 0, 0, 0, 123000, UTC),
    "id": UUID(int=7),
}


def test_every_kind_of_header() -> None:
    (message,) = eventstream.FrameDecoder().feed(eventstream.encode(HEADERS, b"payload"))
    assert message == eventstream.Message(HEADERS, b"payload")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=50), max_size=4), st.integers(1, 60))
def test_frames_cut_anywhere(payloads: list[bytes], step: int) -> None:
    data = b"".join(eventstream.encode({"n": number}, payload) for number, payload in enumerate(payloads))
    decoder = eventstream.FrameDecoder()
    messages = [message for at in range(0, len(data), step) for message in decoder.feed(data[at : at + step])]
    assert [message.payload for message in messages] == payloads
    assert decoder.pending == 0


def test_what_is_malformed() -> None:
    frame = eventstream.encode({"a": "b"}, b"payload")
    for at in (0, 5, 9, 14, 20, len(frame) - 1):
        changed = bytearray(frame)
        changed[at] ^= 1
        with pytest.raises(eventstream.MalformedFrame):
            eventstream.FrameDecoder().feed(bytes(changed))


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=12, max_size=80))
def test_noise_is_malformed(data: bytes) -> None:
    with pytest.raises(eventstream.MalformedFrame):
        eventstream.FrameDecoder().feed(data)


async def events(*items: Params | AwsError) -> AsyncIterator[Params]:
    for item in items:
        if isinstance(item, AwsError):
            raise item
        yield item


async def frames(response: Response) -> list[tuple[dict[str, Any], bytes]]:
    """What botocore's own decoder makes of the body."""
    assert not isinstance(response.body, bytes)
    buffer = EventStreamBuffer()
    found = []
    async for chunk in response.body:
        buffer.add_data(chunk)
        found += [(message.headers, message.payload) for message in buffer]
    return found


async def test_lambda_response_stream() -> None:
    stream = events({"PayloadChunk": {"Payload": b"hello"}}, {"InvokeComplete": {"ErrorCode": "X"}})
    output = {"StatusCode": 200, "EventStream": stream}
    request = Request("POST", "/2021-11-15/functions/f/response-streaming-invocations", "", [])
    response = service("lambda").serialise("InvokeWithResponseStream", output, "r", request)
    assert ("content-type", eventstream.CONTENT_TYPE) in response.headers
    chunk, complete = await frames(response)
    assert chunk == (
        {":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream"},
        b"hello",
    )
    assert complete[0][":event-type"] == "InvokeComplete"
    assert msgspec.json.decode(complete[1]) == {"ErrorCode": "X"}


async def test_kinesis_begins_with_an_initial_response_and_ends_with_the_error() -> None:
    failure = AwsError("ResourceNotFoundException", "gone")
    stream = events({"SubscribeToShardEvent": {"Records": [{"Data": b"x"}], "MillisBehindLatest": 0}}, failure)
    request = Request("POST", "/", "", [])
    response = service("kinesis").serialise("SubscribeToShard", {"EventStream": stream}, "r", request)
    initial, event, last = await frames(response)
    assert initial[0][":event-type"] == "initial-response"
    assert initial[1] == b"{}"
    assert msgspec.json.decode(event[1]) == {"Records": [{"Data": "eA=="}], "MillisBehindLatest": 0}
    assert last[0][":message-type"] == "exception"
    assert last[0][":exception-type"] == "ResourceNotFoundException"
    assert msgspec.json.decode(last[1]) == {"message": "gone"}


async def test_an_error_that_the_stream_does_not_model() -> None:
    stream = events(AwsError("SomethingElse", "why"))
    response = service("kinesis").serialise(
        "SubscribeToShard", {"EventStream": stream}, "r", Request("POST", "/", "", [])
    )
    assert (await frames(response))[-1][0] == {
        ":message-type": "error",
        ":error-code": "SomethingElse",
        ":error-message": "why",
    }


async def test_s3_select() -> None:
    stats = {"Details": {"BytesScanned": 1, "BytesProcessed": 2, "BytesReturned": 3}}
    stream = events({"Records": {"Payload": b"a,b\n"}}, {"Stats": stats}, {"End": {}})
    request = Request("POST", "/b/k", "select&select-type=2", [])
    response = service("s3").serialise("SelectObjectContent", {"Payload": stream}, "r", request)
    records, statistics, end = await frames(response)
    assert records[1] == b"a,b\n"
    assert statistics[0][":content-type"] == "text/xml"
    assert statistics[1] == (
        b"<Stats><BytesScanned>1</BytesScanned><BytesProcessed>2</BytesProcessed><BytesReturned>3</BytesReturned></Stats>"
    )
    assert end == ({":message-type": "event", ":event-type": "End"}, b"")


async def test_an_event_has_one_member() -> None:
    response = service("kinesis").serialise(
        "SubscribeToShard", {"EventStream": events({})}, "r", Request("POST", "/", "", [])
    )
    with pytest.raises(YobuError):
        await frames(response)
