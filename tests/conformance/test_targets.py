"""What every Target must do, over whatever `yobu.services.*.target` is found.

A room that has one adds tests/conformance/targets/<room>.py with `async def arrange(parts, ctx)`: it makes a resource
that S3 may send to, and returns its ARN as `target`, and as `missing` the ARN of one that does not exist.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

import yobu.services
from yobu.base.clock import FakeClock
from yobu.base.context import Context, Principal
from yobu.base.discover import faces
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.fleet.code import CodeCache
from yobu.fleet.fake import FakeFleet
from yobu.invoke.admit import Admission
from yobu.invoke.deliver import MAX_PAYLOAD, Deliveries
from yobu.invoke.invoker import Invoker, InvokerParts
from yobu.invoke.queue import EventQueue
from yobu.invoke.usage import Usage
from yobu.invoke.values import Accepted, Delivery, Refused, Target
from yobu.services.port import Parts
from yobu.store.blobs import Blobs
from yobu.store.memory import MemoryStore
from yobu.store.packed import Packed
from yobu.store.port import Range, Tx
from yobu.store.transaction import Rerun

ACCOUNT, REGION, BUCKET = "123456789012", "us-east-1", "arn:aws:s3:::photos"
EVERYTHING = Range(b"\x00", b"\xff")
TARGETS = dict(faces(yobu.services, "target"))


class Doors:
    """Takes admin doors and never opens one."""

    def add(self, method: str, path: str, handler: Any, *, public: bool = False) -> None:
        return None


async def no_call(ctx: Context, service: str, operation: str, params: Any) -> Any:
    raise AssertionError("a target calls no other room")


@dataclass
class Case:
    """One room's target, with a resource that exists and one that does not."""

    service: str
    target: Target
    parts: Parts
    here: str
    missing: str

    def delivery(self, arn: str, **of: Any) -> Delivery:
        made = Delivery(
            id="11111111-2222-4333-8444-555555555555",
            target=arn,
            payload=b'{"Records": []}',
            source=BUCKET,
            service="s3.amazonaws.com",
            account=ACCOUNT,
            region=REGION,
            created_ms=self.parts.clock.now_ms(),
        )
        return msgspec.structs.replace(made, **of)

    async def accept(self, delivery: Delivery) -> Accepted | Refused:
        async def fn(tx: Tx) -> Accepted | Refused:
            return await self.target.accept(tx, delivery)

        return await self.parts.store.write(fn)

    async def rows(self) -> list[tuple[bytes, bytes]]:
        return await self.parts.store.scan(EVERYTHING)


def arrangement(room: str) -> ModuleType:
    path = Path(__file__).parent / "targets" / f"{room}.py"
    spec = importlib.util.spec_from_file_location(f"arrange_{room}", path)
    assert spec is not None and spec.loader is not None, f"{path} is missing: see this suite's docstring"
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(params=sorted(TARGETS))
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    clock, ids, store = FakeClock(), SeededIds(), MemoryStore(rerun=Rerun(SeededIds(4)))
    packed = await Packed.open(None, clock)
    blobs = await Blobs.open(tmp_path / "blobs", store, clock, ids)
    fleet = FakeFleet(clock, ids)
    parts = Parts(
        settings=Settings(data=tmp_path),
        clock=clock,
        ids=ids,
        store=store,
        blobs=blobs,
        packed=packed,
        fleet=fleet,
        code=CodeCache(tmp_path / "code", ids),
        invoker=Invoker(InvokerParts(fleet, Admission(1_000), Usage(store, packed), clock)),
        events=EventQueue(store, blobs, clock, ids),
        deliveries=Deliveries(store, clock, ids),
        call=no_call,
        admin=Doors(),
    )
    module = TARGETS[request.param]
    principal = Principal("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT)
    ctx = Context(ACCOUNT, REGION, principal, ids.uuid())
    arranged = await arrangement(request.param).arrange(parts, ctx)
    yield Case(module.SERVICE, module.Target(parts), parts, arranged["target"], arranged["missing"])
    await blobs.stop()
    await packed.close()


async def test_its_service_is_that_of_its_arns(case: Case) -> None:
    assert case.here.split(":")[2] == case.service


async def test_it_accepts_into_the_senders_transaction(case: Case) -> None:
    before = await case.rows()
    assert await case.accept(case.delivery(case.here)) == Accepted()
    assert len(await case.rows()) > len(before)


async def test_what_it_accepts_goes_with_the_senders_rollback(case: Case) -> None:
    before = await case.rows()

    async def fn(tx: Tx) -> None:
        await case.target.accept(tx, case.delivery(case.here))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await case.parts.store.write(fn)
    assert await case.rows() == before


async def test_it_sees_what_the_sender_has_written(case: Case) -> None:
    """Two deliveries in one transaction are two."""
    before = len(await case.rows())

    async def fn(tx: Tx) -> None:
        for number in range(2):
            answer = await case.target.accept(tx, case.delivery(case.here, id=f"{number}" * 36))
            assert answer == Accepted()

    await case.parts.store.write(fn)
    assert len(await case.rows()) >= before + 2


async def test_it_takes_the_largest_delivery(case: Case) -> None:
    large = case.delivery(case.here, payload=b'"' + b"x" * (MAX_PAYLOAD - 2) + b'"')
    assert isinstance(await case.accept(large), Accepted | Refused)


@pytest.mark.parametrize(
    "wrong", ["", "nonsense", "arn:aws:{service}:us-east-1:123456789012:", "arn:aws:other:us-east-1:123456789012:x"]
)
async def test_a_wrong_arn_is_refused_and_never_raised(case: Case, wrong: str) -> None:
    before = await case.rows()
    answer = await case.accept(case.delivery(wrong.format(service=case.service)))
    assert isinstance(answer, Refused)
    assert answer.reason
    assert not answer.retry
    assert await case.rows() == before


async def test_a_missing_resource_is_refused_and_leaves_nothing(case: Case) -> None:
    before = await case.rows()
    answer = await case.accept(case.delivery(case.missing))
    assert isinstance(answer, Refused)
    assert answer.reason
    assert not answer.retry
    assert await case.rows() == before


async def test_check_agrees_with_accept(case: Case) -> None:
    async def check(arn: str) -> str | None:
        return await case.target.check(case.parts.store, arn, BUCKET, "s3.amazonaws.com", ACCOUNT)

    assert await check(case.here) is None
    assert await check(case.missing)
    assert await check("nonsense")


async def test_check_runs_inside_a_transaction_too(case: Case) -> None:
    async def fn(tx: Tx) -> str | None:
        return await case.target.check(tx, case.here, BUCKET, "s3.amazonaws.com", ACCOUNT)

    assert await case.parts.store.write(fn) is None
