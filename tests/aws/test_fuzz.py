"""Whatever comes in, only AwsErrors come out."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.aws import sigv4
from yobu.aws.http import Request
from yobu.aws.refusals import Refusal, error
from yobu.aws.service import Catalogue, Service
from yobu.base.errors import AwsError

NAMES = ("s3", "lambda", "dynamodb", "sqs", "iam", "logs", "cloudwatch")


@cache
def service(name: str) -> Service:
    return Catalogue().service(name)


words = st.sampled_from(
    ["list-type", "uploads", "uploadId", "partNumber", "max-keys", "x-id", "acl", "Qualifier", "MaxItems", "Action",
     "CreateRole", "Tags.member.1.Key", "Tags", "%", "%zz", "%00", "=", "&", "2", "é", "X-Amz-Algorithm"]
)  # fmt: skip
paths = st.lists(
    st.sampled_from(
        ["", "b", "k", "..", "%2F", "%ff", "2015-03-31", "functions", "f", "invocations", "service", "x y"]
    ),
    max_size=6,
).map(lambda parts: "/" + "/".join(parts))
headers = st.lists(
    st.tuples(
        st.sampled_from(
            ["x-amz-target", "content-length", "x-amz-meta-a", "if-modified-since", "x-amz-copy-source", "range",
             "x-amz-object-lock-retain-until-date", "smithy-protocol", "x-amz-tagging-count", "authorization",
             "x-amz-date", "x-amz-content-sha256"]
        ),
        st.text(st.characters(max_codepoint=255), max_size=12)
        | st.sampled_from(["DynamoDB_20120810.PutItem", "rpc-v2-cbor", "-1", "AWS4-HMAC-SHA256 Credential=a/b/c/d/e"]),
    ),
    max_size=4,
)  # fmt: skip
requests = st.builds(
    Request,
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
    paths,
    st.lists(words, max_size=6).map("".join),
    headers,
)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["TableName", "Item", "S", "N", "B", "M", "L", "BOOL", "Code", "ZipFile", "Timeout"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())
elements = st.recursive(
    st.text(st.characters(max_codepoint=300), max_size=5),
    lambda inner: st.tuples(
        st.sampled_from(["Delete", "Object", "Key", "Quiet", "Tagging", "TagSet", "Tag", "Rule", "Days", "Date"]),
        st.lists(inner, max_size=3),
    ).map(lambda pair: f"<{pair[0]}>{''.join(pair[1])}</{pair[0]}>"),
    max_leaves=10,
).map(str.encode)
bodies = st.binary(max_size=60) | documents | elements | st.lists(words, max_size=8).map("".join).map(str.encode)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(NAMES), requests, bodies)
def test_routing(name: str, request: Request, body: bytes) -> None:
    wire = service(name)
    try:
        operation = wire.route(request, body)
        params: dict[str, Any] = wire.parse(operation, request, body)
    except AwsError as failure:
        wire.error(failure, None, "r", request)
    else:
        wire.constraints(operation, params)


OPERATIONS = [
    ("s3", "DeleteObjects", "/b"),
    ("s3", "PutBucketLifecycleConfiguration", "/b"),
    ("s3", "PutObject", "/b/k"),
    ("lambda", "CreateFunction", "/2015-03-31/functions"),
    ("lambda", "Invoke", "/2015-03-31/functions/f/invocations"),
    ("dynamodb", "PutItem", "/"),
    ("dynamodb", "CreateTable", "/"),
    ("sqs", "SendMessage", "/"),
    ("iam", "CreateRole", "/"),
    ("logs", "PutLogEvents", "/"),
    ("cloudwatch", "PutMetricData", "/"),
]


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(OPERATIONS), st.lists(words, max_size=6).map("".join), headers, bodies)
def test_parsing(chosen: tuple[str, str, str], query: str, given_headers: list[tuple[str, str]], body: bytes) -> None:
    name, operation, path = chosen
    wire = service(name)
    request = Request("POST", path, query, given_headers)
    try:
        params = wire.parse(operation, request, body)
    except AwsError as failure:
        wire.error(failure, operation, "r", request)
    else:
        wire.constraints(operation, params)


@settings(max_examples=300, deadline=None)
@given(requests)
def test_signatures(request: Request) -> None:
    found = sigv4.read(request)
    if isinstance(found, sigv4.Signature):
        payload = sigv4.payload_hash(found, b"")
        found = payload if isinstance(payload, Refusal) else sigv4.Verifier().verify(found, request, "s", payload, 0.0)
        assert found is not None, "nobody signs by chance"
    if isinstance(found, Refusal):
        assert error(found, "s3", "rest-xml").code
        assert error(found, "iam", "query").code
