"""Every operation of the services that are built or next: botocore's client code against ours, in both directions."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.awsrequest import HeadersDict, create_request_object, prepare_request_dict
from botocore.loaders import Loader
from botocore.model import ServiceModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from yobu.aws.http import Request
from yobu.aws.service import Catalogue, Service

TEXTS = ["x", "a b", "Üñí/ø+%&=?", "<&>\"'", "1", "true", "line\nnext", "日本"]
WORDS = ["x", "a-b", "value", "x.y_z", "1", "arn:aws:x:y"]
DEEP = 5


class Maker:
    """Makes one value after another from a seed; `full` gives every member, otherwise about half of the optional."""

    def __init__(self, seed: int, full: bool) -> None:
        self._random = Random(seed)
        self._full = full

    def make(self, shape: Shape, depth: int = 0) -> Any:
        """A value that any protocol carries unchanged."""
        located = shape.serialization.get("location") is not None or shape.serialization.get("xmlAttribute")
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, depth)
        if kind == "list":
            member = shape.member
            if located and member.type_name in ("string", "timestamp"):
                return [self.make(member, depth + 1) if member.type_name == "timestamp" else "w1", *self._words(member)]
            return [self.make(member, depth + 1) for _ in range(2)]
        if kind == "map":
            keys = shape.key.enum or (["k1", "k2"] if located else ["k1", "k 2", "ключ"])
            return {key: "v" if located else self.make(shape.value, depth + 1) for key in keys[:2]}
        if kind == "string":
            return self._random.choice(shape.enum or (WORDS if located else TEXTS))
        return self._scalar(kind)

    def _words(self, member: Shape) -> list[str]:
        # botocore's parser does not undo the quotes of list items.
        return [] if member.type_name == "timestamp" else ["w2"]

    def _scalar(self, kind: str) -> Any:
        if kind == "boolean":
            return self._random.random() < 0.5
        if kind == "blob":
            return self._random.choice([b"plain", b"two\nlines", b"{}"])
        if kind == "timestamp":
            return datetime.fromtimestamp(self._random.randrange(2**31), UTC)
        if kind in ("float", "double", "bigdecimal"):
            return self._random.choice([0.5, -1.25, 3.0, 1e20])
        return self._random.choice([0, 1, -7, 2**31 - 1])

    def _structure(self, shape: Shape, depth: int) -> Any:
        if shape.is_document_type:
            return {"any": ["thing", 1]}
        names = [name for name, member in shape.members.items() if not member.serialization.get("eventstream")]
        if shape.is_tagged_union or (shape.name == "AttributeValue"):
            # Near the ground a member that does not nest.
            plain = [n for n in names if shape.members[n].type_name not in ("structure", "list", "map")]
            names = [self._random.choice((plain or names) if depth > DEEP else names)]
        elif depth > DEEP:
            names = [n for n in names if n in shape.required_members]
        elif not self._full:
            names = [n for n in names if n in shape.required_members or self._random.random() < 0.5]
        if depth > 4 * DEEP:
            return {}
        return {name: self.make(shape.members[name], depth + 1) for name in names}


def plain(value: Any) -> Any:
    """A value in the form in which two sides compare: seconds for times, no empty containers."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        found = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in found.items() if item not in ({}, [], None)}
    if isinstance(value, list):
        return [item for item in map(plain, value) if item != {}]
    return value


SERVICES = ("s3", "lambda", "dynamodb", "dynamodbstreams", "sqs", "sns", "logs", "iam", "sts", "kinesis", "cloudwatch")


@cache
def service(name: str) -> Service:
    return Catalogue().service(name)


