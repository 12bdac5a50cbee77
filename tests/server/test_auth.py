"""Who may come in: `--auth`, its refusals in each kind of service's words, and web pages without it."""

from __future__ import annotations

import hashlib
import json
import re
from urllib.parse import quote

import pytest

from yobu.aws import sigv2, sigv4
from yobu.aws.http import Request
from yobu.base.clock import Clock
from yobu.server.auth import is_loopback

SECRET = "secret"
KEY = "AKIAEXAMPLE"


def signed(port, service, method="GET", path="/", body=b"", headers=(), **more):
    """Headers of a signed request. `key`, `secret`, `token`, `region`, `age_s` as needed."""
    target, _, query = path.partition("?")
    request = Request(method, target, query, [("host", f"localhost:{port}"), *headers])
    who = sigv4.Identity(
        more.get("key", KEY), more.get("secret", SECRET), more.get("region", "us-east-1"), service, more.get("token")
    )
    now = Clock().real() - more.get("age_s", 0)
    sigv4.sign(request, who, now, more.get("payload") or hashlib.sha256(body).hexdigest())
    return [(name, value) for name, value in request.headers if name != "host"]


def dynamodb_headers():
    return [("x-amz-target", "DynamoDB_20120810.ListTables"), ("content-type", "application/x-amz-json-1.0")]


async def send(ask, port, service, method, path, body, headers, **more):
    headers = signed(port, service, method, path, body, headers, **more)
    return await ask(port, method, path, headers, body, host=f"localhost:{port}")


@pytest.fixture
async def guarded(door):
    """A door with --auth and one key."""
    house = await door(auth=True)
    house.principals.add(KEY, SECRET)
    house.room.answers.update(
        {
            "ListTables": {"TableNames": []},
            "ListBuckets": {"Buckets": []},
            "GetCallerIdentity": {"Account": "0"},
            "ListFunctions": {"Functions": []},
        }
    )
    return house


CALLS = {
    "s3": ("GET", "/", b"", ()),
    "dynamodb": ("POST", "/", b"{}", dynamodb_headers()),
    "sts": (
        "POST",
        "/",
        b"Action=GetCallerIdentity&Version=2011-06-15",
        [("content-type", "application/x-www-form-urlencoded")],
    ),
    "lambda": ("GET", "/2015-03-31/functions/", b"", ()),
}


def code(said):
    found = re.search(rb"<Code>([^<]*)</Code>", said.body)
    if found:
        return found[1].decode()
    if "x-amzn-errortype" in said.headers:
        return said.headers["x-amzn-errortype"]
    return json.loads(said.body)["__type"].rpartition("#")[2]


@pytest.mark.parametrize("service", CALLS)
async def test_a_good_signature_comes_in(guarded, ask, service):
    method, path, body, headers = CALLS[service]
    said = await send(ask, guarded.bound.port, service, method, path, body, headers)
    assert said.status == 200, said.body
    assert guarded.room.calls[0][2].principal.kind == "root"


REFUSALS = [
    ("s3", {"key": "AKIAOTHER"}, 403, "InvalidAccessKeyId"),
    ("s3", {"secret": "wrong"}, 403, "SignatureDoesNotMatch"),
    ("s3", {"age_s": 3600}, 403, "RequestTimeTooSkewed"),
    ("s3", {"age_s": -3600}, 403, "RequestTimeTooSkewed"),
    ("s3", {"token": "unasked"}, 400, "InvalidToken"),
    ("dynamodb", {"key": "AKIAOTHER"}, 400, "UnrecognizedClientException"),
    ("dynamodb", {"secret": "wrong"}, 400, "InvalidSignatureException"),
    ("dynamodb", {"age_s": 3600}, 400, "InvalidSignatureException"),
    ("dynamodb", {"token": "unasked"}, 400, "UnrecognizedClientException"),
    ("sts", {"key": "AKIAOTHER"}, 403, "InvalidClientTokenId"),
    ("sts", {"secret": "wrong"}, 403, "SignatureDoesNotMatch"),
    ("lambda", {"key": "AKIAOTHER"}, 403, "UnrecognizedClientException"),
    ("lambda", {"secret": "wrong"}, 403, "InvalidSignatureException"),
]


@pytest.mark.parametrize(("service", "more", "status", "expected"), REFUSALS, ids=lambda value: str(value))
async def test_bad_signatures_are_refused_in_the_services_words(guarded, ask, service, more, status, expected):
    method, path, body, headers = CALLS[service]
    said = await send(ask, guarded.bound.port, service, method, path, body, headers, **more)
    assert (said.status, code(said)) == (status, expected)
    assert not guarded.room.calls


