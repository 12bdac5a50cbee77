"""Usage records from both sources, newest first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from yobu.fleet.port import Reply
from yobu.invoke.usage import Usage, record_of
from yobu.invoke.values import Invocation, Resolved
from yobu.meter.usage import UsageRecord

WHERE = ("123456789012", "us-east-1")
DAY_MS = 86_400_000


def record(function: Resolved, start_ms: int, **of: Any) -> UsageRecord:
    reply = Reply(b"1", 12.5, 13, 128, 40, "e", "s", **of)
    return record_of(Invocation(f"r{start_ms}", function, b"{}"), reply, start_ms)


@pytest.fixture
async def usage(world: Any) -> Usage:
    found: Usage = world.usage
    return found


async def settle(world: Any, *records: UsageRecord) -> None:
    async def fn(tx: Any) -> None:
        for each in records:
            world.usage.write_tx(tx, each)

    await world.store.write(fn)


def starts(records: list[UsageRecord]) -> list[int]:
    return [each.start_ms for each in records]


async def test_both_sources_newest_first(world: Any, make_resolved: Any) -> None:
    function = make_resolved()
    world.usage.write_packed(record(function, 10))
    world.usage.write_packed(record(function, 30))
    await settle(world, record(function, 20), record(function, DAY_MS + 5))
    assert starts(await world.usage.list(*WHERE)) == [DAY_MS + 5, 30, 20, 10]
    assert starts(await world.usage.list(*WHERE, limit=2)) == [DAY_MS + 5, 30]
    assert await world.usage.list("999999999999", "us-east-1") == []


async def test_filters_by_function_and_time(world: Any, make_resolved: Any) -> None:
    function, other = make_resolved("f"), make_resolved("g")
    for start_ms in range(0, 3_000, 10):
        world.usage.write_packed(record(other if start_ms % 100 else function, start_ms))
    await settle(world, *(record(function, start_ms) for start_ms in (5, 2_995)))
    found = await world.usage.list(*WHERE, function=function.spec.arn, limit=4)
    assert starts(found) == [2_995, 2_900, 2_800, 2_700]
    found = await world.usage.list(*WHERE, function=function.spec.arn, since_ms=2_750)
    assert starts(found) == [2_995, 2_900, 2_800]


async def test_a_call_that_started_early_and_ended_late_is_found(world: Any, make_resolved: Any) -> None:
    function = make_resolved()
    for start_ms in (1_000_000, 990_000, 800_000, 600_000, 1_000_001, 500_000):
        world.usage.write_packed(record(function, start_ms))
    found = await world.usage.list(*WHERE, since_ms=600_000)
    assert starts(found) == [1_000_001, 1_000_000, 990_000, 800_000, 600_000]


async def test_more_than_a_page(world: Any, make_resolved: Any) -> None:
    function = make_resolved()
    for start_ms in range(2_500):
        world.usage.write_packed(record(function, start_ms))
    await settle(world, *(record(function, 10_000 + start_ms) for start_ms in range(1_200)))
    found = await world.usage.list(*WHERE, limit=5_000)
    assert starts(found) == [*range(11_199, 9_999, -1), *range(2_499, -1, -1)]


async def read_all(usage: Usage, since_ms: int, until_ms: int, where: tuple[str, str] = WHERE) -> list[int]:
    return [each.start_ms async for each in usage.between(*where, since_ms, until_ms)]


async def test_a_time_is_read_from_both_sources(world: Any, make_resolved: Any) -> None:
    function = make_resolved()
    for start_ms in (5, DAY_MS - 1, DAY_MS, DAY_MS + 7, 2 * DAY_MS):
        world.usage.write_packed(record(function, start_ms))
        await settle(world, record(function, start_ms))
    assert await read_all(world.usage, DAY_MS, 2 * DAY_MS) == [DAY_MS + 7, DAY_MS] * 2
    assert await read_all(world.usage, 5, 6) == [5, 5]
    assert await read_all(world.usage, 6, DAY_MS - 1) == []
    assert await read_all(world.usage, 0, 9 * DAY_MS, ("999999999999", "us-east-1")) == []


async def test_a_long_time_is_read_in_pages_and_each_record_once(world: Any, make_resolved: Any) -> None:
    function = make_resolved()
    for start_ms in range(2_500):
        world.usage.write_packed(record(function, start_ms))
    for first in range(3_000, 4_200, 400):
        await settle(world, *(record(function, start_ms) for start_ms in range(first, first + 400)))
    found = await read_all(world.usage, 100, 4_100)
    assert sorted(found) == [*range(100, 2_500), *range(3_000, 4_100)]


async def test_old_records_are_not_walked_through(
    world: Any, make_resolved: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = make_resolved()
    for number in range(3_000):
        world.usage.write_packed(record(function, number * 10_000))
    pages = []
    read = world.packed.read

    async def counted(*arguments: Any, **named: Any) -> Any:
        pages.append(arguments)
        return await read(*arguments, **named)

    monkeypatch.setattr(world.packed, "read", counted)
    assert len(await read_all(world.usage, 29_000_000, 30_000_000)) == 100
    assert len(pages) == 1


async def test_the_places_in_which_something_ran(world: Any, make_resolved: Any) -> None:
    assert await world.usage.places() == []
    one = record(make_resolved(), 5)
    for account, region in (("2" * 12, "eu-west-1"), ("1" * 12, "us-east-1")):
        await settle(world, *[msgspec.structs.replace(one, account=account, region=region)] * 3)
    for account, region in (("1" * 12, "us-east-1"), ("1" * 12, "eu-west-1")):
        world.usage.write_packed(msgspec.structs.replace(one, account=account, region=region))
    expected = [("1" * 12, "eu-west-1"), ("1" * 12, "us-east-1"), ("2" * 12, "eu-west-1")]
    assert await world.usage.places() == expected
    await world.packed.flush()
    assert await world.usage.places() == expected


def test_the_record_holds_what_the_bill_and_the_table_need(make_resolved: Any) -> None:
    made = record(make_resolved(version="3"), 7, error="Unhandled", error_type="Sandbox.Timedout", init_ms=80.5)
    assert made == UsageRecord(
        request_id="r7",
        account="123456789012",
        region="us-east-1",
        function="arn:aws:lambda:us-east-1:123456789012:function:f",
        version="3",
        cause="api",
        kind="RequestResponse",
        start_ms=7,
        init_ms=80.5,
        duration_ms=12.5,
        billed_ms=13,
        memory_mb=128,
        max_memory_mb=40,
        architecture="x86_64",
        cold=True,
        error="Sandbox.Timedout",
        ephemeral_mb=512,
    )
    assert record(make_resolved(), 7, error="Unhandled").error == "Unhandled"
