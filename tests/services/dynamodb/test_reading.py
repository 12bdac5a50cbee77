"""Query and Scan against sorted lists: order, ranges, pages, segments, indexes."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Room

texts = st.text(alphabet="ab\x00é\uffff😀", min_size=1, max_size=4)
binaries = st.binary(min_size=1, max_size=3)
numbers = (
    st.decimals(-(10**6), 10**6, places=3)
    .map(lambda number: format(number.normalize(), "f"))
    .map(lambda text: "0" if text == "-0" else text)
)

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, two: one == two,
    "<": lambda one, two: one < two,
    "<=": lambda one, two: one <= two,
    ">": lambda one, two: one > two,
    ">=": lambda one, two: one >= two,
}
# A sort key's type: its JSON form, and what it sorts by.
KINDS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "S": (str, str.encode),
    "N": (str, Decimal),
    "B": (lambda data: base64.b64encode(data).decode(), bytes),
}
FAST = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


async def paged(room: Room, operation: str, limit: int | None, **params: Any) -> list[Any]:
    """All items, page after page; every page but the last is full."""
    items: list[Any] = []
    start: dict[str, Any] = {}
    while True:
        more = {"Limit": limit} if limit else {}
        page = await room.call(operation, **params, **start, **more)
        items += page["Items"]
        assert page["Count"] == len(page["Items"])
        if "LastEvaluatedKey" not in page:
            return items
        assert limit is None or page["ScannedCount"] == limit
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


@pytest.mark.parametrize("kind", ["S", "N", "B"])
def test_query_gives_the_range_in_order(kind: str) -> None:
    wire, sorts = KINDS[kind]
    given_keys = {"S": texts, "N": numbers, "B": binaries}[kind]

    @FAST
    @given(
        st.sets(given_keys, max_size=12),
        st.sampled_from(sorted(OPERATORS)),
        given_keys,
        st.sampled_from([None, 1, 3]),
        st.booleans(),
    )
    async def check(keys: set[Any], operator: str, bound: Any, limit: int | None, forward: bool) -> None:
        room = Room()
        await room.table("table", "a:S", f"b:{kind}")
        for partition in ("x", "x\x00", "w"):
            for key in keys:
                await room.call("PutItem", TableName="table", Item={"a": {"S": partition}, "b": {kind: wire(key)}})
        found = await paged(
            room,
            "Query",
            limit,
            TableName="table",
            KeyConditionExpression=f"a = :a AND b {operator} :b",
            ExpressionAttributeValues={":a": {"S": "x"}, ":b": {kind: wire(bound)}},
            ScanIndexForward=forward,
        )
        wanted = sorted(
            (key for key in keys if OPERATORS[operator](sorts(key), sorts(bound))), key=sorts, reverse=not forward
        )
        assert [item["b"][kind] for item in found] == [wire(key) for key in wanted]
        assert {item["a"]["S"] for item in found} <= {"x"}

    drive(check)


def drive(check: Callable[..., Any]) -> None:
    """Run a hypothesis test of coroutines: each example has a loop of its own."""
    import asyncio

    inner = check.hypothesis.inner_test  # type: ignore[attr-defined]
    check.hypothesis.inner_test = lambda *args, **named: asyncio.run(inner(*args, **named))  # type: ignore[attr-defined]
    check()


def test_begins_with_and_between() -> None:
    @FAST
    @given(st.sets(texts, max_size=12), texts, texts)
    async def check(keys: set[str], one: str, two: str) -> None:
        low, high = sorted((one, two), key=str.encode)
        room = Room()
        await room.table("table", "a:S", "b:S")
        for key in keys:
            await room.call("PutItem", TableName="table", Item={"a": {"S": "x"}, "b": {"S": key}})
        for condition, values, wanted in (
            ("begins_with(b, :p)", {":p": one}, lambda key: key.startswith(one)),
            ("b BETWEEN :l AND :h", {":l": low, ":h": high}, lambda key: low.encode() <= key.encode() <= high.encode()),
        ):
            found = await room.call(
                "Query",
                TableName="table",
                KeyConditionExpression=f"a = :a AND {condition}",
                ExpressionAttributeValues={
                    ":a": {"S": "x"},
                    **{name: {"S": text} for name, text in values.items()},
                },
            )
            assert [item["b"]["S"] for item in found["Items"]] == sorted(filter(wanted, keys), key=str.encode)

    drive(check)


def test_scan_pages_and_segments_give_every_item_once() -> None:
    @FAST
    @given(st.sets(texts, max_size=20), st.integers(1, 5), st.integers(1, 7))
    async def check(keys: set[str], total: int, limit: int) -> None:
        room = Room()
        await room.table("table", "a:S")
        for key in keys:
            await room.call("PutItem", TableName="table", Item={"a": {"S": key}})
        whole = await paged(room, "Scan", limit, TableName="table")
        assert sorted(item["a"]["S"] for item in whole) == sorted(keys)
        parts = [
            await paged(room, "Scan", limit, TableName="table", Segment=number, TotalSegments=total)
            for number in range(total)
        ]
        assert [item for part in parts for item in part] == whole

    drive(check)


async def test_a_start_key_of_another_segment_is_refused(room: Room) -> None:
    await room.table("table", "a:S")
    for number in range(8):
        await room.call("PutItem", TableName="table", Item={"a": {"S": str(number)}})
    last = await room.call("Scan", TableName="table", Limit=8)
    error = await room.fail(
        "Scan", TableName="table", Segment=0, TotalSegments=2, ExclusiveStartKey=last["LastEvaluatedKey"]
    )
    assert error == (
        "ValidationException",
        "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct "
        "Segment. TotalSegments: 2 Segment: 0",
    )


async def test_a_page_ends_when_it_has_passed_one_megabyte(room: Room) -> None:
    await room.table("table", "a:S", "b:N")
    body = "x" * 100_000
    for number in range(12):
        await room.call("PutItem", TableName="table", Item={"a": {"S": "x"}, "b": {"N": str(number)}, "c": {"S": body}})
    query = {
        "TableName": "table",
        "KeyConditionExpression": "a = :a",
        "ExpressionAttributeValues": {":a": {"S": "x"}},
        "Select": "COUNT",
        "ReturnConsumedCapacity": "TOTAL",
    }
    page = await room.call("Query", **query)
    assert page["Count"] == 11
    assert page["LastEvaluatedKey"] == {"a": {"S": "x"}, "b": {"N": "10"}}
    assert page["ConsumedCapacity"]["CapacityUnits"] == 134.5
    rest = await room.call("Query", **query, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert rest["Count"] == 1
    assert "LastEvaluatedKey" not in rest


async def test_batch_get_answers_what_has_room(room: Room) -> None:
    await room.table("table", "a:S")
    body = "x" * 399_000
    keys = [{"a": {"S": str(number)}} for number in range(45)]
    for key in keys:
        await room.call("PutItem", TableName="table", Item={**key, "c": {"S": body}})
    answer = await room.call("BatchGetItem", RequestItems={"table": {"Keys": keys, "ProjectionExpression": "a"}})
    assert answer["Responses"]["table"] == keys[:42]
    assert answer["UnprocessedKeys"] == {"table": {"Keys": keys[42:], "ProjectionExpression": "a"}}
