"""Errors as each protocol puts them on the wire."""

from __future__ import annotations

from functools import cache
from zlib import crc32

import msgspec
import pytest
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from yobu.aws.http import Request, Response
from yobu.aws.service import Catalogue, Service
from yobu.base.errors import AwsError


@cache
def service(name: str) -> Service:
    return Catalogue().service(name)


GET = Request("GET", "/bucket/key", "", [])
TARGET = Request("POST", "/", "", [("x-amz-target", "Any.Operation")])


def error(name: str, failure: AwsError, request: Request = TARGET) -> Response:
    return service(name).error(failure, None, "request-id", request)


def body(response: Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


@pytest.mark.parametrize(
    ("code", "message", "kind", "key"),
    [
        ("ResourceNotFoundException", "gone", "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "message"),
        ("ConditionalCheckFailedException", "no", "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
         "message"),
        ("TransactionCanceledException", "no", "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
         "Message"),
        ("ValidationException", "bad", "com.amazon.coral.validate#ValidationException", "message"),
        ("SerializationException", "bad", "com.amazon.coral.service#SerializationException", "Message"),
        ("UnrecognizedClientException", "who", "com.amazon.coral.service#UnrecognizedClientException", "message"),
        ("AccessDeniedException", "no", "com.amazon.coral.service#AccessDeniedException", "Message"),
    ],
)  # fmt: skip
def test_dynamodb(code: str, message: str, kind: str, key: str) -> None:
    response = error("dynamodb", AwsError(code, message))
    assert msgspec.json.decode(body(response)) == {"__type": kind, key: message}
    assert response.status == 400
    assert dict(response.headers) == {
        "x-amzn-requestid": "request-id",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-crc32": str(crc32(body(response))),
    }


def test_an_empty_message_is_left_out() -> None:
    # The body that DynamoDB sends, to the byte: its checksum is known from the service.
    response = error("dynamodb", AwsError("UnknownOperationException", ""))
    assert body(response) == b'{"__type":"com.amazon.coral.service#UnknownOperationException"}'
    assert ("x-amz-crc32", "1368724161") in response.headers


def test_members_of_a_json_error() -> None:
    reasons = [{"Code": "None"}, {"Code": "ConditionalCheckFailed", "Item": {"a": {"B": b"x"}}}]
    failure = AwsError("TransactionCanceledException", "m", members={"CancellationReasons": reasons})
    decoded = msgspec.json.decode(body(error("dynamodb", failure)))
    assert decoded["CancellationReasons"][1] == {"Code": "ConditionalCheckFailed", "Item": {"a": {"B": "eA=="}}}


@pytest.mark.parametrize("code", ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"])
def test_query_compatible_json(code: str) -> None:
    # SQS's older code stands in the header, the shape's name in the body; an error may be called by either.
    response = error("sqs", AwsError(code, "The specified queue does not exist."))
    assert msgspec.json.decode(body(response)) == {
        "__type": "com.amazonaws.sqs#QueueDoesNotExist",
        "message": "The specified queue does not exist.",
    }
    assert ("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender") in response.headers
    unmodelled = error("sqs", AwsError("InvalidParameterValue", "bad"))
    assert ("x-amzn-query-error", "InvalidParameterValue;Sender") in unmodelled.headers
    parsed = create_parser("json").parse(
        {"status_code": 400, "headers": HeadersDict(response.headers), "body": body(response)}, None
    )
    assert parsed["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue", "what boto3 shows"


def test_faults_of_the_service() -> None:
    response = error("dynamodb", AwsError("InternalServerError", "oops"))
    assert response.status == 500


def test_rest_json() -> None:
    failure = AwsError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        429,
        members={
            "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
            "Type": "User",
            "retryAfterSeconds": "1",
        },
    )
    response = error("lambda", failure, GET)
    assert response.status == 429
    headers = dict(response.headers)
    assert headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert headers["retry-after"] == "1"
    assert msgspec.json.decode(body(response)) == {
        "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded",
        "Type": "User",
        "message": "Rate Exceeded.",
    }
    assert error("lambda", AwsError("ResourceConflictException", "exists"), GET).status == 409, "the model's status"
    assert error("lambda", AwsError("ServiceException", "m", 500), GET).status == 500


def test_s3() -> None:
    failure = AwsError("NoSuchKey", "The specified key does not exist.", 404, members={"Key": 'a&b<"c">\x01'})
    response = error("s3", failure, GET)
    headers = dict(response.headers)
    assert headers["x-amz-request-id"] == "request-id"
    assert headers["content-type"] == "application/xml"
    parsed = create_parser("rest-xml").parse(
        {"status_code": 404, "headers": HeadersDict(response.headers), "body": body(response).replace(b"&#x1;", b"")},
        None,
    )
    assert parsed["Error"] == {
        "Code": "NoSuchKey",
        "Message": "The specified key does not exist.",
        "Key": 'a&b<"c">',
    }
    assert parsed["ResponseMetadata"]["RequestId"] == "request-id"
    assert parsed["ResponseMetadata"]["HostId"] == headers["x-amz-id-2"]
    assert b"<Resource>/bucket/key</Resource>" in body(error("s3", AwsError("AccessDenied", "Access Denied", 403), GET))


@pytest.mark.parametrize(("method", "status"), [("HEAD", 404), ("GET", 304)])
def test_s3_without_a_body(method: str, status: int) -> None:
    response = error("s3", AwsError("NotModified", "Not Modified", status), Request(method, "/b/k", "", []))
    assert (response.status, response.body) == (status, b"")
    assert not any(name == "content-type" for name, _ in response.headers)


def test_query() -> None:
    response = error("iam", AwsError("NoSuchEntityException", "The role with name x cannot be found."))
    assert response.status == 404
    assert body(response) == (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        b"<Code>NoSuchEntity</Code><Message>The role with name x cannot be found.</Message></Error>"
        b"<RequestId>request-id</RequestId></ErrorResponse>"
    )
    assert b"<Code>NoSuchEntity</Code>" in body(error("iam", AwsError("NoSuchEntity", "x"))), "by its wire code too"
    internal = body(error("sts", AwsError("InternalFailure", "oops", 500)))
    assert b"<Type>Receiver</Type>" in internal


def test_cbor() -> None:
    request = Request("POST", "/service/x/operation/y", "", [("smithy-protocol", "rpc-v2-cbor")])
    response = error("cloudwatch", AwsError("ResourceNotFoundException", "gone", members={"ResourceId": "r"}), request)
    parsed = create_parser("smithy-rpc-v2-cbor").parse(
        {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}, None
    )
    assert parsed["Error"]["Code"] == "ResourceNotFoundException"
    assert parsed["Error"]["Message"] == "gone"


def test_extra_headers() -> None:
    failure = AwsError("SlowDown", "Please reduce your request rate.", 503, headers={"retry-after": "3"})
    for name in ("s3", "iam", "lambda", "dynamodb"):
        assert ("retry-after", "3") in error(name, failure, GET).headers
