"""Requests as clients send them, through a whole Service and back."""

from __future__ import annotations

import json

import pytest

from yobu.aws.http import Answer, Request
from yobu.aws.service import Catalogue
from yobu.base.errors import AwsError


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def request(method: str, path: str, query: str = "", **headers: str) -> Request:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, path, query, pairs)


PUT_ITEM = request("POST", "/", x_amz_target="DynamoDB_20120810.PutItem")


def test_dynamodb_put_item(catalogue: Catalogue) -> None:
    service = catalogue.service("dynamodb")
    item = b'{"id":{"S":"a"},"n":{"N":"1"},"b":{"B":"aGk="},"l":{"L":[{"M":{"x":{"BOOL":true}}}]}}'
    body = b'{"TableName":"t","Item":' + item + b',"Expected":null}'
    assert service.route(PUT_ITEM, body) == "PutItem"
    assert service.parse("PutItem", PUT_ITEM, body) == {
        "TableName": "t",
        "Item": {"id": {"S": "a"}, "n": {"N": "1"}, "b": {"B": b"hi"}, "l": {"L": [{"M": {"x": {"BOOL": True}}}]}},
    }


def test_dynamodb_answers_with_a_checksum(catalogue: Catalogue) -> None:
    response = catalogue.service("dynamodb").serialise("PutItem", {"Attributes": {"b": {"B": b"hi"}}}, "r1", PUT_ITEM)
    assert response.body == b'{"Attributes":{"b":{"B":"aGk="}}}'
    assert ("x-amzn-requestid", "r1") in response.headers
    assert ("content-type", "application/x-amz-json-1.0") in response.headers
    assert any(name == "x-amz-crc32" for name, _ in response.headers)


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "operation"),
    [
        ("GET", "/", "", {}, "ListBuckets"),
        ("GET", "/", "x-id=ListDirectoryBuckets", {}, "ListDirectoryBuckets"),
        ("GET", "/b", "", {}, "ListObjects"),
        ("GET", "/b/", "", {}, "ListObjects"),
        ("GET", "/b", "list-type=2", {}, "ListObjectsV2"),
        ("GET", "/b", "notification", {}, "GetBucketNotificationConfiguration"),
        ("GET", "/b", "notification=", {}, "GetBucketNotificationConfiguration"),
        ("GET", "/b", "lifecycle", {}, "GetBucketLifecycleConfiguration"),
        ("GET", "/b", "metrics", {}, "ListBucketMetricsConfigurations"),
        ("GET", "/b", "metrics&id=m", {}, "GetBucketMetricsConfiguration"),
        ("GET", "/b/k", "", {}, "GetObject"),
        ("GET", "/b/k", "x-id=GetObject&versionId=1", {}, "GetObject"),
        ("GET", "/b/k", "uploadId=u&x-id=ListParts", {}, "ListParts"),
        ("GET", "/b/k", "tagging", {}, "GetObjectTagging"),
        ("HEAD", "/b/k/", "", {}, "HeadObject"),
        ("HEAD", "/b", "", {}, "HeadBucket"),
        ("PUT", "/b", "", {}, "CreateBucket"),
        ("PUT", "/b/k", "x-id=PutObject", {}, "PutObject"),
        ("PUT", "/b/k", "", {"x_amz_copy_source": "/a/b"}, "CopyObject"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {}, "UploadPart"),
        ("PUT", "/b/k", "partNumber=1&uploadId=u", {"x_amz_copy_source": "/a/b"}, "UploadPartCopy"),
        ("POST", "/b/k", "uploads", {}, "CreateMultipartUpload"),
        ("POST", "/b/k", "uploadId=u", {}, "CompleteMultipartUpload"),
        ("POST", "/b", "delete", {}, "DeleteObjects"),
        ("POST", "/b/k", "select&select-type=2", {}, "SelectObjectContent"),
        ("DELETE", "/b/k", "", {}, "DeleteObject"),
        ("DELETE", "/b/k", "uploadId=u", {}, "AbortMultipartUpload"),
    ],
)
def test_s3_routes(
    catalogue: Catalogue, method: str, path: str, query: str, headers: dict[str, str], operation: str
) -> None:
    assert catalogue.service("s3").route(request(method, path, query, **headers), b"") == operation


