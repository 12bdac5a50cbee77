"""Bad input at every door: AWS's own error comes back, nothing changes, and the node stays well."""

from __future__ import annotations

import base64
import io
import json
import random
import socket
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from botocore.exceptions import ClientError, WaiterError
from tests.journeys.calling import ECHO, call, code, refusal, status
from tests.journeys.running import ACCOUNT, REGION, RunningNode, create_function, eventually, package

DYNAMODB, LOGS = "application/x-amz-json-1.0", "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"


class Reply(NamedTuple):
    status: int
    headers: dict[str, str]
    body: str


@pytest.fixture(autouse=True)
def healthy_afterwards(node: RunningNode) -> Iterator[None]:
    """Whatever a test sent: no internal error, and the next request is answered."""
    before = node.log.stat().st_size
    yield
    assert node.admin("GET", "health")["status"] == "ok"
    with node.log.open() as log:
        log.seek(before)
        assert "Traceback" not in log.read()


def exchange(node: RunningNode, data: bytes, *, half_close: bool = False) -> bytes:
    """Everything that comes back for raw bytes, until the node closes or has answered once."""
    with socket.create_connection(("127.0.0.1", int(node.url.rpartition(":")[2])), timeout=10) as connection:
        connection.sendall(data)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while not _complete(answer) and (more := connection.recv(65536)):
            answer += more
        return answer