@pytest.mark.parametrize(
    ("service", "status", "expected"),
    [
        ("s3", 403, "AccessDenied"),
        ("dynamodb", 400, "MissingAuthenticationTokenException"),
        ("sts", 403, "MissingAuthenticationToken"),
        ("lambda", 403, "MissingAuthenticationTokenException"),
    ],
)
async def test_unsigned_requests_are_refused(guarded, ask, service, status, expected):
    method, path, body, headers = CALLS[service]
    said = await ask(guarded.bound.port, method, path, headers, body)
    assert (said.status, code(said)) == (status, expected)
    assert not guarded.room.calls


async def test_a_body_that_was_not_signed_is_refused(guarded, ask):
    port = guarded.bound.port
    headers = signed(port, "dynamodb", "POST", "/", b"{}", dynamodb_headers())
    said = await ask(port, "POST", "/", headers, b'{"Limit": 1}', host=f"localhost:{port}")
    assert (said.status, code(said)) == (400, "InvalidSignatureException")


async def test_a_scope_for_another_service_is_refused(guarded, ask):
    said = await send(ask, guarded.bound.port, "lambda", "POST", "/", b"{}", dynamodb_headers())
    assert (said.status, code(said)) == (400, "InvalidSignatureException")
    assert "Credential should be scoped to correct service: 'dynamodb'" in said.body.decode()


async def test_a_scope_for_another_region_than_the_hosts_is_refused(guarded, ask):
    host = "dynamodb.eu-west-1.amazonaws.com"
    request = Request("POST", "/", "", [("host", host), *dynamodb_headers()])
    sigv4.sign(request, sigv4.Identity(KEY, SECRET, "us-east-1", "dynamodb"), Clock().real(), sigv4.EMPTY_HASH)
    said = await ask(guarded.bound.port, "POST", "/", request.headers[1:], b"", host=host)
    assert "Credential should be scoped to a valid region" in said.body.decode()


async def test_temporary_keys_need_their_token_and_expire(guarded, ask):
    now = Clock().real()
    guarded.principals.add("ASIAFRESH", SECRET, session_token="token", expires=now + 60)
    guarded.principals.add("ASIAOLD", SECRET, session_token="token", expires=now - 1)

    async def call(service, **more):
        method, path, body, headers = CALLS[service]
        return await send(ask, guarded.bound.port, service, method, path, body, headers, **more)

    assert (await call("dynamodb", key="ASIAFRESH", token="token")).status == 200
    assert code(await call("dynamodb", key="ASIAFRESH")) == "UnrecognizedClientException"
    assert code(await call("dynamodb", key="ASIAFRESH", token="other")) == "UnrecognizedClientException"
    assert code(await call("dynamodb", key="ASIAOLD", token="token")) == "ExpiredTokenException"
    assert code(await call("sts", key="ASIAOLD", token="token")) == "ExpiredToken"
    assert code(await call("s3", key="ASIAOLD", token="token")) == "ExpiredToken"


async def test_a_refused_upload_is_refused_before_its_body(guarded, connect):
    port = guarded.bound.port
    reader, writer = await connect(port)
    headers = signed(port, "s3", "PUT", "/bucket/key", secret="wrong", payload=sigv4.UNSIGNED)
    lines = [f"{name}: {value}" for name, value in headers]
    head = ["PUT /bucket/key HTTP/1.1", f"host: localhost:{port}", "expect: 100-continue", "content-length: 5", *lines]
    writer.write("\r\n".join(head).encode() + b"\r\n\r\n")
    answer = await reader.read(-1)  # the connection is closed: what would follow could be body or request
    assert answer.startswith(b"HTTP/1.1 403") and b"connection: close" in answer
    assert b"SignatureDoesNotMatch" in answer


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20250101/us-east-1/dynamodb/aws4_request",
        "AWS AKIAEXAMPLE:c2lnbmF0dXJl",
        "Bearer token",
        "\xff\xfe",
    ],
)
async def test_malformed_signatures_are_refused_with_auth_and_taken_without(guarded, door, ask, authorization):
    headers = [*dynamodb_headers(), ("authorization", authorization)]
    said = await ask(guarded.bound.port, "POST", "/", headers, b"{}")
    assert said.status == 400 and b"Exception" in said.body
    house = await door()
    house.room.answers["ListTables"] = {"TableNames": []}
    assert (await ask(house.bound.port, "POST", "/", headers, b"{}")).status == 200


