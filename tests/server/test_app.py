"""The ASGI app: what is sent, for answers of every kind, and what a client never sees."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yobu.aws.http import Answer
from yobu.base.clock import Clock, FakeClock
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.server.admin import Admin
from yobu.server.app import App
from yobu.server.dispatch import Dispatch, DispatchParts
from yobu.store.port import StoreClosed, StoreFull

DYNAMODB = [("x-amz-target", "DynamoDB_20120810.ListTables"), ("content-type", "application/x-amz-json-1.0")]


async def test_the_heads_of_answers(door, ask):
    house = await door(clock=FakeClock(1_700_000_000.0))
    house.room.answers["ListTables"] = {"TableNames": []}
    said = await ask(house.bound.port, "POST", "/", DYNAMODB, b"{}")
    assert said.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert "server" not in said.headers
    assert said.headers["content-length"] == str(len(said.body))
    assert said.headers["x-amzn-requestid"] == house.room.calls[0][2].request_id


async def test_the_surroundings_of_a_call(door, ask):
    house = await door(region="eu-north-1", account="111122223333")
    house.room.answers["ListTables"] = {"TableNames": []}
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
    await ask(house.bound.port, "POST", "/", [*DYNAMODB, ("X-Amzn-Trace-Id", trace)], b"{}", host="localhost:99")
    ctx = house.room.calls[0][2]
    assert (ctx.region, ctx.host, ctx.scheme, ctx.source_ip, ctx.trace) == (
        "eu-north-1",
        "localhost:99",
        "http",
        "127.0.0.1",
        trace,
    )


async def test_a_head_answer_has_a_length_and_no_body(door, ask):
    house = await door()
    closed = asyncio.Event()

    class Pieces:
        def __aiter__(self):
            return self

        async def __anext__(self):
            raise AssertionError("nobody reads the body of a HEAD")

        async def aclose(self):
            closed.set()

    house.room.answers["HeadObject"] = {"ContentLength": 1234, "ETag": '"x"'}
    said = await ask(house.bound.port, "HEAD", "/bucket/key")
    assert (said.status, said.headers["content-length"], said.body) == (200, "1234", b"")
    house.admin.add("GET", "stream", lambda arguments: _give(Pieces()))
    said = await ask(house.bound.port, "HEAD", "/_yobu/stream")
    assert said.status == 200 and said.body == b""


async def _give(value):
    return value


async def test_an_empty_answer_has_no_length(door, ask):
    house = await door()
    house.room.answers["DeleteObject"] = {}
    said = await ask(house.bound.port, "DELETE", "/bucket/key")
    assert said.status == 204 and "content-length" not in said.headers and "transfer-encoding" not in said.headers


async def test_an_answer_that_breaks_off_breaks_the_connection(door, ask, caplog):
    house = await door()

    async def get(ctx, params):
        async def pieces():
            yield b"x" * 100_000
            raise OSError("the disk is gone")

        return {"Body": pieces(), "ContentLength": 200_000}

    house.room.answers["GetObject"] = get
    said = await ask(house.bound.port, "GET", "/bucket/key")
    assert said.status == 200 and len(said.body) == 100_000 < int(said.headers["content-length"])
    assert "the disk is gone" in caplog.text


async def test_a_download_stops_when_its_client_leaves(door, connect):
    house = await door()
    closed = asyncio.Event()

    async def get(ctx, params):
        async def pieces():
            try:
                while True:
                    yield b"x" * 65_536
            finally:
                closed.set()

        return {"Body": pieces(), "ContentLength": 2**40}

    house.room.answers["GetObject"] = get
    reader, writer = await connect(house.bound.port)
    writer.write(b"GET /bucket/key HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await reader.readexactly(1_000_000)
    writer.transport.abort()
    async with asyncio.timeout(10):
        await closed.wait()


async def test_a_slow_reader_holds_the_download_back(door, connect):
    house = await door()
    made = 0

    async def get(ctx, params):
        async def pieces():
            nonlocal made
            for _ in range(1000):
                made += 65_536
                yield b"x" * 65_536

        return {"Body": pieces(), "ContentLength": 65_536_000}

    house.room.answers["GetObject"] = get
    reader, writer = await connect(house.bound.port)
    writer.write(b"GET /bucket/key HTTP/1.1\r\nhost: localhost\r\n\r\n")
    await reader.readexactly(1000)
    before = -1
    while made != before:  # until the sockets' buffers are full
        before = made
        for _ in range(100):
            await asyncio.sleep(0)
    assert made < 32_000_000


async def test_a_header_cannot_begin_another(door, ask):
    house = await door()
    headers = [("x-amz-meta-a", "b\r\nset-cookie: evil=1\r\n\r\nbody"), ("x-amz-meta-u", "ü")]
    house.room.answers["GetObject"] = Answer({"Body": b"x", "ContentLength": 1}, headers=headers)
    said = await ask(house.bound.port, "GET", "/bucket/key")
    assert said.status == 200 and said.body == b"x"
    assert said.headers["x-amz-meta-a"] == "b set-cookie: evil=1 body"
    assert "set-cookie" not in said.headers


@pytest.mark.parametrize(("failure", "words"), [(StoreFull(), "the disk is full"), (StoreClosed(), "closed")])
async def test_a_store_that_takes_nothing_is_service_unavailable(door, ask, failure, words):
    house = await door()
    house.room.answers["ListTables"] = failure
    said = await ask(house.bound.port, "POST", "/", DYNAMODB, b"{}")
    assert said.status == 503
    assert json.loads(said.body)["__type"].endswith("ServiceUnavailable") and words in said.body.decode()


async def test_a_client_that_hangs_up_in_a_call_harms_no_other_and_stops_nothing(door, connect, ask):
    house = await door()
    entered, go, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def invoke(ctx, params):
        entered.set()
        await go.wait()
        finished.set()
        return {"StatusCode": 200, "Payload": b"1"}

    house.room.answers["Invoke"] = invoke
    house.room.answers["ListTables"] = {"TableNames": []}
    _, writer = await connect(house.bound.port)
    writer.write(b"POST /2015-03-31/functions/f/invocations HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}")
    await entered.wait()
    writer.transport.abort()
    assert (await ask(house.bound.port, "POST", "/", DYNAMODB, b"{}")).status == 200
    go.set()
    await finished.wait()
    assert (await ask(house.bound.port, "POST", "/", DYNAMODB, b"{}")).status == 200
    assert house.dispatch.stats()["lambda:Invoke"]["server_errors"] == 0


async def test_a_node_that_stops_serves_only_what_runs_in_it(door, ask):
    house = await door()
    house.principals.add("ASIAFUNCTION", "x", session_token="t", environment="env-1")
    house.room.answers["ListTables"] = {"TableNames": []}
    house.dispatch.close()
    said = await ask(house.bound.port, "POST", "/", DYNAMODB, b"{}")
    assert said.status == 503 and "it is stopping" in said.body.decode()
    own = "AWS4-HMAC-SHA256 Credential=ASIAFUNCTION/20250101/us-east-1/dynamodb/aws4_request, Signature=0"
    assert (await ask(house.bound.port, "POST", "/", [*DYNAMODB, ("authorization", own)], b"{}")).status == 200


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (DYNAMODB, b"{", 400),
        (DYNAMODB, b"\xff\xfe", 400),
        (DYNAMODB, b'{"Limit": "three"}', 400),
        ([("x-amz-target", "DynamoDB_20120810.Nonsense"), DYNAMODB[1]], b"{}", 400),
        ([("x-amz-target", "Nonsense_1.Nonsense"), DYNAMODB[1]], b"{}", 501),
        ([("content-type", "application/x-www-form-urlencoded")], b"Action=Nonsense&Version=2010-05-08", 400),
        ([*DYNAMODB, ("content-encoding", "gzip")], b"not gzip", 400),
    ],
)
async def test_bad_input_changes_nothing(door, ask, headers, body, status):
    house = await door()
    house.room.answers["ListTables"] = {"TableNames": []}
    said = await ask(house.bound.port, "POST", "/", headers, body)
    assert said.status in (status, 405 if headers[0][0] == "content-type" else status), said
    assert not house.room.calls


PATHS = st.text(alphabet="abc/%2015-03-31/functions._~:@!$&'()*+,;=é\x00", max_size=60).map(
    lambda text: "/" + text.encode("ascii", "ignore").decode()
)
NAMES = st.sampled_from(
    [
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "origin",
        "smithy-protocol",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-target",
    ]
)
WORDS = st.sampled_from(
    [
        "AWS4-HMAC-SHA256 Credential=AKIA/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=AKIA/20250101/us-east-1/dynamodb/aws4_request",
        "20250101T000000Z",
        "DynamoDB_20120810.PutItem",
        "AWSLambda.",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "UNSIGNED-PAYLOAD",
        "application/x-amz-json-1.0",
        "application/x-www-form-urlencoded",
        "rpc-v2-cbor",
        "gzip",
        "bucket.s3.localhost",
        "localhost",
        "100-continue",
        "5",
    ]
)
VALUES = st.one_of(WORDS, st.binary(max_size=30).map(lambda data: data.decode("latin-1")))
BODIES = st.one_of(
    st.binary(max_size=200),
    st.sampled_from([b"{}", b"Action=GetRole&Version=2010-05-08", b"5\r\nhello\r\n0\r\n\r\n", b"<Delete/>", b"\xa0"]),
)


@pytest.mark.parametrize("auth", [False, True], ids=["open", "auth"])
def test_whatever_comes_is_answered_and_never_by_a_traceback(catalogue, caplog, auth):
    from types import SimpleNamespace

    async def find(key):
        return None

    principals = SimpleNamespace(find=find, anyone=lambda key: SimpleNamespace(account="0" * 12))

    class Nothing:
        services = ("s3", "lambda", "dynamodb", "sqs", "iam", "sts", "logs", "cloudwatch")
        constraint_code = None

        def operation(self, service, name):
            async def empty(ctx, params):
                if name == "PutObject":
                    async for _ in params["Body"]:
                        pass
                return {}

            return empty

    settings_ = Settings(auth=auth)
    parts = DispatchParts([Nothing()], catalogue, principals, settings_, Clock(), SeededIds())
    app = App(Dispatch(parts), Admin(SeededIds()), Clock())

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"]),
        path=PATHS,
        query=st.text(alphabet="abcX-Amz=&%Action?", max_size=30),
        headers=st.lists(st.tuples(NAMES, VALUES), max_size=6),
        body=BODIES,
    )
    def run(method, path, query, headers, body):
        status = asyncio.run(once(app, method, path, query, headers, body))
        assert 200 <= status < 600 and status != 500

    run()
    assert not [record for record in caplog.records if record.exc_info]


async def once(app: App, method: str, path: str, query: str, headers: Any, body: bytes) -> int:
    messages = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
        "scheme": "http",
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
    }
    await app(scope, receive, send)
    assert sent[0]["type"] == "http.response.start" and not sent[-1].get("more_body")
    return sent[0]["status"]
