"""Writes: indexes follow their items, changed tables are noticed, functions may run twice."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from yobu.base.ids import SeededIds
from yobu.store.memory import MemoryStore
from yobu.store.transaction import Rerun

from .conftest import Room
from .test_cases import INDEXES
from .test_reading import FAST, drive, paged

attributes = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from("123").map(lambda text: {"S": text}) for name in "cde"}
)
changes = st.lists(
    st.tuples(st.sampled_from(["put", "update", "delete"]), st.sampled_from("xy"), st.sampled_from("12"), attributes),
    max_size=12,
)


def test_indexes_are_what_a_scan_of_the_items_gives() -> None:
    @FAST
    @given(changes, st.integers(0, 3))
    async def check(steps: list[Any], seed: int) -> None:
        room = Room(MemoryStore(rerun=Rerun(SeededIds(seed))))
        await room.table("range", "a:S", "b:S", **INDEXES)
        model: dict[tuple[str, str], dict[str, Any]] = {}
        for verb, a, b, more in steps:
            key: dict[str, Any] = {"a": {"S": a}, "b": {"S": b}}
            if verb == "put":
                await room.call("PutItem", TableName="range", Item={**key, **more})
                model[a, b] = {**key, **more}
            elif verb == "delete":
                await room.call("DeleteItem", TableName="range", Key=key)
                model.pop((a, b), None)
            else:
                params: dict[str, Any] = {}
                if more:
                    params["UpdateExpression"] = "SET " + ", ".join(f"{name} = :{name}" for name in more)
                    params["ExpressionAttributeValues"] = {f":{name}": value for name, value in more.items()}
                await room.call("UpdateItem", TableName="range", Key=key, **params)
                model[a, b] = {**model.get((a, b), key), **more}
        await compare(room, list(model.values()))

    drive(check)


async def compare(room: Room, items: list[dict[str, Any]]) -> None:
    assert by_key(await paged(room, "Scan", None, TableName="range")) == by_key(items)
    description = (await room.call("DescribeTable", TableName="range"))["Table"]
    assert description["ItemCount"] == len(items)
    indexes = description["LocalSecondaryIndexes"] + description["GlobalSecondaryIndexes"]
    counts = {index["IndexName"]: index["ItemCount"] for index in indexes}
    for index, keys, kept in (
        ("by-c", "c", "abcde"),
        ("by-d", "d", "abde"),
        ("all-c", "c", "abcde"),
        ("few-c-d", "cd", "abcde"),
    ):
        wanted = [
            {name: value for name, value in item.items() if name in kept}
            for item in items
            if all(key in item for key in keys)
        ]
        assert by_key(await paged(room, "Scan", 2, TableName="range", IndexName=index)) == by_key(wanted)
        assert counts[index] == len(wanted)


def by_key(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda item: (item["a"]["S"], item["b"]["S"]))


async def test_a_write_prepared_for_a_table_that_is_replaced_goes_to_the_new_one(room: Room) -> None:
    await room.table("table", "a:S")
    other = Room(room.store)
    await room.call("GetItem", TableName="table", Key={"a": {"S": "x"}})
    # Another node's view of the same store: this room hears nothing of its commits.
    await other.call("DeleteTable", TableName="table")
    await other.table("table", "k:N")
    assert await room.fail("PutItem", TableName="table", Item={"a": {"S": "x"}}) == (
        "ValidationException",
        "One or more parameter values were invalid: Missing the key k in the item",
    )
    await room.call("PutItem", TableName="table", Item={"k": {"N": "1"}})
    assert (await room.call("Scan", TableName="table"))["Count"] == 1


async def test_a_write_to_a_table_that_was_deleted_meanwhile_finds_none(room: Room) -> None:
    await room.table("table", "a:S")
    await room.call("GetItem", TableName="table", Key={"a": {"S": "x"}})
    await Room(room.store).call("DeleteTable", TableName="table")
    assert await room.fail("PutItem", TableName="table", Item={"a": {"S": "x"}}) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )


async def test_a_batch_notices_a_replaced_table(room: Room) -> None:
    await room.table("table", "a:S")
    await room.call("GetItem", TableName="table", Key={"a": {"S": "x"}})
    other = Room(room.store)
    await other.call("DeleteTable", TableName="table")
    await other.table("table", "a:S")
    requests = [{"PutRequest": {"Item": {"a": {"S": str(number)}}}} for number in range(25)]
    await room.call("BatchWriteItem", RequestItems={"table": requests})
    assert (await room.call("Scan", TableName="table"))["Count"] == 25


async def test_a_large_batch_is_written_whole(room: Room) -> None:
    await room.table("table", "a:S")
    requests = [{"PutRequest": {"Item": {"a": {"S": str(number)}, "b": {"S": "x" * 390_000}}}} for number in range(20)]
    answer = await room.call("BatchWriteItem", RequestItems={"table": requests}, ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == [{"TableName": "table", "CapacityUnits": 20 * 381}]
    assert (await room.call("DescribeTable", TableName="table"))["Table"]["ItemCount"] == 20


async def test_counters_updated_at_once_lose_nothing(room: Room) -> None:
    await room.table("table", "a:S")
    answers = await asyncio.gather(
        *(
            room.call(
                "UpdateItem",
                TableName="table",
                Key={"a": {"S": "x"}},
                UpdateExpression="ADD n :one",
                ExpressionAttributeValues={":one": {"N": "1"}},
                ReturnValues="UPDATED_NEW",
            )
            for _ in range(50)
        )
    )
    assert sorted(int(answer["Attributes"]["n"]["N"]) for answer in answers) == list(range(1, 51))


async def test_an_item_has_at_most_400_kilobytes(room: Room) -> None:
    await room.table("table", "a:S")
    room_left = 400 * 1024 - len("a") - len("x") - len("b")
    await room.call("PutItem", TableName="table", Item={"a": {"S": "x"}, "b": {"S": "y" * room_left}})
    assert await room.fail("PutItem", TableName="table", Item={"a": {"S": "x"}, "b": {"S": "y" * (room_left + 1)}}) == (
        "ValidationException",
        "Item size has exceeded the maximum allowed size",
    )
    assert await room.fail(
        "UpdateItem",
        TableName="table",
        Key={"a": {"S": "x"}},
        UpdateExpression="SET c = :c",
        ExpressionAttributeValues={":c": {"S": ""}},
    ) == ("ValidationException", "Item size to update has exceeded the maximum allowed size")
