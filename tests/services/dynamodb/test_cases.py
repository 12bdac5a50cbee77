"""One file of tests/cases/dynamodb = one request and its response or error.

A case names the tables it finds (`hash`: key a; `range`: keys a and b with indexes), the items in them, the request,
and `response` or `error`. `then` lists requests whose responses show what was changed; after an error nothing is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Room

CASES = Path(__file__).parents[2] / "cases" / "dynamodb"
FILES = sorted(CASES.glob("*/*.json"))

INDEXES = {
    "definitions": [
        {"AttributeName": "c", "AttributeType": "S"},
        {"AttributeName": "d", "AttributeType": "S"},
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by-c",
            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "c", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "by-d",
            "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "d", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["e"]},
        },
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "all-c",
            "KeySchema": [{"AttributeName": "c", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        },
        {
            "IndexName": "few-c-d",
            "KeySchema": [{"AttributeName": "c", "KeyType": "HASH"}, {"AttributeName": "d", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["e"]},
        },
    ],
}


async def made(room: Room, case: dict[str, Any]) -> None:
    for table, items in case.get("tables", {}).items():
        if table == "hash":
            await room.table("hash", "a:S")
        else:
            await room.table("range", "a:S", "b:S", **INDEXES)
        for item in items:
            await room.call("PutItem", TableName=table, Item=item)


async def contents(room: Room, case: dict[str, Any]) -> list[Any]:
    return [await room.call("Scan", TableName=table) for table in case.get("tables", {})]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_case(room: Room, path: Path) -> None:
    case = json.loads(path.read_text())
    await made(room, case)
    if "error" in case:
        before = await contents(room, case)
        code, message = await room.fail(case["operation"], **case["request"])
        assert {"code": code, "message": message} == {name: case["error"][name] for name in ("code", "message")}
        assert room.error.get("Item") == case["error"].get("item")
        assert await contents(room, case) == before
    else:
        assert await room.call(case["operation"], **case["request"]) == case["response"]
    for operation, request, response in case.get("then", []):
        assert await room.call(operation, **request) == response


def test_there_are_cases() -> None:
    assert len(FILES) > 100
