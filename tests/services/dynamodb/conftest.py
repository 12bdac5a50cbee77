"""The room over the memory store, spoken to in JSON through the real wire code, as dispatch does it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from yobu.aws.http import Request
from yobu.aws.service import Catalogue
from yobu.base.clock import FakeClock
from yobu.base.context import Context, Principal
from yobu.base.errors import AwsError
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.services.dynamodb.api import Api
from yobu.services.port import Parts
from yobu.store.memory import MemoryStore

ACCOUNT, REGION = "123456789012", "us-east-1"
CATALOGUE = Catalogue(["dynamodb"])


def context(account: str = ACCOUNT, region: str = REGION) -> Context:
    principal = Principal("root", account, f"arn:aws:iam::{account}:root", account)
    return Context(account, region, principal, "REQUEST")


class Room:
    """One room; `call` answers with JSON, `fail` with `(code, message)` and remembers the whole error."""

    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.clock = FakeClock()
        missing: Any = None
        self.api = Api(
            Parts(
                settings=Settings(),
                clock=self.clock,
                ids=SeededIds(),
                store=self.store,
                blobs=missing,
                packed=missing,
                fleet=missing,
                code=missing,
                invoker=missing,
                events=missing,
                deliveries=missing,
                call=missing,
                admin=missing,
            )
        )
        self.context = context()
        self.error: dict[str, Any] = {}

    async def call(self, operation: str, **params: Any) -> dict[str, Any]:
        status, body = await self.send(operation, params)
        assert status == 200, body
        return body

    async def fail(self, operation: str, **params: Any) -> tuple[str, str]:
        status, self.error = await self.send(operation, params)
        assert status >= 400, self.error
        return self.error["__type"].rpartition("#")[2], self.error.get("message", self.error.get("Message"))

    async def send(self, operation: str, params: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Parse, check, call, serialise."""
        service = CATALOGUE.service("dynamodb")
        body = json.dumps(params).encode()
        headers = [("x-amz-target", f"DynamoDB_20120810.{operation}"), ("content-type", "application/x-amz-json-1.0")]
        request = Request("POST", "/", "", headers)
        try:
            parsed = service.parse(operation, request, body)
            broken = service.constraints(operation, parsed)
            if broken:
                word = "error" if len(broken) == 1 else "errors"
                raise AwsError("ValidationException", f"{len(broken)} validation {word} detected: {'; '.join(broken)}")
            handler = self.api.operation("dynamodb", operation)
            assert handler is not None, f"{operation} is not built"
            answer = await handler(self.context, parsed)
            response = service.serialise(operation, answer, "REQUEST", request)
        except AwsError as error:
            response = service.error(error, operation, "REQUEST", request)
        assert isinstance(response.body, bytes)
        return response.status, json.loads(response.body)

    async def swept(self) -> None:
        """Wait until nothing of a deleted table is left to do."""
        await self.api.sweeper.idle()

    async def table(self, name: str = "table", hash: str = "a:S", range: str | None = None, **more: Any) -> None:
        """A table, its keys as `name:type`."""
        definitions, schema = [], []
        for key, role in ((hash, "HASH"), (range, "RANGE")):
            if key is not None:
                attribute, _, type = key.partition(":")
                definitions.append({"AttributeName": attribute, "AttributeType": type})
                schema.append({"AttributeName": attribute, "KeyType": role})
        definitions += more.pop("definitions", [])
        await self.call(
            "CreateTable",
            TableName=name,
            AttributeDefinitions=definitions,
            KeySchema=schema,
            BillingMode="PAY_PER_REQUEST",
            **more,
        )


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    made = Room()
    await made.api.start()
    yield made
    await made.api.stop()