def _complete(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name == b"content-length":
            return bool(end) and len(body) >= int(value)
    return bool(end) and answer.endswith(b"0\r\n\r\n")


def send(node: RunningNode, request: str, headers: dict[str, str], body: bytes = b"") -> Reply:
    """One request by hand; `request` is its method and target."""
    headers = {"Host": "localhost", "Content-Length": str(len(body)), **headers}
    lines = [f"{request} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return parse(exchange(node, "\r\n".join(lines).encode() + b"\r\n\r\n" + body))


def parse(answer: bytes) -> Reply:
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return Reply(int(first.split()[1]), headers, body.decode(errors="replace"))


def scope(service: str) -> str:
    """The Authorization header of a client that signs carelessly."""
    return (
        f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261125/{REGION}/{service}/aws4_request, "
        "SignedHeaders=host, Signature=00"
    )


def target(name: str, kind: str = DYNAMODB) -> dict[str, str]:
    return {"X-Amz-Target": name, "Content-Type": kind}


LIST_TABLES = target("DynamoDB_20120810.ListTables")
GET_ITEM = target("DynamoDB_20120810.GetItem")
FUNCTIONS = "/2015-03-31/functions"

JSON_CASES: list[tuple[str, dict[str, str], bytes, int, str]] = [
    ("no JSON", LIST_TABLES, b"{", 400, "SerializationException"),
    ("not an object", LIST_TABLES, b"[]", 400, "SerializationException"),
    ("a bare word", LIST_TABLES, b"tables", 400, "SerializationException"),
    ("bytes", LIST_TABLES, b"\xff\xfe\x00", 400, "SerializationException"),
    ("wrong type", GET_ITEM, b'{"TableName": 7, "Key": {}}', 400, "SerializationException"),
    ("list for map", GET_ITEM, b'{"TableName": "rows", "Key": []}', 400, "SerializationException"),
    ("missing member", GET_ITEM, b'{"TableName": "rows"}', 400, "ValidationException"),
    ("unknown operation", target("DynamoDB_20120810.Fly"), b"{}", 400, "UnknownOperationException"),
    ("deep", LIST_TABLES, b'{"a":' * 20000 + b"1" + b"}" * 20000, 400, "SerializationException"),
    ("logs: no JSON", target("Logs_20140328.DescribeLogGroups", LOGS), b"{", 400, "SerializationException"),
    ("logs: unknown", target("Logs_20140328.Fly", LOGS), b"{}", 400, "UnknownOperationException"),
    ("logs: wrong", target("Logs_20140328.CreateLogGroup", LOGS), b"{}", 400, "InvalidParameterException"),
]


@pytest.mark.parametrize(
    ("headers", "body", "expected", "kind"), [case[1:] for case in JSON_CASES], ids=[case[0] for case in JSON_CASES]
)
def test_json(node: RunningNode, headers: dict[str, str], body: bytes, expected: int, kind: str) -> None:
    reply = send(node, "POST /", headers, body)
    assert reply.status == expected
    assert json.loads(reply.body)["__type"].rpartition("#")[2] == kind
    assert reply.headers["x-amzn-requestid"]


def test_a_service_that_nobody_knows(node: RunningNode) -> None:
    reply = send(node, "POST /", target("Weather_20990101.GetRain"), b"{}")
    assert reply.status == 501
    assert reply.headers["x-amzn-errortype"] == "NotImplemented"


QUERY_CASES = [
    ("no action", b"Version=2010-05-08", "MissingAction"),
    ("unknown action", b"Action=Fly&Version=2010-05-08", "InvalidAction"),
    ("missing parameter", b"Action=CreateRole&Version=2010-05-08&RoleName=x", "ValidationError"),
    ("wrong number", b"Action=ListRoles&Version=2010-05-08&MaxItems=many", "MalformedInput"),
    ("broken escapes", b"Action=CreateRole&RoleName=%zz%", "ValidationError"),
    ("bytes", b"\xff\xfe&=&&", "MalformedInput"),
]


@pytest.mark.parametrize(("body", "kind"), [case[1:] for case in QUERY_CASES], ids=[case[0] for case in QUERY_CASES])
def test_query(node: RunningNode, body: bytes, kind: str) -> None:
    reply = send(node, "POST /", {"Content-Type": FORM, "Authorization": scope("iam")}, body)
    assert reply.status == 400
    assert f"<Code>{kind}</Code>" in reply.body
    assert "<RequestId>" in reply.body


BOMB_BYTES = 90_000_000
REST_CASES = [
    ("unknown path", "GET /2015-03-31/nowhere", b"", 403, "AccessDeniedException"),
    ("wrong method", f"PATCH {FUNCTIONS}/echo", b"", 403, "AccessDeniedException"),
    ("no JSON", f"POST {FUNCTIONS}", b"{", 400, "SerializationException"),
    ("wrong type", f"POST {FUNCTIONS}", b'{"FunctionName": {}}', 400, "SerializationException"),
    ("missing members", f"POST {FUNCTIONS}", b'{"FunctionName": "f"}', 400, "ValidationException"),
    ("number in a query", f"GET {FUNCTIONS}?MaxItems=many", b"", 400, "SerializationException"),
    ("number out of bounds", f"GET {FUNCTIONS}?MaxItems=0", b"", 400, "ValidationException"),
    ("no base64", f"POST {FUNCTIONS}", b'{"FunctionName":"f","Role":"r","Code":{"ZipFile":"!"}}', 400, "Serialization"),
    ("no JSON event", f"POST {FUNCTIONS}/echo/invocations", b"{", 400, "InvalidRequestContentException"),
    ("nobody", f"POST {FUNCTIONS}/nobody/invocations", b"{}", 404, "ResourceNotFoundException"),
    ("a name that is none", f"POST {FUNCTIONS}/a%20b/invocations", b"{}", 400, "ValidationException"),
]


@pytest.mark.parametrize(
    ("request_line", "body", "expected", "kind"),
    [case[1:] for case in REST_CASES],
    ids=[case[0] for case in REST_CASES],
)
def test_rest_json(node: RunningNode, request_line: str, body: bytes, expected: int, kind: str) -> None:
    create_function(node, "echo", ECHO)
    reply = send(node, request_line, {"Authorization": scope("lambda")}, body)
    assert reply.status == expected
    assert reply.headers["x-amzn-errortype"].startswith(kind)
    json.loads(reply.body)
    assert [item["FunctionName"] for item in node.client("lambda").list_functions()["Functions"]] == ["echo"]


CONFIGURATION = "PUT /docs?notification"
DELETE = "POST /docs?delete"
S3_CASES = [
    ("no XML", DELETE, {}, b"<Delete><Object>", 400, "MalformedXML"),
    ("other XML", DELETE, {}, b"<Other/>", 400, "MalformedXML"),
    ("entity bomb", DELETE, {}, b'<!DOCTYPE a [<!ENTITY b "c">]><Delete>&b;</Delete>', 400, "MalformedXML"),
    ("no configuration", CONFIGURATION, {}, b"<<<", 400, "MalformedXML"),
    ("wrong digest", "PUT /docs/k", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, b"x", 400, "BadDigest"),
    ("no digest at all", "PUT /docs/k", {"Content-MD5": "x"}, b"x", 400, "InvalidDigest"),
    ("key of 1025 bytes", "PUT /docs/" + "k" * 1025, {}, b"x", 400, "KeyTooLongError"),
    ("no such upload", "PUT /docs/k?partNumber=1&uploadId=none", {}, b"x", 404, "NoSuchUpload"),
    ("part 0", "PUT /docs/k?partNumber=0&uploadId=none", {}, b"x", 400, "InvalidArgument"),
    ("no such bucket", "PUT /nowhere/k", {}, b"x", 404, "NoSuchBucket"),
    ("number in a query", "GET /docs?list-type=2&max-keys=many", {}, b"", 400, "InvalidArgument"),
    ("not built", "PUT /docs?website", {}, b"<WebsiteConfiguration/>", 501, "NotImplemented"),
]


@pytest.mark.parametrize(
    ("request_line", "headers", "body", "expected", "kind"),
    [case[1:] for case in S3_CASES],
    ids=[case[0] for case in S3_CASES],
)
def test_s3(
    node: RunningNode, request_line: str, headers: dict[str, str], body: bytes, expected: int, kind: str
) -> None:
    s3 = node.client("s3")
    s3.create_bucket(Bucket="docs")
    reply = send(node, request_line, {"Authorization": scope("s3"), **headers}, body)
    assert (reply.status, f"<Code>{kind}</Code>" in reply.body) == (expected, True), reply.body
    assert s3.list_objects_v2(Bucket="docs")["KeyCount"] == 0
    assert bodies(node) == []


def bodies(node: RunningNode) -> list[Path]:
    return [path for path in (node.data / "blobs").rglob("*") if path.is_file()]


class TestBodies:
    def test_an_upload_that_breaks_off_leaves_nothing(self, node: RunningNode) -> None:
        s3 = node.client("s3")
        s3.create_bucket(Bucket="docs")
        head = b"PUT /docs/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(node.url.rpartition(":")[2])), timeout=10) as connection:
            connection.sendall(head + b"x" * 2_000_000)
            eventually(lambda: bodies(node))
        eventually(lambda: not bodies(node))
        assert s3.list_objects_v2(Bucket="docs")["KeyCount"] == 0

    def test_a_part_that_breaks_off_leaves_the_upload(self, node: RunningNode) -> None:
        s3 = node.client("s3")
        s3.create_bucket(Bucket="docs")
        upload = s3.create_multipart_upload(Bucket="docs", Key="k")["UploadId"]
        head = (
            f"PUT /docs/k?partNumber=1&uploadId={upload} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", int(node.url.rpartition(":")[2])), timeout=10) as connection:
            connection.sendall(head.encode() + b"x" * 2_000_000)
            eventually(lambda: bodies(node))
        eventually(lambda: not bodies(node))
        assert "Parts" not in s3.list_parts(Bucket="docs", Key="k", UploadId=upload)

    def test_a_chunk_that_is_none(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="docs")
        headers = {
            "Authorization": scope("s3"),
            "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
            "x-amz-decoded-content-length": "5",
            "Content-Encoding": "aws-chunked",
        }
        for body in (b"zz\r\nhello\r\n0\r\n\r\n", b"5\r\nhel", b"9\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n"):
            reply = send(node, "PUT /docs/k", headers, body)
            assert reply.status == 400, reply.body
        assert node.client("s3").list_objects_v2(Bucket="docs")["KeyCount"] == 0
        assert bodies(node) == []

    def test_a_body_longer_than_its_service_takes(self, node: RunningNode) -> None:
        reply = send(node, "POST /", LIST_TABLES, b" " * 17_000_000)
        assert reply.status == 413
        assert "Exception" in json.loads(reply.body)["__type"]

    def test_an_announced_length_is_refused_before_it_is_sent(self, node: RunningNode) -> None:
        reply = send(node, "POST /", {**LIST_TABLES, "Content-Length": "99999999999"})
        assert reply.status == 413


def archive(entries: dict[str, bytes], **attributes: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in entries.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = attributes.get("mode", 0o644) << 16
            packed.writestr(entry, data)
    return out.getvalue()


@pytest.fixture(scope="module")
def bomb() -> bytes:
    data = archive({f"{n}.txt": b"\0" * BOMB_BYTES for n in range(3)})
    assert len(data) < 300_000
    return data


class TestPackages:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"no zip",
            package(ECHO)[:60],
            archive({}),
            archive({"../../escape.py": b"x"}),
            archive({"/tmp/escape.py": b"x"}),
            archive({"a/../../escape.py": b"x"}),
            archive({"app.py": b"/etc/passwd"}, mode=stat.S_IFLNK | 0o777),
            archive({"app.py": b"../../../etc"}, mode=stat.S_IFLNK | 0o777),
            archive({"app.py": b""}, mode=stat.S_IFIFO | 0o644),
        ],
        ids=["empty", "no-zip", "torn", "nothing-in-it", "up", "absolute", "around", "link", "link-up", "fifo"],
    )
    def test_an_archive_that_is_no_package(self, node: RunningNode, data: bytes) -> None:
        client = node.client("lambda")
        try:
            create_function(node, "f", "", Code={"ZipFile": data})
        except client.exceptions.InvalidParameterValueException:
            assert client.list_functions()["Functions"] == []
            assert bodies(node) == []
        except WaiterError:
            # Links are only seen when the package is unpacked: the function fails, in AWS's words.
            assert (
                client.get_function(FunctionName="f")["Configuration"]["StateReasonCode"] == "InvalidZipFileException"
            )
        else:
            pytest.fail("it was taken")
        assert not list(node.data.rglob("escape.py"))
        assert not Path("/tmp/escape.py").exists()

    def test_a_bomb(self, node: RunningNode, bomb: bytes) -> None:
        error = refusal(create_function, node=node, name="f", source="", Code={"ZipFile": bomb})
        assert code(error) == "InvalidParameterValueException"
        assert "Unzipped size must be smaller than 262144000 bytes" in str(error)
        assert bodies(node) == []

    def test_a_bomb_that_lies_about_its_size(self, node: RunningNode, bomb: bytes) -> None:
        told, real = (9).to_bytes(4, "little"), BOMB_BYTES.to_bytes(4, "little")
        data = bomb.replace(real, told)
        with pytest.raises((WaiterError, ClientError)):
            create_function(node, "f", "", Code={"ZipFile": data})
        assert sum(path.stat().st_size for path in (node.data / "code").rglob("*") if path.is_file()) < 1000


