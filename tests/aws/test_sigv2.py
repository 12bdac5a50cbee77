"""S3's older presigned URLs, checked against botocore's own signer."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from yobu.aws import sigv2
from yobu.aws.http import Request
from yobu.aws.refusals import Reason, Refusal
from yobu.aws.sigv4 import Signature

SECRET, NOW = "secret", 1_700_000_000.0


def presign(method: str, url: str, headers: dict[str, str] | None = None, token: str | None = None) -> Request:
    """A request with a URL that botocore has signed for a minute, sent with these headers."""
    request = AWSRequest(method, url, dict(headers or {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("botocore.auth.time.time", lambda: NOW)
        HmacV1QueryAuth(Credentials("AKIAME", SECRET, token), expires=60).add_auth(request)
    parts = urlsplit(request.url)
    return Request(method, parts.path, parts.query, [(name.lower(), value) for name, value in (headers or {}).items()])


def read(request: Request) -> Signature:
    found = sigv2.read(request)
    assert isinstance(found, Signature)
    return found


@pytest.mark.parametrize(
    ("method", "path", "more"),
    [
        ("GET", "/docs/a%20b%2Bc.txt", {}),
        ("PUT", "/docs/k", {"headers": {"Content-Type": "text/plain"}}),
        ("PUT", "/docs/k", {"headers": {"x-amz-meta-by": "me", "x-amz-acl": "private"}}),
        ("GET", "/docs/k?versionId=a%2Fb&other=1", {}),
        ("GET", "/docs/k?response-content-disposition=attachment%3B%20filename%3D%22x%22", {}),
        ("PUT", "/docs/k?uploadId=u&partNumber=1", {}),
        ("GET", "/docs?uploads", {}),
        ("GET", "/docs/k", {"token": "a+b/c=="}),
    ],
)
def test_what_botocore_signs_is_good_until_it_expires(method: str, path: str, more: dict[str, Any]) -> None:
    request = presign(method, f"http://127.0.0.1{path}", **more)
    assert sigv2.presigned(request)
    signature = read(request)
    assert (signature.access_key, signature.token) == ("AKIAME", more.get("token"))
    assert sigv2.verify(signature, request, SECRET, NOW + 60) is None
    late = sigv2.verify(signature, request, SECRET, NOW + 61)
    assert late is not None
    assert late.reason is Reason.V2_EXPIRED
    wrong = sigv2.verify(signature, request, "other", NOW)
    assert wrong is not None
    assert wrong.reason is Reason.MISMATCH


@pytest.mark.parametrize(
    "change",
    [
        {"method": "DELETE"},
        {"path": "/docs/other"},
        {"query": "&uploads"},
        {"headers": [("x-amz-acl", "public-read")]},
        {"headers": [("content-type", "text/html")]},
    ],
)
def test_nothing_that_is_signed_can_be_changed(change: dict[str, Any]) -> None:
    signed = presign("GET", "http://127.0.0.1/docs/k")
    sent = Request(
        change.get("method", signed.method),
        change.get("path", signed.path),
        signed.query + change.get("query", ""),
        change.get("headers", signed.headers),
    )
    refusal = sigv2.verify(read(sent), sent, SECRET, NOW)
    assert refusal is not None
    assert refusal.reason is Reason.MISMATCH


def test_the_expiry_is_signed_too() -> None:
    signed = presign("GET", "http://127.0.0.1/docs/k")
    sent = Request("GET", signed.path, signed.query.replace(f"{NOW + 60:.0f}", f"{NOW + 600:.0f}"), [])
    assert sigv2.verify(read(sent), sent, SECRET, NOW) is not None


@pytest.mark.parametrize(
    "query",
    [
        "AWSAccessKeyId=A&Signature=x",
        "AWSAccessKeyId=A&Signature=x&Expires=soon",
        "AWSAccessKeyId=&Signature=x&Expires=1",
        "AWSAccessKeyId=A&Signature=x&Expires=-1",
    ],
)
def test_what_is_not_whole_is_refused(query: str) -> None:
    found = sigv2.read(Request("GET", "/docs/k", query, []))
    assert isinstance(found, Refusal)
    assert found.reason is Reason.V2_INCOMPLETE


def test_only_one_signature_may_be_given() -> None:
    found = sigv2.read(Request("GET", "/docs/k", "AWSAccessKeyId=A&Signature=x&Expires=1", [("authorization", "x")]))
    assert isinstance(found, Refusal)
    assert found.reason is Reason.TWO_SIGNATURES
