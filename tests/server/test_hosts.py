"""What Host headers mean."""

from __future__ import annotations

import pytest

from yobu.server.hosts import Hosts, Place

ENDPOINTS = {
    "s3": "s3",
    "lambda": "lambda",
    "dynamodb": "dynamodb",
    "streams.dynamodb": "dynamodbstreams",
    "sqs": "sqs",
    "monitoring": "cloudwatch",
}


@pytest.fixture
def hosts():
    return Hosts(ENDPOINTS, ("node.example",))


@pytest.mark.parametrize(
    ("host", "service", "region", "bucket"),
    [
        ("s3.amazonaws.com", "s3", None, None),
        ("s3.us-east-1.amazonaws.com", "s3", "us-east-1", None),
        ("s3-eu-west-1.amazonaws.com", "s3", "eu-west-1", None),
        ("s3.dualstack.eu-west-1.amazonaws.com", "s3", "eu-west-1", None),
        ("s3.cn-north-1.amazonaws.com.cn", "s3", "cn-north-1", None),
        ("bucket.s3.amazonaws.com", "s3", None, "bucket"),
        ("bucket.s3.us-east-1.amazonaws.com", "s3", "us-east-1", "bucket"),
        ("bucket.s3-eu-west-1.amazonaws.com:443", "s3", "eu-west-1", "bucket"),
        ("my.dotted.bucket.s3.us-gov-west-1.amazonaws.com", "s3", "us-gov-west-1", "my.dotted.bucket"),
        ("a.s3.b.s3.us-east-1.amazonaws.com", "s3", "us-east-1", "a.s3.b"),
        ("bucket.s3-accelerate.amazonaws.com", "s3", None, "bucket"),
        ("lambda.eu-west-1.amazonaws.com", "lambda", "eu-west-1", None),
        ("lambda-fips.us-east-1.amazonaws.com", "lambda", "us-east-1", None),
        ("lambda.eu-west-1.api.aws", "lambda", "eu-west-1", None),
        ("dynamodb.us-east-1.amazonaws.com", "dynamodb", "us-east-1", None),
        ("streams.dynamodb.us-east-1.amazonaws.com", "dynamodbstreams", "us-east-1", None),
        ("123456789012.ddb.us-east-1.amazonaws.com", "dynamodb", "us-east-1", None),
        ("us-east-1.queue.amazonaws.com", "sqs", "us-east-1", None),
        ("monitoring.us-east-1.amazonaws.com", "cloudwatch", "us-east-1", None),
        ("ecs.us-east-1.amazonaws.com", None, "us-east-1", None),
        ("s3.localhost:4566", "s3", None, None),
        ("bucket.s3.localhost:4566", "s3", None, "bucket"),
        ("bucket.s3.eu-west-1.localhost.localstack.cloud:4566", "s3", "eu-west-1", "bucket"),
        ("lambda.localhost", "lambda", None, None),
        ("dynamodb.eu-west-1.localhost", "dynamodb", "eu-west-1", None),
        ("LAMBDA.LOCALHOST.", "lambda", None, None),
    ],
)
def test_names_that_say_a_service(hosts, host, service, region, bucket):
    place = hosts.place(host)
    assert place.valid and place.familiar
    assert (place.service, place.region, place.bucket) == (service, region, bucket)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:4566", "[::1]:4566", "[::1]", "localhost:1", "node.example", ""]
)
def test_names_that_say_nothing(hosts, host):
    assert hosts.place(host) == Place()


def test_a_local_name_may_be_a_bucket(hosts):
    assert hosts.place("bucket.localhost") == Place(prefix="bucket")
    assert hosts.place("my.bucket.localhost:4566") == Place(prefix="my.bucket")
    assert hosts.place("lambda.localhost").prefix == "lambda"


def test_the_cache_is_bounded(hosts):
    for number in range(5000):
        hosts.place(f"bucket-{number}.s3.localhost")
    assert len(hosts._cache) <= 1024