@cache
def theirs(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


# Operations that share method, path and query with the one that is taken.
TWINS = {
    ("s3", "GetBucketLifecycle"): "GetBucketLifecycleConfiguration",
    ("s3", "GetBucketNotification"): "GetBucketNotificationConfiguration",
    ("s3", "ListDirectoryBuckets"): "ListBuckets",
    ("s3", "PutBucketLifecycle"): "PutBucketLifecycleConfiguration",
    ("s3", "PutBucketNotification"): "PutBucketNotificationConfiguration",
}
UNREAD = {
    "GetBucketLocation": "botocore reads its root in a handler: test_service.py",
    "GetBucketNotification": "two members of one name, never sent",
    "PutBucketNotification": "two members of one name, never sent",
}
OPERATIONS = [(name, operation) for name in SERVICES for operation in service(name).model.operation_names]


def sent(wire: Service, operation: str, params: dict[str, Any]) -> tuple[Request, bytes]:
    """A client's request as a server sees it."""
    model = theirs(wire.name).operation_model(operation)
    request = create_serializer(wire.protocol, False).serialize_to_request(params, model)
    prepare_request_dict(request, endpoint_url="http://127.0.0.1:4566", context={})
    prepared = create_request_object(request).prepare()
    url = urlsplit(prepared.url)
    headers = [
        (name.lower(), value.decode() if isinstance(value, bytes) else str(value))
        for name, value in prepared.headers.items()
    ]
    body = prepared.body or b""
    return Request(prepared.method, url.path, url.query, headers), body if isinstance(body, bytes) else body.encode()


def check_input(name: str, operation: str, maker: Maker) -> None:
    wire = service(name)
    shape = theirs(name).operation_model(operation).input_shape
    if operation in UNREAD and operation.startswith("Put"):
        pytest.skip(UNREAD[operation])
    params = maker.make(shape) if shape is not None else {}
    request, body = sent(wire, operation, params)
    assert wire.route(request, body) == TWINS.get((name, operation), operation)
    parsed = wire.parse(operation, request, body)
    for member in parsed.keys() - params.keys():
        # What a client sends by itself, and the stream that is always there.
        assert member == "ContentLength" or parsed[member] in (b"", {})
        del parsed[member]
    assert plain(parsed) == plain(params)
    wire.constraints(operation, params)


def check_output(name: str, operation: str, maker: Maker) -> None:
    wire = service(name)
    model = theirs(name).operation_model(operation)
    shape = model.output_shape
    if model.has_event_stream_output or operation in UNREAD:
        pytest.skip(UNREAD.get(operation, "streams of events: test_eventstream.py"))
    output = maker.make(shape) if shape is not None else {}
    headers = [("smithy-protocol", "rpc-v2-cbor")] if "cbor" in wire.protocol else []
    response = wire.serialise(operation, output, "request-id", Request(model.http["method"], "/", "", headers))
    assert isinstance(response.body, bytes)
    heard: dict[str, Any] = {"status_code": 200, "headers": HeadersDict(response.headers), "body": response.body}
    if response.length is not None:
        heard["headers"]["content-length"] = str(response.length)
    parsed = create_parser(wire.protocol).parse(heard, shape)
    assert parsed.pop("ResponseMetadata", {}).get("RequestId", "request-id") == "request-id"
    for member, value in list(parsed.items()):
        if shape.members[member].serialization.get("location") == "statusCode":
            assert response.status == output.pop(member, 200)
            del parsed[member]
        elif member not in output:
            assert member == "ContentType" or not value  # there is always one, and a body
            del parsed[member]
        elif isinstance(output[member], bytes) and isinstance(value, str):
            parsed[member] = value.encode()
    assert plain(parsed) == plain(output)


@pytest.mark.parametrize(("name", "operation"), OPERATIONS)
class TestEveryOperation:
    def test_input(self, name: str, operation: str) -> None:
        check_input(name, operation, Maker(len(operation), full=True))
        check_input(name, operation, Maker(len(operation), full=False))

    def test_output(self, name: str, operation: str) -> None:
        check_output(name, operation, Maker(len(operation), full=True))
        check_output(name, operation, Maker(len(operation), full=False))


MANY = ["s3:PutObject", "s3:PutBucketLifecycleConfiguration", "lambda:CreateFunction", "dynamodb:TransactWriteItems"]
MANY += ["sqs:SendMessageBatch", "iam:CreateRole", "cloudwatch:PutMetricData", "logs:PutLogEvents"]


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(MANY), st.integers(0, 2**32))
def test_many_inputs(name: str, seed: int) -> None:
    check_input(*name.split(":"), Maker(seed, full=False))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        ["s3:ListObjectsV2", "lambda:GetFunction", "dynamodb:Query", "iam:GetRole", "cloudwatch:GetMetricData"]
    ),
    st.integers(0, 2**32),
)
def test_many_outputs(name: str, seed: int) -> None:
    check_output(*name.split(":"), Maker(seed, full=False))
