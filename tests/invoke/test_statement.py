"""The bill as the node answers it."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from yobu.base.errors import YobuError
from yobu.fleet.port import Reply
from yobu.invoke.statement import Asked, asked, statement
from yobu.invoke.usage import record_of
from yobu.invoke.values import Invocation
from yobu.meter.bill import bill
from yobu.meter.period import Period, iso
from yobu.meter.usage import UsageRecord

ACCOUNT, REGION = "123456789012", "us-east-1"
NOW = 1_795_575_600_000  # 2026-11-25T03:00:00Z
HOUR = 3_600_000
LAST_HOUR = Period(NOW - HOUR, NOW)


def record(function: Any, start_ms: int, billed_ms: int = 100, **of: Any) -> UsageRecord:
    reply = Reply(b"1", 12.5, billed_ms, 128, 40, "e", "s")
    made = record_of(Invocation(f"r{start_ms}", function, b"{}"), reply, start_ms)
    return msgspec.structs.replace(made, **of)


async def settle(world: Any, *records: UsageRecord) -> None:
    async def fn(tx: Any) -> None:
        for each in records:
            world.usage.write_tx(tx, each)

    await world.store.write(fn)


async def test_both_sources_are_on_the_bill(world: Any, make_resolved: Any) -> None:
    f, g = make_resolved("f"), make_resolved("g")
    packed = [record(f, NOW - 5_000), record(f, NOW - 4_000, error="Unhandled"), record(g, NOW - 3_000, cold=True)]
    settled = [record(g, NOW - 2_000, 900)]
    for each in packed:
        world.usage.write_packed(each)
    await settle(world, *settled)
    made = await statement(world.usage, Asked("function", LAST_HOUR))
    assert [(row["group"], row["requests"], row["errors"], row["cold_starts"]) for row in made["rows"]] == [
        (g.spec.arn, 2, 0, 1),
        (f.spec.arn, 2, 1, 0),
    ]
    assert made["rows"][1]["gb_seconds"] == "0.025"
    assert made["rows"][1]["request_cost"] == "0.0000004"
    assert Decimal(made["total"]["total"]) == bill([*packed, *settled]).total
    assert made["time"] == {"span_ms": HOUR, "busy_ms": 1_200, "exact": True, "idle_cost": "0"}
    assert (made["by"], made["since"], made["until"]) == ("function", iso(NOW - HOUR), iso(NOW))
    assert json.loads(msgspec.json.encode(made)) == made


async def test_a_run_belongs_to_the_time_in_which_it_began_and_is_busy_as_long_as_it_ran(
    world: Any, make_resolved: Any
) -> None:
    f = make_resolved("f")
    await settle(world, record(f, NOW - HOUR - 60_000, 90_000))
    world.usage.write_packed(record(f, NOW - HOUR - 1_000, 500))
    world.usage.write_packed(record(f, NOW - 1_000, 5_000))
    world.usage.write_packed(record(f, NOW, 5_000))
    made = await statement(world.usage, Asked("day", LAST_HOUR))
    assert made["total"]["requests"] == 1
    assert made["time"]["busy_ms"] == 30_000 + 1_000


async def test_all_accounts_and_regions_or_one(world: Any, make_resolved: Any) -> None:
    f = make_resolved("f")
    for account, region in ((ACCOUNT, REGION), (ACCOUNT, "eu-west-1"), ("0" * 12, REGION)):
        world.usage.write_packed(record(f, NOW - 10, account=account, region=region))
    rows = {}
    for chosen in ((None, None), (ACCOUNT, None), (None, REGION), ("0" * 12, "eu-west-1")):
        made = await statement(world.usage, Asked("tenant", LAST_HOUR, *chosen))
        assert (made["account"], made["region"]) == chosen
        rows[chosen] = {row["group"]: row["requests"] for row in made["rows"]}
    assert rows == {
        (None, None): {ACCOUNT: 2, "0" * 12: 1},
        (ACCOUNT, None): {ACCOUNT: 2},
        (None, REGION): {ACCOUNT: 1, "0" * 12: 1},
        ("0" * 12, "eu-west-1"): {},
    }


async def test_an_empty_bill(world: Any) -> None:
    made = await statement(world.usage, Asked("source", LAST_HOUR))
    assert made["rows"] == []
    assert made["total"]["total"] == "0"
    assert made["time"]["busy_ms"] == 0


async def test_others_have_the_loop_meanwhile(world: Any, make_resolved: Any) -> None:
    """Between two turns of another task no more than some hundred records are looked at."""
    f = make_resolved("f")
    for number in range(3_000):
        world.usage.write_packed(record(f, NOW - 5_000 + number, 1))
    await settle(world, *(record(f, NOW - 9_000 + number, 1) for number in range(1_000)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    made = await statement(world.usage, Asked("function", LAST_HOUR))
    task.cancel()
    assert made["total"]["requests"] == 4_000
    assert turns >= 40


async def test_an_event_is_billed_for_each_run_and_a_call_once(world: Any) -> None:
    """What ran is on the bill exactly once, whoever called; throttled and dropped calls are not."""

    def fail(event: Any, work: Any) -> None:
        raise ValueError("no")

    world.add("good", handler=lambda event, work: event)
    world.add("bad", handler=fail, max_retries=1)
    world.add("full", handler=lambda event, work: event, reserved=0)
    world.start()
    function = await world.resolve(world.ref("good"))
    for _ in range(3):
        await world.invoker.execute(Invocation("sync", function, b"1"))
    throttled = await world.invoker.execute(Invocation("no", await world.resolve(world.ref("full")), b"1"))
    assert throttled.status == "throttled"
    for name in ("good", "bad", "full", "gone"):
        await world.put(name)
    await world.idle()
    await world.crash()
    world.start()
    await world.advance(60)
    await world.stop()
    now = world.clock.now_ms()
    made = await statement(world.usage, Asked("function", Period(now - HOUR, now + 1)))
    billed = {row["group"].rsplit(":", 1)[1]: (row["requests"], row["errors"]) for row in made["rows"]}
    assert billed == {"good": (4, 0), "bad": (2, 2)}
    assert len(world.fleet.calls) == 6


class TestAsked:
    def test_nothing_asks_for_30_days_by_function(self) -> None:
        assert asked({}, NOW) == Asked("function", Period(NOW - 30 * 24 * HOUR, NOW))
        assert asked({"by": "", "since": None, "account": ""}, NOW) == asked({}, NOW)

    def test_everything(self) -> None:
        members = {"by": "day", "since": "2h", "until": "1h", "account": ACCOUNT, "region": REGION}
        assert asked(members, NOW) == Asked("day", Period(NOW - 2 * HOUR, NOW - HOUR), ACCOUNT, REGION)

    @pytest.mark.parametrize(
        ("members", "words"),
        [
            ({"by": "moon"}, "by must be one of function, source, day, tenant, not 'moon'"),
            ({"since": "soon"}, "since must be a date"),
            ({"until": 7}, "until must be a date"),
            ({"since": "2999-01-01"}, "there is no time between since 2999-01-01 and now"),
            ({"account": "12"}, "account must be 12 digits, not '12'"),
            ({"account": "٣" * 12}, "account must be 12 digits"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, members: dict[str, Any], words: str) -> None:
        with pytest.raises(YobuError, match=words):
            asked(members, NOW)