class TestConnections:
    @pytest.mark.parametrize("seed", range(12))
    def test_random_bytes(self, node: RunningNode, seed: int) -> None:
        noise = random.Random(seed).randbytes(4000)
        for data in (
            noise,
            b"GET / HTTP/1.1\r\n" + noise,
            b"\x16\x03\x01" + noise,
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + noise,
        ):
            try:
                exchange(node, data, half_close=True)
            except ConnectionError:
                continue

    @pytest.mark.parametrize(
        "head",
        [
            b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            b"GET  HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: many\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 300_000 + b"\r\n\r\n",
            b"GET /" + b"y" * 300_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ],
        ids=["bad-host", "no-target", "length-word", "length-minus", "long-header", "long-target"],
    )
    def test_requests_that_are_none(self, node: RunningNode, head: bytes) -> None:
        answer = exchange(node, head, half_close=True)
        assert answer == b"" or 400 <= parse(answer).status < 500, answer

    def test_headers_that_never_end_do_not_hold_others(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        held = [
            socket.create_connection(("127.0.0.1", int(node.url.rpartition(":")[2])), timeout=10) for _ in range(50)
        ]
        for connection in held:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: loc")
        assert call(node, "echo", 1) == 1
        for connection in held:
            connection.close()

    def test_a_caller_that_hangs_up_in_an_invoke_harms_nobody(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="gate")
        create_function(node, "gated", GATED)
        head = f"POST {FUNCTIONS}/gated/invocations HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}"
        with socket.create_connection(("127.0.0.1", int(node.url.rpartition(":")[2])), timeout=10) as connection:
            connection.sendall(head.encode())
            eventually(lambda: node.client("s3").list_objects_v2(Bucket="gate")["KeyCount"] == 1)
        node.client("s3").put_object(Bucket="gate", Key="open")
        assert call(node, "gated") == "through"
        eventually(lambda: node.admin("GET", "status")["fleet"]["idle"] >= 1)


GATED = """
import boto3, time
s3 = boto3.client("s3")

def handler(event, context):
    s3.put_object(Bucket="gate", Key="in")
    while s3.list_objects_v2(Bucket="gate", Prefix="open")["KeyCount"] == 0:
        time.sleep(0.01)
    return "through"
"""

DOORS = [
    ("GET /_yobu/nowhere", b"", 404),
    ("GET /_yobu/reset", b"", 405),
    ("POST /_yobu/reset", b"{", 400),
    ("POST /_yobu/reset", b"[]", 400),
    ("GET /_yobu/usage?limit=many", b"", 400),
    ("GET /_yobu/bill?by=moon", b"", 400),
    ("GET /_yobu/bill?since=soon", b"", 400),
    ("GET /_yobu/bill?since=1d&until=2d", b"", 400),
    ("GET /_yobu/bill?account=1", b"", 400),
    ("GET /_yobu/logs", b"", 400),
    ("GET /_yobu/logs?group=x&limit=many", b"", 400),
]


@pytest.mark.parametrize(("request_line", "body", "expected"), DOORS)
def test_admin_doors(node: RunningNode, request_line: str, body: bytes, expected: int) -> None:
    node.client("s3").create_bucket(Bucket="stays")
    reply = send(node, request_line, {}, body)
    assert reply.status == expected
    assert json.loads(reply.body)["error"]
    assert len(node.client("s3").list_buckets()["Buckets"]) == 1


def test_the_whole_is_still_well(node: RunningNode) -> None:
    create_function(node, "echo", ECHO)
    text = base64.b64encode(random.Random(1).randbytes(1000)).decode()
    assert call(node, "echo", text) == text
    assert status(refusal(node.client("lambda").invoke, FunctionName="nobody")) == 404