@pytest.mark.parametrize(
    ("path", "key"),
    [("/b/a/b.jpg", "a/b.jpg"), ("/b//a", "/a"), ("/b/a%2Fb+c%20d%C3%A9/..", "a/b+c d\u00e9/.."), ("/b/a/", "a/")],
)
def test_s3_keys_are_exact(catalogue: Catalogue, path: str, key: str) -> None:
    get = request("GET", path)
    assert catalogue.service("s3").parse("GetObject", get, b"") == {"Bucket": "b", "Key": key}


def test_s3_metadata_and_statuses(catalogue: Catalogue) -> None:
    service = catalogue.service("s3")
    put = request("PUT", "/b/k", x_amz_meta_colour="blue", content_length="2", x_amz_meta_Size="3")
    put.headers[-1] = ("x-amz-meta-size", "3")
    params = service.parse("PutObject", put, b"hi")
    assert params["Metadata"] == {"colour": "blue", "size": "3"}
    assert params["Body"] == b"hi"
    assert params["ContentLength"] == 2
    answer = Answer({"Body": b"hi", "ContentLength": 2, "ETag": '"e"', "Metadata": {"colour": "blue"}}, 206)
    response = service.serialise("GetObject", answer, "R", request("GET", "/b/k"))
    assert (response.status, response.body, response.length) == (206, b"hi", 2)
    assert ("x-amz-meta-colour", "blue") in response.headers
    assert ("etag", '"e"') in response.headers
    assert ("x-amz-request-id", "R") in response.headers


def test_headers_cannot_be_split(catalogue: Catalogue) -> None:
    output = {"Body": b"", "ContentDisposition": "a\r\nset-cookie: x", "Metadata": {"k": "v\nx: y"}}
    response = catalogue.service("s3").serialise("GetObject", output, "R", request("GET", "/b/k"))
    assert ("content-disposition", "a  set-cookie: x") in response.headers
    assert ("x-amz-meta-k", "v x: y") in response.headers


def test_an_answers_headers_replace_those_of_the_model(catalogue: Catalogue) -> None:
    answer = Answer({"Payload": b"x"}, headers=[("content-type", "text/plain"), ("x-other", "1")])
    invoke = request("POST", "/2015-03-31/functions/f/invocations")
    response = catalogue.service("lambda").serialise("Invoke", answer, "r", invoke)
    assert [value for name, value in response.headers if name == "content-type"] == ["text/plain"]
    assert ("x-other", "1") in response.headers


def test_lambda_invoke(catalogue: Catalogue) -> None:
    service = catalogue.service("lambda")
    invoke = request(
        "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations", "Qualifier=p", x_amz_log_type="Tail"
    )
    assert service.route(invoke, b"") == "Invoke"
    assert service.parse("Invoke", invoke, b"{}") == {
        "FunctionName": "arn:aws:lambda",
        "Qualifier": "p",
        "LogType": "Tail",
        "Payload": b"{}",
    }
    response = service.serialise("Invoke", {"StatusCode": 202, "Payload": b"null"}, "r", invoke)
    assert (response.status, response.body) == (202, b"null")
    assert not service.streams_input("Invoke")
    assert catalogue.service("s3").streams_input("PutObject")


def test_lambda_errors(catalogue: Catalogue) -> None:
    service = catalogue.service("lambda")
    get = request("GET", "/2015-03-31/functions/x")
    error = AwsError("ResourceNotFoundException", "Function not found: x", members={"Type": "User"})
    response = service.error(error, "GetFunction", "r", get)
    assert response.status == 404
    assert ("x-amzn-errortype", "ResourceNotFoundException") in response.headers
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {"Type": "User", "Message": "Function not found: x"}
    with pytest.raises(AwsError, match="Unable to determine"):
        service.route(request("GET", "/nowhere"), b"")
