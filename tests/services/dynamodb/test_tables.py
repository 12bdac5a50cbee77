"""The life of a table."""

from __future__ import annotations

from typing import Any

from yobu.services.dynamodb import keys
from yobu.services.dynamodb.sweep import Sweep
from yobu.store.due import DueQueue

from .conftest import Room, context
from .test_cases import INDEXES

ONE = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


async def rows_left(room: Room) -> int:
    rows = await room.store.scan(keys.everything(1), 1000)
    return len(rows)


async def test_a_new_table_is_creating_then_active(room: Room) -> None:
    made = await room.call(
        "CreateTable",
        TableName="table",
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        ProvisionedThroughput=ONE,
    )
    description = made["TableDescription"]
    assert description["TableStatus"] == "CREATING"
    shown = (await room.call("DescribeTable", TableName="table"))["Table"]
    assert shown == {
        "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
        "TableName": "table",
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
        "TableStatus": "ACTIVE",
        "CreationDateTime": 1700000000,
        "ProvisionedThroughput": {"NumberOfDecreasesToday": 0, **ONE},
        "TableSizeBytes": 0,
        "ItemCount": 0,
        "TableArn": "arn:aws:dynamodb:us-east-1:123456789012:table/table",
        "TableId": description["TableId"],
        "DeletionProtectionEnabled": False,
    }
    assert "provisioned throughput" in room.context.warnings[0]


async def test_indexes_are_described(room: Room) -> None:
    await room.table("range", "a:S", "b:S", **INDEXES)
    shown = (await room.call("DescribeTable", TableName="range"))["Table"]
    assert shown["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert shown["LocalSecondaryIndexes"][1] == {
        "IndexName": "by-d",
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "d", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["e"]},
        "IndexSizeBytes": 0,
        "ItemCount": 0,
        "IndexArn": "arn:aws:dynamodb:us-east-1:123456789012:table/range/index/by-d",
    }
    assert [index["IndexStatus"] for index in shown["GlobalSecondaryIndexes"]] == ["ACTIVE", "ACTIVE"]


async def test_names_come_in_order_and_pages(room: Room) -> None:
    for name in ("ccc", "aaa", "bbb", "aaa.x"):
        await room.table(name)
    assert await room.call("ListTables") == {"TableNames": ["aaa", "aaa.x", "bbb", "ccc"]}
    page = await room.call("ListTables", Limit=2)
    assert page == {"TableNames": ["aaa", "aaa.x"], "LastEvaluatedTableName": "aaa.x"}
    rest = await room.call("ListTables", Limit=2, ExclusiveStartTableName="aaa.x")
    assert rest == {"TableNames": ["bbb", "ccc"]}


async def test_accounts_and_regions_lie_apart(room: Room) -> None:
    await room.table("table")
    await room.call("PutItem", TableName="table", Item={"a": {"S": "x"}})
    for other in (context("999999999999"), context(region="eu-west-1")):
        room.context = other
        assert await room.call("ListTables") == {"TableNames": []}
        await room.table("table")
        assert (await room.call("Scan", TableName="table"))["Count"] == 0


async def test_a_deleted_table_is_gone_at_once_and_swept_later(room: Room) -> None:
    await room.table("range", "a:S", "b:S", **INDEXES)
    for number in range(60):
        await room.call(
            "PutItem", TableName="range", Item={name: {"S": str(number)} for name in "abcde"} | {"a": {"S": "x"}}
        )
    gone = await room.call("DeleteTable", TableName="range")
    assert gone["TableDescription"]["TableStatus"] == "DELETING"
    assert await room.fail("DescribeTable", TableName="range") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: range not found",
    )
    await room.table("range", "a:S", "b:S")
    assert (await room.call("Scan", TableName="range"))["Count"] == 0
    await room.swept()
    assert await rows_left(room) == 0


async def test_sweeping_goes_on_after_a_start(room: Room) -> None:
    await room.table("table")
    for number in range(40):
        await room.call("PutItem", TableName="table", Item={"a": {"S": str(number)}})
    await room.api.stop()
    await room.call("DeleteTable", TableName="table")
    assert await rows_left(room) == 40
    again = Room(room.store)
    await again.api.start()
    await again.swept()
    assert await rows_left(again) == 0
    queue = DueQueue("ddb-sweep", Sweep)
    assert await queue.next_due(room.store) is None
    await again.api.stop()


