"""Lines expire as their group's retention says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from yobu.base.clock import FakeClock
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.logs.api import Api
from yobu.services.port import Parts

PLACE = {"logGroupName": "g", "logStreamName": "s"}
DAY_S = 24 * 3600


@pytest.fixture
async def logs(records_parts: Parts, ctx: Context) -> AsyncIterator[Api]:
    room = Api(records_parts)
    await room.create_log_group(ctx, {"logGroupName": "g"})
    await room.create_log_stream(ctx, PLACE)
    await room.start()
    yield room
    await room.stop()


async def write(logs: Api, ctx: Context, *messages: str, ago_s: int = 0) -> Any:
    at = logs.parts.clock.now_ms() - ago_s * 1000
    return await logs.put_log_events(ctx, {**PLACE, "logEvents": [{"timestamp": at, "message": m} for m in messages]})


async def read(logs: Api, ctx: Context, **more: Any) -> list[str]:
    await logs.retention.idle()
    return [event["message"] for event in (await logs.get_log_events(ctx, {**PLACE, **more}))["events"]]


def advance(logs: Api, seconds: float) -> None:
    clock = logs.parts.clock
    assert isinstance(clock, FakeClock)
    clock.advance(seconds)


async def test_old_lines_go_within_the_hour_and_young_ones_stay(logs: Api, ctx: Context) -> None:
    await write(logs, ctx, "first")
    await logs.put_retention_policy(ctx, {"logGroupName": "g", "retentionInDays": 1})
    assert ctx.warnings == []
    advance(logs, DAY_S / 2)
    await write(logs, ctx, "second")
    assert await read(logs, ctx) == ["first", "second"]
    advance(logs, DAY_S / 2 + 3600)
    assert await read(logs, ctx) == ["second"]
    assert await read(logs, ctx, startFromHead=True) == ["second"]
    advance(logs, DAY_S)
    assert await read(logs, ctx) == []


async def test_a_page_backwards_ends_where_it_began_though_the_head_is_gone(logs: Api, ctx: Context) -> None:
    await write(logs, ctx, "old", "older")
    await logs.put_retention_policy(ctx, {"logGroupName": "g", "retentionInDays": 1})
    advance(logs, DAY_S + 3600)
    await write(logs, ctx, "a", "b", "c")
    assert await read(logs, ctx) == ["a", "b", "c"]
    last = await logs.get_log_events(ctx, {**PLACE, "limit": 1})
    assert await read(logs, ctx, nextToken=last["nextBackwardToken"]) == ["a", "b"]


async def test_without_a_retention_lines_stay(logs: Api, ctx: Context) -> None:
    await write(logs, ctx, "first")
    await logs.put_retention_policy(ctx, {"logGroupName": "g", "retentionInDays": 1})
    await logs.delete_retention_policy(ctx, {"logGroupName": "g"})
    advance(logs, 2 * DAY_S)
    assert await read(logs, ctx) == ["first"]
    await logs.retention.idle()
    assert await logs.parts.store.scan(logs.retention._queue.everything) == []


async def test_a_changed_retention_counts_from_then_on(logs: Api, ctx: Context) -> None:
    await write(logs, ctx, "first")
    for days in (1, 3):
        await logs.put_retention_policy(ctx, {"logGroupName": "g", "retentionInDays": days})
    advance(logs, 2 * DAY_S)
    assert await read(logs, ctx) == ["first"]
    assert len(await logs.parts.store.scan(logs.retention._queue.everything)) == 1


async def test_events_that_have_expired_already_are_named(logs: Api, ctx: Context) -> None:
    await logs.put_retention_policy(ctx, {"logGroupName": "g", "retentionInDays": 3})
    answer = await write(logs, ctx, "x", "y", ago_s=4 * DAY_S)
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 2}
    answer = await write(logs, ctx, "x", ago_s=15 * DAY_S)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert await read(logs, ctx) == []


async def test_only_some_numbers_of_days_are_taken(logs: Api, ctx: Context) -> None:
    with pytest.raises(AwsError) as caught:
        await logs.put_retention_policy(ctx, {"logGroupName": "g", "retentionInDays": 2})
    assert caught.value.code == "InvalidParameterException"
    assert caught.value.message.startswith(
        "1 validation error detected: Value '2' at 'retentionInDays' failed to satisfy constraint: "
        "Member must satisfy enum value set: [1, 3, 5, 7, 14, "
    )
