"""A room over the memory store and real body files, with deliveries that are only recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from yobu.aws.http import Answer, Params, Request
from yobu.aws.service import Catalogue, Service
from yobu.base.clock import FakeClock
from yobu.base.context import Context, Principal
from yobu.base.errors import AwsError
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.invoke.values import Delivery
from yobu.services.port import Parts
from yobu.services.s3.api import Api
from yobu.store.blobs import Blobs
from yobu.store.memory import MemoryStore
from yobu.store.port import Reader, Tx
from yobu.store.transaction import Rerun

ACCOUNT = "111122223333"
OTHER = "444455556666"


def context(account: str = ACCOUNT, region: str = "us-east-1") -> Context:
    principal = Principal("root", account, f"arn:aws:iam::{account}:root", account)
    return Context(account, region, principal, "A1B2C3D4E5F60718", host="localhost:4566", source_ip="127.0.0.9")


@lru_cache
def wire() -> Service:
    return Catalogue(["s3"]).service("s3")


class Recorder:
    """In place of Deliveries: keeps what is sent once the commit stands, and refuses ARNs by name."""

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self.calls: list[int] = []
        self.refused: dict[str, str] = {}

    async def send(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        tx.after_commit(lambda: self.sent.extend(deliveries))
        tx.after_commit(lambda: self.calls.append(len(deliveries)))

    async def check(self, read: Reader, arn: str, source: str, service: str, account: str) -> str | None:
        return self.refused.get(arn)


class Upload:
    """A body as it comes over the wire: chunks, then trailers, or a failure in the middle."""

    def __init__(
        self,
        chunks: Sequence[bytes],
        trailers: Mapping[str, str] | None = None,
        error: Exception | None = None,
        between: Callable[[], Any] | None = None,
    ) -> None:
        self.length: int | None = sum(map(len, chunks))
        self.trailers: Mapping[str, str] = {}
        self._chunks = chunks
        self._end = trailers or {}
        self._error = error
        self._between = between

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
            if self._between is not None:
                await self._between()
        if self._error is not None:
            raise self._error
        self.trailers = self._end


class S3:
    """Calls operations by name, as dispatch would."""

    def __init__(self, api: Api, store: MemoryStore, blobs: Blobs, clock: FakeClock, sent: Recorder) -> None:
        self.api = api
        self.store = store
        self.blobs = blobs
        self.clock = clock
        self.deliveries = sent

    async def answer(self, operation: str, ctx: Context | None = None, **params: Any) -> Answer:
        handler = self.api.operation("s3", operation)
        assert handler is not None
        answer = await handler(ctx or context(), params)
        # Every answer fits AWS's model: the wire code refuses members that it does not know.
        wire().serialise(operation, answer, "A1B2C3D4E5F60718", Request("GET", "/", "", []))
        return answer if isinstance(answer, Answer) else Answer(answer)

    async def __call__(self, operation: str, ctx: Context | None = None, **params: Any) -> Params:
        return (await self.answer(operation, ctx, **params)).output

    async def fails(self, operation: str, ctx: Context | None = None, **params: Any) -> AwsError:
        with pytest.raises(AwsError) as caught:
            await self(operation, ctx, **params)
        return caught.value

    async def read(self, operation: str = "GetObject", **params: Any) -> bytes:
        body = (await self(operation, **params))["Body"]
        if isinstance(body, bytes):
            return body
        return b"".join([chunk async for chunk in body])

    def files(self) -> list[Path]:
        """Every file that bodies lie in, drafts too."""
        return [path for path in self.blobs.path("00").parent.parent.rglob("*") if path.is_file()]


@pytest.fixture
async def s3(tmp_path: Path) -> AsyncIterator[S3]:
    clock = FakeClock()
    store = MemoryStore(rerun=Rerun(SeededIds(3), 0.3))
    ids = SeededIds(1)
    blobs = await Blobs.open(tmp_path / "blobs", store, clock, ids)
    sent = Recorder()
    unused: dict[str, Any] = {field.name: None for field in dataclasses.fields(Parts)}
    parts = Parts(
        **unused
        | {
            "settings": Settings(),
            "clock": clock,
            "ids": ids,
            "store": store,
            "blobs": blobs,
            "deliveries": sent,
        }
    )
    room = S3(Api(parts), store, blobs, clock, sent)
    blobs.start()
    await room.api.start()
    yield room
    await room.api.stop()
    await blobs.stop()


@pytest.fixture
async def bucket(s3: S3) -> str:
    await s3("CreateBucket", Bucket="photos")
    return "photos"