async def test_deletion_protection(room: Room) -> None:
    await room.table("table", DeletionProtectionEnabled=True)
    assert await room.fail("DeleteTable", TableName="table") == (
        "ValidationException",
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
    )
    await room.call("UpdateTable", TableName="table", DeletionProtectionEnabled=False)
    await room.call("DeleteTable", TableName="table")
    assert await room.call("ListTables") == {"TableNames": []}


async def test_billing_and_throughput_change(room: Room) -> None:
    await room.table("table")
    changed = await room.call("UpdateTable", TableName="table", BillingMode="PROVISIONED", ProvisionedThroughput=ONE)
    description = changed["TableDescription"]
    assert description["TableStatus"] == "UPDATING"
    assert description["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    error = await room.fail("UpdateTable", TableName="table", ProvisionedThroughput=ONE)
    assert error[1].startswith("The provisioned throughput for the table will not change.")
    await room.call(
        "UpdateTable", TableName="table", ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 1}
    )
    shown = (await room.call("DescribeTable", TableName="table"))["Table"]
    assert shown["ProvisionedThroughput"]["ReadCapacityUnits"] == 5
    assert shown["ProvisionedThroughput"]["LastIncreaseDateTime"] == 1700000000
    assert shown["TableStatus"] == "ACTIVE"


async def test_a_change_is_seen_by_the_next_request(room: Room) -> None:
    await room.table("table")
    await room.call("PutItem", TableName="table", Item={"a": {"S": "x"}})
    await room.call("UpdateTable", TableName="table", TableClass="STANDARD_INFREQUENT_ACCESS")
    await room.call("PutItem", TableName="table", Item={"a": {"S": "y"}})
    shown = (await room.call("DescribeTable", TableName="table"))["Table"]
    assert shown["TableClassSummary"] == {"TableClass": "STANDARD_INFREQUENT_ACCESS"}
    assert shown["ItemCount"] == 2


async def test_tags_of_a_new_table(room: Room) -> None:
    tags = [{"Key": "k", "Value": "v"}]
    await room.table("table", Tags=tags)
    arn = "arn:aws:dynamodb:us-east-1:123456789012:table/table"
    assert await room.call("ListTagsOfResource", ResourceArn=arn) == {"Tags": tags}


async def test_counts_are_read_again_after_a_start(room: Room) -> None:
    await room.table("table")
    for number in range(150):
        await room.call("PutItem", TableName="table", Item={"a": {"S": str(number)}, "b": {"S": "x" * 10}})
    before = (await room.call("DescribeTable", TableName="table"))["Table"]
    again = Room(room.store)
    after = (await again.call("DescribeTable", TableName="table"))["Table"]
    assert (after["ItemCount"], after["TableSizeBytes"]) == (before["ItemCount"], before["TableSizeBytes"])
    assert after["ItemCount"] == 150
    await again.call("DeleteItem", TableName="table", Key={"a": {"S": "7"}})
    await again.call("PutItem", TableName="table", Item={"a": {"S": "8"}})
    counted: dict[str, Any] = (await again.call("DescribeTable", TableName="table"))["Table"]
    assert counted["ItemCount"] == 149


async def test_a_reset_forgets_everything(room: Room) -> None:
    await room.table("table")
    await room.call("PutItem", TableName="table", Item={"a": {"S": "x"}})
    await room.store.clear()
    room.api.reset()
    assert await room.call("ListTables") == {"TableNames": []}
    assert (await room.fail("GetItem", TableName="table", Key={"a": {"S": "x"}}))[0] == "ResourceNotFoundException"
    await room.table("table")
    assert (await room.call("DescribeTable", TableName="table"))["Table"]["ItemCount"] == 0


async def test_limits(room: Room) -> None:
    assert (await room.call("DescribeLimits"))["TableMaxReadCapacityUnits"] == 40_000


def test_what_is_not_built_is_not_offered(room: Room) -> None:
    assert room.api.operation("dynamodb", "DescribeEndpoints") is None
    assert room.api.operation("dynamodb", "TransactWriteItems") is None
