"""Tables as applications use them, through boto3's clients and resources."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from tests.journeys.calling import code, refusal, status
from tests.journeys.running import ACCOUNT, REGION, RunningNode

ORDERS = {
    "TableName": "orders",
    "KeySchema": [{"AttributeName": "customer", "KeyType": "HASH"}, {"AttributeName": "number", "KeyType": "RANGE"}],
    "AttributeDefinitions": [
        {"AttributeName": "customer", "AttributeType": "S"},
        {"AttributeName": "number", "AttributeType": "N"},
        {"AttributeName": "state", "AttributeType": "S"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-state",
            "KeySchema": [
                {"AttributeName": "state", "KeyType": "HASH"},
                {"AttributeName": "number", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


@pytest.fixture
def database(node: RunningNode) -> Any:
    return boto3.resource(
        "dynamodb",
        endpoint_url=node.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
    )


@pytest.fixture
def orders(database: Any) -> Any:
    table = database.create_table(**ORDERS)
    table.wait_until_exists()
    return table


def test_a_table_is_made_described_and_removed(orders: Any, node: RunningNode) -> None:
    client = node.client("dynamodb")
    orders.reload()
    assert orders.table_status == "ACTIVE"
    assert orders.table_arn == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
    assert client.list_tables()["TableNames"] == ["orders"]
    assert code(refusal(client.create_table, **ORDERS)) == "ResourceInUseException"
    orders.delete()
    client.get_waiter("table_not_exists").wait(TableName="orders", WaiterConfig={"Delay": 1, "MaxAttempts": 5})
    error = refusal(client.describe_table, TableName="orders")
    assert (code(error), status(error)) == ("ResourceNotFoundException", 400)


def test_every_type_comes_back_as_it_went(orders: Any) -> None:
    item = {
        "customer": "ann",
        "number": Decimal("1"),
        "price": Decimal("12345678901234567890.123456789"),
        "data": b"\x00\xff",
        "flags": {"on": True, "off": False, "none": None},
        "list": [Decimal("1"), "two", [b"3"]],
        "names": {"b", "a"},
        "numbers": {Decimal("1"), Decimal("2.5")},
        "blobs": {b"1", b"2"},
        "empty": "",
        "nothing": {},
    }
    orders.put_item(Item=item)
    found = orders.get_item(Key={"customer": "ann", "number": 1}, ConsistentRead=True)["Item"]
    found["data"] = bytes(found["data"])
    found["list"][2] = [bytes(value) for value in found["list"][2]]
    found["blobs"] = {bytes(value) for value in found["blobs"]}
    assert found == item


def test_updates_change_what_they_name(orders: Any) -> None:
    key = {"customer": "ann", "number": 1}
    orders.put_item(Item={**key, "count": 1, "tags": {"a"}, "past": "x"})
    changed = orders.update_item(
        Key=key,
        UpdateExpression="SET #c = #c + :one, city = if_not_exists(city, :city) REMOVE past ADD tags :more",
        ExpressionAttributeNames={"#c": "count"},
        ExpressionAttributeValues={":one": 1, ":city": "Turku", ":more": {"b"}},
        ReturnValues="ALL_NEW",
    )["Attributes"]
    assert changed == {**key, "count": 2, "tags": {"a", "b"}, "city": "Turku"}


def test_a_condition_that_fails_changes_nothing(orders: Any) -> None:
    key = {"customer": "ann", "number": 1}
    orders.put_item(Item={**key, "state": "new"}, ConditionExpression=Attr("customer").not_exists())
    error = refusal(orders.put_item, Item={**key, "state": "twice"}, ConditionExpression=Attr("customer").not_exists())
    assert code(error) == "ConditionalCheckFailedException"
    assert error.response["Error"]["Message"] == "The conditional request failed"
    refusal(orders.delete_item, Key=key, ConditionExpression=Attr("state").eq("paid"))
    assert orders.get_item(Key=key)["Item"]["state"] == "new"


def test_one_of_many_wins_a_lock(orders: Any, node: RunningNode) -> None:
    client = node.client("dynamodb")

    def take(worker: int) -> bool:
        try:
            client.put_item(
                TableName="orders",
                Item={"customer": {"S": "lock"}, "number": {"N": "0"}, "worker": {"N": str(worker)}},
                ConditionExpression="attribute_not_exists(customer)",
            )
        except client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(24))) == 1


def test_counting_at_once_loses_nothing(orders: Any, node: RunningNode) -> None:
    client = node.client("dynamodb")

    def add(_: int) -> None:
        client.update_item(
            TableName="orders",
            Key={"customer": {"S": "counter"}, "number": {"N": "0"}},
            UpdateExpression="ADD hits :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(80)))
    assert orders.get_item(Key={"customer": "counter", "number": 0})["Item"]["hits"] == 80


def test_a_batch_is_written_and_queried_in_order(orders: Any) -> None:
    with orders.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"customer": "ann", "number": number, "state": "paid" if number % 2 else "new"})
        batch.delete_item(Key={"customer": "ann", "number": 7})
    found = orders.query(KeyConditionExpression=Key("customer").eq("ann") & Key("number").between(5, 9))
    assert [int(item["number"]) for item in found["Items"]] == [5, 6, 8, 9]
    last = orders.query(KeyConditionExpression=Key("customer").eq("ann"), ScanIndexForward=False, Limit=2)
    assert [int(item["number"]) for item in last["Items"]] == [59, 58]
    assert last["LastEvaluatedKey"] == {"customer": "ann", "number": 58}


def test_an_index_follows_its_table(orders: Any) -> None:
    for number in range(4):
        orders.put_item(Item={"customer": f"c{number}", "number": number, "state": "new"})
    orders.update_item(
        Key={"customer": "c1", "number": 1},
        UpdateExpression="SET #s = :paid",
        ExpressionAttributeNames={"#s": "state"},
        ExpressionAttributeValues={":paid": "paid"},
    )
    found = orders.query(IndexName="by-state", KeyConditionExpression=Key("state").eq("new"))
    assert [item["customer"] for item in found["Items"]] == ["c0", "c2", "c3"]
    assert orders.query(IndexName="by-state", KeyConditionExpression=Key("state").eq("paid"))["Count"] == 1


def test_pages_of_a_scan_hold_every_item_once(orders: Any, node: RunningNode) -> None:
    with orders.batch_writer() as batch:
        for number in range(120):
            batch.put_item(Item={"customer": f"c{number % 7}", "number": number, "text": "x" * 20_000})
    pages = list(node.client("dynamodb").get_paginator("scan").paginate(TableName="orders"))
    assert len(pages) >= 3
    numbers = sorted(int(item["number"]["N"]) for page in pages for item in page["Items"])
    assert numbers == list(range(120))
    kept = orders.scan(FilterExpression=Attr("number").lt(3), ProjectionExpression="customer")
    assert sorted(item["customer"] for item in kept["Items"]) == ["c0", "c1", "c2"]


def test_batches_get_from_several_tables(orders: Any, database: Any) -> None:
    orders.put_item(Item={"customer": "ann", "number": 1})
    found = database.batch_get_item(
        RequestItems={"orders": {"Keys": [{"customer": "ann", "number": n} for n in (1, 2)]}}
    )
    assert found["Responses"]["orders"] == [{"customer": "ann", "number": 1}]
    assert found["UnprocessedKeys"] == {}


@pytest.mark.parametrize(
    ("operation", "params", "expected", "words"),
    [
        (
            "get_item",
            {"Key": {"customer": "x"}},
            "ValidationException",
            "The provided key element does not match the schema",
        ),
        ("put_item", {"Item": {"customer": "x"}}, "ValidationException", "Missing the key number in the item"),
        (
            "put_item",
            {"Item": {"customer": "x", "number": "1"}},
            "ValidationException",
            "Type mismatch for key number expected: N actual: S",
        ),
        (
            "update_item",
            {"Key": {"customer": "x", "number": 1}, "UpdateExpression": "SET a = :missing"},
            "ValidationException",
            "An expression attribute value used in expression is not defined; attribute value: :missing",
        ),
        ("put_item", {"Item": {"customer": "x", "number": 1, "b": "y" * 410_000}}, "ValidationException", "exceeded"),
    ],
)
def test_a_wrong_request_is_told_in_dynamodbs_words(
    orders: Any, operation: str, params: dict[str, Any], expected: str, words: str
) -> None:
    error = refusal(getattr(orders, operation), **params)
    assert (code(error), status(error)) == (expected, 400)
    assert words in error.response["Error"]["Message"]


def test_a_table_that_is_not_there(node: RunningNode) -> None:
    error = refusal(node.client("dynamodb").get_item, TableName="nowhere", Key={"id": {"S": "x"}})
    assert code(error) == "ResourceNotFoundException"
    assert error.response["Error"]["Message"] == "Requested resource not found"


def test_what_is_not_built_says_so(node: RunningNode) -> None:
    error = refusal(node.client("dynamodb").list_backups)
    assert status(error) == 501
    assert "ListBackups" in str(error)
