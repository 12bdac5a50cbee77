"""The lambda room on a memory store and a fake fleet, with a real queue, invoker and outbox."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from yobu.aws.http import Answer, Params, Request
from yobu.aws.service import Catalogue, Service
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.fleet.code import CodeCache
from yobu.fleet.fake import FakeFleet
from yobu.invoke.admit import Admission
from yobu.invoke.deliver import Deliveries
from yobu.invoke.invoker import Invoker, InvokerParts
from yobu.invoke.queue import EventQueue
from yobu.invoke.usage import Usage
from yobu.services.lambda_.api import Api
from yobu.services.lambda_.target import Target
from yobu.services.port import Parts

ROLE = "arn:aws:iam::123456789012:role/worker"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


def package(files: dict[str, str] | None = None) -> bytes:
    """A zip archive; the default holds one handler."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in (files or {"app.py": "def handler(event, context): return event\n"}).items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


class Bucket:
    """What `Parts.call` reaches: S3 objects by (bucket, key)."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], bytes] = {}
        self.asked: list[Params] = []

    async def __call__(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        assert (service, operation) == ("s3", "GetObject")
        self.asked.append(params)
        body = self.objects.get((params["Bucket"], params["Key"]))
        if body is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(body), 100):
                yield body[start : start + 100]

        return {"Body": chunks()}


@pytest.fixture
def fleet(records_parts: Parts) -> FakeFleet:
    fleet = FakeFleet(records_parts.clock, records_parts.ids)
    fleet.handle("f", lambda event, work: event)
    return fleet


@pytest.fixture
async def parts(records_parts: Parts, fleet: FakeFleet, tmp_path: Path) -> Parts:
    store, clock, ids = records_parts.store, records_parts.clock, records_parts.ids
    usage = Usage(store, records_parts.packed)
    deliveries = Deliveries(store, clock, ids)
    made = dataclasses.replace(
        records_parts,
        fleet=fleet,
        code=CodeCache(tmp_path / "code", ids),
        invoker=Invoker(InvokerParts(fleet, Admission(1000), usage, clock)),
        events=EventQueue(store, records_parts.blobs, clock, ids),
        deliveries=deliveries,
        call=Bucket(),
    )
    deliveries.register("lambda", Target(made))
    return made


@pytest.fixture
async def api(parts: Parts) -> AsyncIterator[Api]:
    room = Api(parts)
    await room.start()
    yield room
    await room.stop()


@pytest.fixture(scope="session")
def wire() -> Service:
    """AWS's model of Lambda."""
    return Catalogue().service("lambda")


class Lambda:
    """Calls operations by their AWS names with keyword members, as boto3 does; every answer must fit AWS's model."""

    def __init__(self, api: Api, ctx: Context, wire: Service) -> None:
        self.api = api
        self.ctx = ctx
        self.wire = wire

    async def __call__(self, operation: str, **params: Any) -> Params:
        handler = self.api.operation("lambda", operation)
        assert handler is not None, operation
        answer = await handler(self.ctx, params)
        # What is answered must be a well-formed question's answer, and go over the wire.
        assert self.wire.constraints(operation, params) == []
        self.wire.serialise(operation, answer, self.ctx.request_id, Request("GET", "/", "", []))
        return answer.output if isinstance(answer, Answer) else answer

    async def create(self, name: str = "f", **more: Any) -> Params:
        """A function, active."""
        members = {
            "Runtime": "python3.12",
            "Role": ROLE,
            "Handler": "app.handler",
            "Code": {"ZipFile": package()},
            **more,
        }
        made = await self("CreateFunction", FunctionName=name, **members)
        assert await self.api.jobs.settled(self.ref(name), 10.0) is None
        return made

    async def update(self, name: str = "f", **more: Any) -> Params:
        """Another configuration, in force."""
        changed = await self("UpdateFunctionConfiguration", FunctionName=name, **more)
        assert await self.api.jobs.settled(self.ref(name), 10.0) is None
        return changed

    async def refused(self, code: str, operation: str, **params: Any) -> str:
        """The message of the error `code` with which the operation is refused."""
        with pytest.raises(AwsError) as caught:
            await self(operation, **params)
        assert caught.value.code == code
        return caught.value.message

    def ref(self, name: str = "f", qualifier: str | None = None) -> Any:
        from yobu.invoke.values import FunctionRef

        return FunctionRef(self.ctx.account, self.ctx.region, name, qualifier)


@pytest.fixture
def aws(api: Api, ctx: Context, wire: Service) -> Lambda:
    return Lambda(api, ctx, wire)


@pytest.fixture
def zipped() -> Callable[..., bytes]:
    return package