async def test_dummy_credentials_still_tell_region_and_account(door, ask):
    house = await door()
    house.room.answers["ListTables"] = {"TableNames": []}
    dummy = "AWS4-HMAC-SHA256 Credential=123456789012/20200101/ap-south-1/dynamodb/aws4_request, Signature=x"
    said = await ask(house.bound.port, "POST", "/", [*dynamodb_headers(), ("authorization", dummy)], b"{}")
    assert said.status == 200
    assert (house.room.calls[0][2].account, house.room.calls[0][2].region) == ("123456789012", "ap-south-1")


async def test_without_auth_a_known_key_still_stands_for_its_owner(door, ask):
    house = await door()
    house.principals.add("ASIAFUNCTION", "x", session_token="t", environment="env-1")
    house.room.answers["ListTables"] = {"TableNames": []}
    await send(ask, house.bound.port, "dynamodb", "POST", "/", b"{}", dynamodb_headers(), key="ASIAFUNCTION")
    assert house.room.calls[0][2].source_environment == "env-1"


# Web pages


@pytest.mark.parametrize("path", ["/_yobu/door", "/bucket/key", "/2015-03-31/functions/f/invocations"])
@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("127.0.0.1", [("origin", "https://evil.example")]),
        ("localhost", [("origin", "http://localhost.evil.example:4566")]),
        ("localhost", [("origin", "http://evil-localhost")]),
        ("localhost", [("origin", "null")]),
        ("evil.example", []),
        ("evil.example:4566", [("origin", "http://evil.example:4566")]),
        ("127.0.0.1.evil.example", []),
        ("evil.amazonaws.com.evil.example", []),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_pages_of_other_sites_reach_nothing_without_a_signature(door, ask, path, host, headers):
    house = await door()
    called = []
    for method in ("GET", "POST"):
        house.admin.add(method, "door", called.append)
    house.room.answers["GetObject"] = {"Body": b"x"}
    house.room.answers["Invoke"] = {"StatusCode": 200}
    for method in ("GET", "POST"):
        said = await ask(house.bound.port, method, path, headers, host=host)
        assert said.status == 403, said
    assert not called and not house.room.calls


async def test_a_page_that_presigns_for_itself_is_refused_too(door, ask):
    house = await door()
    house.room.answers["GetObject"] = {"Body": b"x"}
    credential = quote("test/20250101/us-east-1/s3/aws4_request", safe="")
    path = f"/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Signature=0"
    said = await ask(house.bound.port, "GET", path, [("origin", "https://evil.example")])
    assert said.status == 403 and b"https://evil.example" in said.body


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4566",
        "[::1]:4566",
        "localhost",
        "LOCALHOST:1",
        "bucket.s3.localhost:4566",
        "s3.eu-west-1.amazonaws.com",
        "yobu:4566",
        "host.docker.internal:4566",
        "aws.test",
        "s3.localhost.localstack.cloud:4566",
        "10.0.0.7",
        "localhost.",
    ],
)
async def test_names_of_this_machine_are_served(door, ask, host):
    house = await door()
    house.room.answers["GetObject"] = {"Body": b"x", "ContentLength": 1}
    headers = [("origin", "http://localhost:3000")]
    assert (await ask(house.bound.port, "GET", "/bucket/key", headers, host=host)).status == 200


@pytest.mark.parametrize("host", ["a,b", "a b", "exa mple", "http://x", "[::1", "x:port"])
async def test_what_is_no_host_is_answered_400(door, ask, host):
    house = await door()
    assert (await ask(house.bound.port, "GET", "/bucket/key", host=host)).status == 400


@pytest.mark.parametrize(
    ("peer", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_what_is_of_this_machine(peer, here):
    assert is_loopback(peer) is here


@pytest.mark.parametrize(("secret", "status"), [(SECRET, 200), ("other", 403)])
async def test_an_older_presigned_url_opens_s3(guarded, ask, secret, status):
    query = older_url("GET", "/", [], secret)
    assert (await ask(guarded.bound.port, "GET", f"/?{query}")).status == status


async def test_an_older_presigned_url_opens_nothing_but_s3(guarded, ask):
    headers = dynamodb_headers()
    query = older_url("POST", "/", headers, SECRET)
    said = await ask(guarded.bound.port, "POST", f"/?{query}", headers, b"{}")
    assert (said.status, code(said)) == (400, "InvalidSignatureException")


def older_url(method, path, headers, secret):
    expires = int(Clock().real()) + 60
    query = f"AWSAccessKeyId={KEY}&Expires={expires}&Signature="
    claimed = sigv2.read(Request(method, path, query + "x", headers))
    signature = sigv2.sign(sigv2.string_to_sign(claimed, Request(method, path, query, headers)), secret)
    return query + quote(signature, safe="")
