"""Invoker.execute: what a synchronous caller sees, and what is written down."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from yobu.base.errors import AwsError
from yobu.fleet.port import Work
from yobu.invoke.values import Invocation

WHERE = ("123456789012", "us-east-1")


def call(world: Any, **of: Any) -> Invocation:
    return Invocation(request_id="r-1", function=world.functions["f"], payload=b'{"a": 1}', **of)


async def test_ok_carries_the_reply(world: Any) -> None:
    world.add(handler=lambda event, work: event["a"])
    outcome = await world.invoker.execute(call(world))
    assert outcome.status == "ok"
    assert outcome.reply.payload == b"1"


async def test_the_environment_sees_the_whole_work(world: Any) -> None:
    world.add(handler=lambda event, work: None)
    await world.invoker.execute(call(world, client_context='{"c": 1}', trace="Root=1"))
    ((spec, work),) = world.fleet.calls
    assert spec == world.functions["f"].spec
    assert work == Work("r-1", b'{"a": 1}', world.functions["f"].invoked_arn, '{"c": 1}', "Root=1")


async def test_a_function_error_is_an_outcome(world: Any) -> None:
    def fail(event: Any, work: Work) -> None:
        raise KeyError("x")

    world.add(handler=fail)
    outcome = await world.invoker.execute(call(world))
    assert (outcome.status, outcome.reply.error, outcome.reply.error_type) == ("error", "Unhandled", "KeyError")


async def test_throttled_carries_awss_reason(world: Any) -> None:
    world.add(handler=lambda event, work: None, reserved=0)
    outcome = await world.invoker.execute(call(world))
    assert outcome.status == "throttled"
    assert outcome.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert world.fleet.calls == []
    assert await world.usage.list(*WHERE) == []


async def test_an_aws_error_of_the_fleet_reaches_the_caller(world: Any) -> None:
    world.add()
    with pytest.raises(AwsError, match="InvalidRuntimeException"):
        await world.invoker.execute(call(world))
    assert world.invoker.admission.running(*WHERE) == 0


async def test_a_cancelled_call_gives_its_place_back(world: Any, gate: Any) -> None:
    world.add(handler=gate, reserved=1)
    running = asyncio.create_task(world.invoker.execute(call(world)))
    await gate.entered.wait()
    assert world.invoker.admission.running(*WHERE) == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert world.invoker.admission.running(*WHERE) == 0


async def test_the_usage_of_a_synchronous_call_is_packed(world: Any) -> None:
    world.add(handler=lambda event, work: None)
    await world.invoker.execute(call(world, cause="arn:aws:sqs:::q"))
    (record,) = await world.usage.list(*WHERE)
    assert (record.request_id, record.kind, record.cause, record.version) == (
        "r-1",
        "RequestResponse",
        "arn:aws:sqs:::q",
        "$LATEST",
    )
    assert (record.cold, record.error, record.start_ms) == (True, None, world.clock.now_ms())
    assert len(await world.packed.read(("usage", *WHERE))) == 1


async def test_the_usage_of_an_event_is_left_to_its_settling(world: Any) -> None:
    world.add(handler=lambda event, work: None)
    await world.invoker.execute(call(world, kind="Event"))
    assert await world.usage.list(*WHERE) == []
