"""JSON bodies that do not fit, in AWS's words; and what json and rest-json write."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import pytest

from yobu.aws.http import Request
from yobu.aws.service import Catalogue, Service
from yobu.base.errors import AwsError, YobuError


@cache
def service(name: str) -> Service:
    return Catalogue().service(name)


def put(body: bytes) -> dict[str, Any]:
    request = Request("POST", "/", "", [("x-amz-target", "DynamoDB_20120810.PutItem")])
    return service("dynamodb").parse("PutItem", request, body)


LIST = "Start of list found where not expected"
STRUCTURE = "Start of structure or map found where not expected."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", ""),
        (b"{", ""),
        (b'{"TableName":NaN}', ""),
        (b'{"TableName":"\xff"}', ""),
        (b"null", ""),
        (b'"text"', ""),
        (b"[" * 100000, ""),
        (b'{"Item":{"a":' + b'{"M":{"a":' * 20000, ""),
        (b"[]", LIST),
        (b'{"TableName":1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"TableName":1.5}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"TableName":true}', "TRUE_VALUE can not be converted to a String"),
        (b'{"TableName":[]}', LIST),
        (b'{"TableName":{}}', STRUCTURE),
        (b'{"Item":"a"}', "Expected map or null"),
        (b'{"Item":[]}', LIST),
        (b'{"Item":{"a":"b"}}', "Expected null"),
        (b'{"Item":{"a":[]}}', LIST),
        (b'{"Item":{"a":{"L":"b"}}}', "Expected list or null"),
        (b'{"Item":{"a":{"L":{}}}}', STRUCTURE),
        (b'{"Item":{"a":{"BOOL":"true"}}}', "STRING_VALUE can not be converted to a Boolean"),
        (b'{"Item":{"a":{"N":1}}}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"Item":{"a":{"B":false}}}', "FALSE_VALUE can not be converted to a Blob"),
        (
            b'{"Item":{"a":{"B":"23456"}}}',
            "'23456' can not be converted to a Blob: "
            "Base64 encoded length is expected a multiple of 4 bytes but found: 5",
        ),
        (b'{"Item":{"a":{"B":"=+/="}}}', "'=+/=' can not be converted to a Blob: Invalid Base64 character: '='"),
        (b'{"Item":{"a":{"B":"ab!d"}}}', "'ab!d' can not be converted to a Blob: Invalid Base64 character: '!'"),
    ],
)
def test_what_does_not_fit(body: bytes, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        put(body)
    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_integers() -> None:
    request = Request("POST", "/", "", [])

    def query(limit: bytes) -> Any:
        return service("dynamodb").parse("Query", request, b'{"Limit":' + limit + b"}")["Limit"]

    assert query(b"7") == 7
    assert query(b"1.9") == 1, "fractions are cut off"
    assert query(b"99999999999") == 99999999999, "left to the model's range"
    for bad, message in (
        (b'"7"', "STRING_VALUE can not be converted to an Integer"),
        (b"true", "TRUE_VALUE can not be converted to an Integer"),
        (b"99999999999999999999", ""),
    ):
        with pytest.raises(AwsError) as caught:
            query(bad)
        assert caught.value.message == message


def test_nulls_and_unknown_members_are_passed_over() -> None:
    assert put(b'{"TableName":"t","Expected":null,"Other":{"a":[1]},"Item":{"a":null}}') == {
        "TableName": "t",
        "Item": {},
    }


def test_timestamps_and_special_floats() -> None:
    request = Request("POST", "/", "", [])
    parse = service("logs").parse
    assert (
        parse("PutLogEvents", request, b'{"logEvents":[{"timestamp":1,"message":"m"}]}')["logEvents"][0]["timestamp"]
        == 1
    )
    cloudwatch = service("cloudwatch").parse
    target = Request("POST", "/", "", [("x-amz-target", "GraniteServiceVersion20100801.PutMetricData")])
    data = cloudwatch("PutMetricData", target, b'{"MetricData":[{"Timestamp":1.5,"Value":"NaN"}]}')["MetricData"][0]
    assert data["Timestamp"] == datetime(1970, 1, 1, 0, 0, 1, 500000, UTC)
    assert math.isnan(data["Value"])
    for body in (b'{"StartTime":"today"}', b'{"StartTime":1e300}', b'{"StartTime":true}'):
        with pytest.raises(AwsError, match="SerializationException"):
            cloudwatch("GetMetricData", target, body)


def answer(name: str, operation: str, output: dict[str, Any]) -> Any:
    response = service(name).serialise(operation, output, "r", Request("POST", "/", "", [("x-amz-target", "a.b")]))
    assert isinstance(response.body, bytes)
    return msgspec.json.decode(response.body)


def test_what_is_written() -> None:
    moment = datetime(2020, 1, 1, tzinfo=UTC)
    table = answer("dynamodb", "DescribeTable", {"Table": {"CreationDateTime": moment, "ItemCount": Decimal(3)}})
    assert table == {"Table": {"CreationDateTime": 1577836800, "ItemCount": 3}}
    assert answer("dynamodb", "DescribeTable", {"Table": {"CreationDateTime": 1.25, "TableName": None}}) == {
        "Table": {"CreationDateTime": 1.25}
    }
    assert answer("cloudwatch", "GetMetricData", {"MetricDataResults": [{"Values": [math.nan, math.inf, 1.5]}]}) == {
        "MetricDataResults": [{"Values": ["NaN", "Infinity", 1.5]}]
    }


def test_a_member_that_the_model_does_not_have_is_a_bug_of_the_room() -> None:
    with pytest.raises(YobuError, match="TableDescription has no member Tablename"):
        answer("dynamodb", "DescribeTable", {"Table": {"Tablename": "t"}})
    with pytest.raises(YobuError, match="Function_Name"):
        answer("lambda", "GetFunctionConfiguration", {"Function_Name": "t"})


def test_unknown_operations() -> None:
    for headers in ([], [("x-amz-target", "whatever")], [("x-amz-target", "DynamoDB_20120810.ListTable")]):
        with pytest.raises(AwsError, match="UnknownOperationException"):
            service("dynamodb").route(Request("POST", "/", "", headers), b"{}")


def test_lambda_bodies() -> None:
    create = Request("POST", "/2015-03-31/functions", "", [])
    parse = service("lambda").parse
    assert parse("CreateFunction", create, b'{"Code":{"ZipFile":"UEs="},"Timeout":3}') == {
        "Code": {"ZipFile": b"PK"},
        "Timeout": 3,
    }
    with pytest.raises(AwsError, match="STRING_VALUE can not be converted to an Integer"):
        parse("CreateFunction", create, b'{"Timeout":"3"}')
    listed = Request("GET", "/2015-03-31/functions/", "MaxItems=many", [])
    with pytest.raises(AwsError, match="SerializationException"):
        parse("ListFunctions", listed, b"")
    stray = Request("GET", "/2015-03-31/functions/%ff", "", [])
    with pytest.raises(AwsError, match="SerializationException"):
        parse("GetFunction", stray, b"")
