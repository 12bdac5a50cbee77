"""The life of an asynchronous event: one test for each row of AWS's rules, named after it.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from yobu.base.errors import AwsError
from yobu.fleet.port import Work
from yobu.invoke.values import FunctionRef, QueuedEvent
from yobu.store.engines import engines
from yobu.store.port import StoreFull

LETTERS = "arn:aws:sqs:us-east-1:123456789012:letters"
RECORDS = "arn:aws:sqs:us-east-1:123456789012:records"


def fail(event: Any, work: Work) -> Any:
    raise ValueError("no")


async def test_an_event_runs_at_once_without_the_clock_moving(world: Any) -> None:
    world.add(handler=lambda event, work: event)
    request_id = await world.put(payload={"a": 1})
    await world.idle()
    assert world.ran() == [request_id]
    assert await world.queued() == 0


async def test_success_sends_the_record_to_on_success(world: Any) -> None:
    world.add(handler=lambda event, work: {"got": event}, on_success=RECORDS, on_failure=LETTERS)
    request_id = await world.put(payload={"a": 1})
    await world.idle()
    (record,) = await world.records()
    assert record["requestContext"] == {
        "requestId": request_id,
        "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert record["requestPayload"] == {"a": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] == {"got": {"a": 1}}
    assert await world.sent(LETTERS) == []


async def test_a_function_error_is_retried_after_one_minute_and_after_two(world: Any) -> None:
    world.add(handler=fail)
    await world.put()
    await world.idle()
    assert len(world.ran()) == 1
    await world.advance(59.9)
    assert len(world.ran()) == 1
    await world.advance(0.1)
    assert len(world.ran()) == 2
    await world.advance(119.9)
    assert len(world.ran()) == 2
    await world.advance(0.1)
    assert len(world.ran()) == 3
    assert await world.queued() == 0


async def test_retries_exhausted_goes_to_on_failure_and_to_the_dead_letter_queue(world: Any) -> None:
    world.add(handler=fail, on_failure=RECORDS, dead_letter=LETTERS)
    request_id = await world.put(payload=[1, 2])
    await world.idle()
    await world.advance(60)
    assert await world.sent(LETTERS) == []
    await world.advance(120)
    (record,) = await world.records()
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert record["responsePayload"]["errorMessage"] == "no"
    (letter,) = await world.sent(LETTERS)
    assert json.loads(letter.payload) == [1, 2]
    assert letter.attributes == {"RequestID": request_id, "ErrorCode": "200", "ErrorMessage": "no"}


@pytest.mark.parametrize("retries", [0, 1])
async def test_max_retries_is_the_functions(world: Any, retries: int) -> None:
    world.add(handler=fail, max_retries=retries)
    await world.put()
    await world.idle()
    await world.advance(1_000)
    assert len(world.ran()) == retries + 1
    assert await world.queued() == 0


async def test_a_retry_that_would_come_too_late_settles_with_event_age_exceeded(world: Any) -> None:
    world.add(handler=fail, max_age_s=60, on_failure=RECORDS)
    await world.put()
    await world.idle()
    (record,) = await world.records()
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responsePayload"]["errorMessage"] == "no"


async def test_a_throttled_event_comes_back_after_1_2_4_seconds_up_to_5_minutes(world: Any) -> None:
    world.add(handler=fail, reserved=1)
    slot = world.invoker.admission.enter(world.functions["f"])  # somebody else holds the only place
    await world.put()
    await world.idle()
    waits = []
    for _ in range(11):
        (wait_s,) = await world.due_s()
        waits.append(wait_s)
        await world.advance(wait_s)
    slot.leave()
    for wait_s, full in zip(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300], strict=True):
        assert 0.9 * full - 0.001 <= wait_s <= full
    assert world.ran() == []


async def test_a_throttled_event_runs_when_there_is_room(world: Any, gate: Any) -> None:
    world.add(handler=gate, reserved=1)
    first = await world.put()
    await gate.entered.wait()
    second = await world.put()
    world.clock.advance(1_000)
    gate.open()
    await world.idle()
    await world.advance(300)
    assert world.ran() == [first, second]
    assert await world.queued() == 0


async def test_throttles_end_with_event_age_exceeded(world: Any) -> None:
    world.add(handler=fail, reserved=1, max_age_s=100, on_failure=RECORDS, dead_letter=LETTERS)
    slot = world.invoker.admission.enter(world.functions["f"])  # somebody else holds the only place
    request_id = await world.put()
    await world.idle()
    for _ in range(99):
        await world.advance(1)
    assert await world.queued() == 1
    await world.advance(1)
    slot.leave()
    assert world.ran() == []
    (record,) = await world.records()
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responsePayload" not in record
    (letter,) = await world.sent(LETTERS)
    assert letter.attributes == {"RequestID": request_id, "ErrorCode": "429", "ErrorMessage": "Rate Exceeded."}


async def test_a_platform_failure_is_retried_like_a_throttle(world: Any) -> None:
    world.add()  # the fleet has no handler: AwsError InvalidRuntimeException
    request_id = await world.put()
    await world.idle()
    await world.advance(1)
    assert await world.queued() == 1
    world.fleet.handle("f", lambda event, work: None)
    await world.advance(300)
    assert world.ran() == [request_id]
    assert await world.queued() == 0


async def test_a_function_that_cannot_be_resolved_now_is_tried_again(world: Any) -> None:
    world.functions["f"] = AwsError("ResourceConflictException", "The function is Pending", 409)
    request_id = await world.put()
    await world.idle()
    world.add(handler=lambda event, work: None)
    await world.advance(2)
    assert world.ran() == [request_id]


async def test_a_failure_that_nobody_knows_is_tried_again_until_the_event_is_too_old(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.functions["f"] = RuntimeError("the disk is on fire")
    request_id = await world.put()
    await world.idle()
    await world.advance(21_000)
    assert await world.queued() == 1
    with caplog.at_level(logging.WARNING):
        await world.advance(600)
    assert f"event {request_id} for f failed for good: EventAgeExceeded after 0 runs" in caplog.text
    assert await world.queued() == 0


async def test_a_body_that_cannot_be_read_is_a_platform_failure(make_world: Any) -> None:
    world = await make_world()
    world.add(handler=lambda event, work: None, max_age_s=60, on_failure=RECORDS)
    prepared = await world.events.add(QueuedEvent("r", world.ref("f"), world.clock.now_ms(), "api"), b"1" * 100_000)
    world.blobs.path(prepared.blob).unlink()
    world.start()
    await world.advance(61)
    (record,) = await world.records()
    assert record["requestContext"]["condition"] == "EventAgeExceeded"
    assert record["requestPayload"] is None


async def test_reserved_concurrency_zero_goes_straight_to_the_dead_letter_side(world: Any) -> None:
    world.add(handler=fail, reserved=0, on_failure=RECORDS, dead_letter=LETTERS)
    await world.put()
    await world.idle()
    (record,) = await world.records()
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record
    (letter,) = await world.sent(LETTERS)
    assert "ErrorCode" not in letter.attributes
    assert world.ran() == []
    assert await world.queued() == 0


async def test_an_event_of_a_deleted_function_is_dropped_with_a_line(
    world: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.add(handler=fail, on_failure=RECORDS)
    request_id = await world.put()
    await world.idle()
    del world.functions["f"]
    with caplog.at_level(logging.WARNING):
        await world.advance(60)
    assert await world.queued() == 0
    assert await world.records() == []
    assert request_id in caplog.text
    assert "Function not found" in caplog.text


async def test_a_policy_that_changes_meanwhile_holds_for_the_next_attempt(world: Any) -> None:
    world.add(handler=fail)
    await world.put()
    await world.idle()
    world.add(handler=fail, max_retries=1, on_failure=RECORDS)
    await world.advance(60)
    (record,) = await world.records()
    assert record["requestContext"]["approximateInvokeCount"] == 2


async def test_the_record_names_the_qualifier_and_the_version_that_ran(world: Any) -> None:
    world.add(handler=lambda event, work: None, version="7", on_success=RECORDS)
    await world.put(qualifier="live")
    await world.idle()
    (record,) = await world.records()
    assert record["requestContext"]["functionArn"].endswith(":function:f:live")
    assert record["responseContext"]["executedVersion"] == "7"


async def test_a_function_at_its_limit_blocks_no_other(make_world: Any, gate: Any) -> None:
    """The loop has four places; twenty events wait for a function that may run once."""
    world = await make_world(limit=4)
    world.add("busy", handler=gate, reserved=1)
    world.add("other", handler=lambda event, work: None)
    for _ in range(20):
        await world.put("busy")
    world.start()
    await gate.entered.wait()
    request_id = await world.put("other")
    while not world.ran("other"):
        await asyncio.sleep(0)
    assert world.ran("other") == [request_id]
    assert gate.inside == 1
    gate.open()
    await world.idle()
    for _ in range(40):
        await world.advance(30)
    assert len(world.ran("busy")) == 20
    assert await world.queued() == 0


async def test_what_waits_is_not_held_in_memory(make_world: Any, gate: Any) -> None:
    world = await make_world(limit=8, rerun=False)
    world.add(handler=gate)
    for _ in range(200):
        await world.put()
    world.start()
    await gate.entered.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert world.events.running <= 8
    gate.open()
    await world.idle()
    assert len(world.ran()) == 200


async def test_a_large_body_is_a_file_that_goes_with_the_event(world: Any) -> None:
    seen: list[int] = []
    world.add(handler=lambda event, work: seen.append(len(event)))
    await world.put(payload="x" * 100_000)
    names = [path for path in world.blobs.path("aa").parent.parent.rglob("*") if path.is_file()]
    assert names
    await world.idle()
    assert seen == [100_000]
    world.blobs.start()
    world.clock.advance(3_600)
    await world.blobs.idle()
    assert not [path for path in world.blobs.path("aa").parent.parent.rglob("*") if path.is_file()]


async def test_the_usage_of_an_event_is_in_the_commit_that_settles_it(world: Any) -> None:
    world.add(handler=fail, max_retries=1)
    request_id = await world.put()
    await world.idle()
    assert [record.request_id for record in await world.usage.list("123456789012", "us-east-1")] == [request_id]
    await world.advance(60)
    records = await world.usage.list("123456789012", "us-east-1")
    assert [(record.kind, record.error, record.cold) for record in records] == [
        ("Event", "ValueError", False),
        ("Event", "ValueError", True),
    ]
    assert await world.packed.read(("usage", "123456789012", "us-east-1")) == []


async def test_an_outcome_waits_for_room_and_the_function_does_not_run_again(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals: list[Any] = []

    async def refuse(fn: Any, home: bytes | None = None) -> None:
        refusals.append(fn)
        raise StoreFull("the disk is full: nothing was written")

    world.add(handler=lambda event, work: monkeypatch.setattr(world.store, "write", refuse))
    request_id = await world.put()
    while not refusals:
        await asyncio.sleep(0)
    while len(refusals) < 3:
        world.clock.advance(1)
        await asyncio.sleep(0)
    monkeypatch.undo()
    while await world.queued():
        world.clock.advance(1)
        await asyncio.sleep(0)
    await world.idle()
    assert world.ran() == [request_id]


async def test_events_that_were_committed_run_after_a_crash(make_world: Any, gate: Any) -> None:
    world = await make_world()
    world.add(handler=gate)
    world.start()
    ids = {await world.put() for _ in range(5)}
    await gate.entered.wait()
    await world.crash()  # five were claimed, none was settled
    assert await world.queued() == 5
    world.fleet.handle("f", lambda event, work: None)
    world.start()
    await world.idle()
    assert set(world.ran()[-5:]) == ids
    assert await world.queued() == 0


@pytest.mark.parametrize("engine", sorted(engines()))
async def test_the_whole_life_on_every_engine(make_world: Any, tmp_path: Path, engine: str) -> None:
    store = await engines()[engine](tmp_path, rerun=None)
    world = await make_world(store=store)
    world.add(handler=fail, on_failure=RECORDS, dead_letter=LETTERS)
    world.start()
    await world.put(payload="x" * 100_000)
    await world.idle()
    await world.crash()
    world.start()
    await world.idle()
    assert len(world.ran()) == 1
    await world.advance(60)
    await world.advance(120)
    assert len(world.ran()) == 3
    assert len(await world.sent(RECORDS)) == len(await world.sent(LETTERS)) == 1
    assert await world.queued() == await world.queued("outbox") == 0
    await world.stop()
    await store.close()


async def test_events_put_before_the_loop_starts_run(make_world: Any) -> None:
    world = await make_world()
    world.add("a", handler=lambda event, work: None)
    world.add("b", handler=lambda event, work: None)
    ids = {await world.put("a"), await world.put("b"), await world.put("b")}
    world.start()
    await world.idle()
    assert {*world.ran("a"), *world.ran("b")} == ids


async def test_stop_waits_for_what_runs_and_leaves_the_rest_due(make_world: Any, gate: Any) -> None:
    world = await make_world(limit=1)
    world.add(handler=gate)
    world.start()
    await world.put()
    await world.put()
    await gate.entered.wait()
    gate.open()
    await world.stop(within_s=5)
    assert len(world.ran()) == 1
    assert await world.queued() == 1


async def test_reset_forgets_what_runs(world: Any, gate: Any) -> None:
    world.add(handler=gate)
    await world.put()
    await gate.entered.wait()
    await world.store.clear()
    world.events.reset()
    world.deliveries.reset()
    world.invoker.reset()
    await world.idle()
    assert gate.inside == 0
    world.fleet.handle("f", lambda event, work: None)
    request_id = await world.put()
    await world.idle()
    assert world.ran()[-1] == request_id
    assert len(await world.usage.list("123456789012", "us-east-1")) == 1


async def test_a_failed_put_leaves_no_file(make_world: Any) -> None:
    world = await make_world(rerun=False)
    event = QueuedEvent("r", FunctionRef("1" * 12, "us-east-1", "f"), 0, "api")
    prepared = await world.events.prepare(event, b"x" * 100_000)
    assert prepared.body == b""
    assert world.blobs.path(prepared.blob).exists()
    await world.events.discard(prepared)
    assert not world.blobs.path(prepared.blob).exists()


async def test_an_event_without_a_request_id_is_given_one(make_world: Any) -> None:
    world = await make_world()
    event = QueuedEvent("", FunctionRef("1" * 12, "us-east-1", "f"), 0, "api")
    assert len((await world.events.prepare(event, b"1")).request_id) == 36
