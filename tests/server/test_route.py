"""Which service a request means."""

from __future__ import annotations

import pytest

from yobu.aws.http import Request
from yobu.server.route import Router

OFFERED = ("s3", "lambda", "dynamodb", "dynamodbstreams", "sqs", "iam", "sts", "logs", "cloudwatch")
FORM = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")]


@pytest.fixture(scope="module")
def router(catalogue):
    return Router(catalogue, OFFERED)


def route(router, method="GET", path="/", headers=(), signing=None, host="127.0.0.1:4566", body=b""):
    target, _, query = path.partition("?")
    request = Request(method, target, query, [("host", host), *headers])
    found = router.route(request, signing, router.hosts.place(host), body)
    return found and (found.service.name, found.request.path)


@pytest.mark.parametrize(
    ("expected", "arguments"),
    [
        ("s3", {"path": "/bucket/key"}),
        ("s3", {}),
        ("s3", {"method": "PUT", "path": "/functions/2015-03-31"}),
        ("lambda", {"method": "POST", "path": "/2015-03-31/functions/f/invocations"}),
        ("lambda", {"path": "/2018-10-31/layers"}),
        ("dynamodb", {"method": "POST", "headers": [("x-amz-target", "DynamoDB_20120810.PutItem")]}),
        ("dynamodbstreams", {"method": "POST", "headers": [("x-amz-target", "DynamoDBStreams_20120810.GetRecords")]}),
        ("sqs", {"method": "POST", "headers": [("x-amz-target", "AmazonSQS.SendMessage")]}),
        ("logs", {"method": "POST", "headers": [("x-amz-target", "Logs_20140328.GetLogEvents")], "signing": "logs"}),
        ("sts", {"method": "POST", "headers": FORM, "body": b"Action=GetCallerIdentity&Version=2011-06-15"}),
        ("iam", {"method": "POST", "headers": FORM, "body": b"Version=2010-05-08&Action=GetRole&RoleName=r"}),
        ("sts", {"path": "/?Action=GetCallerIdentity&Version=2011-06-15"}),
        ("sts", {"method": "POST", "signing": "sts"}),
        ("dynamodb", {"method": "POST", "signing": "dynamodb"}),
        ("cloudwatch", {"method": "POST", "signing": "monitoring"}),
        ("s3", {"path": "/2015-03-31/functions", "signing": "s3"}),
        ("s3", {"path": "/bucket", "signing": "s3express"}),
        ("lambda", {"path": "/", "host": "lambda.eu-west-1.amazonaws.com"}),
        ("dynamodb", {"path": "/", "host": "123456789012.ddb.us-east-1.amazonaws.com"}),
        ("kinesis", {"method": "POST", "headers": [("x-amz-target", "Kinesis_20131202.PutRecord")]}),
        ("ecs", {"method": "POST", "signing": "ecs"}),
    ],
)
def test_the_service(router, expected, arguments):
    assert route(router, **arguments)[0] == expected


def test_services_that_nobody_knows(router):
    assert route(router, signing="nonsense") is None
    assert route(router, headers=[("x-amz-target", "Nonsense_2020.Do")]) is None


@pytest.mark.parametrize(
    ("host", "signing", "path"),
    [
        ("127.0.0.1", "s3", "/key/a%20b"),
        ("s3.localhost", "s3", "/key/a%20b"),
        ("bucket.s3.localhost", "s3", "/bucket/key/a%20b"),
        ("bucket.s3.us-east-1.amazonaws.com", None, "/bucket/key/a%20b"),
        ("bucket.localhost", "s3", "/bucket/key/a%20b"),
        ("bucket.localhost", None, "/bucket/key/a%20b"),
        ("lambda.localhost", "s3", "/lambda/key/a%20b"),
        ("my.bucket.localhost", None, "/my.bucket/key/a%20b"),
    ],
)
def test_buckets_in_hosts_move_into_the_path(router, host, signing, path):
    assert route(router, path="/key/a%20b", host=host, signing=signing) == ("s3", path)


def test_the_request_that_was_signed_stays_as_it_was(router):
    request = Request("GET", "/key", "x=1", [("host", "bucket.s3.localhost")])
    found = router.route(request, "s3", router.hosts.place("bucket.s3.localhost"))
    assert request.path == "/key" and found.request.path == "/bucket/key"
    assert found.request.query == "x=1" and found.request.header("host") == "bucket.s3.localhost"


def test_unsigned_forms_need_their_body(router):
    form = Request("POST", "/", "", FORM)
    assert router.needs_body(form, None)
    assert not router.needs_body(form, "sts")
    assert not router.needs_body(Request("POST", "/", "", []), None)
