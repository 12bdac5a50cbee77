from __future__ import annotations

from typing import Any

import pytest

from yobu.invoke.values import Accepted, Delivery, QueuedEvent, Refused
from yobu.services.lambda_.target import SERVICE, Target
from yobu.services.port import Parts
from yobu.store.port import Tx
from yobu.store.space import Space

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
BUCKET = "arn:aws:s3:::photos"
ALLOWED = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


def delivery(target: str = ARN, service: str = "s3.amazonaws.com", source: str = BUCKET) -> Delivery:
    return Delivery(
        id="d-1",
        target=target,
        payload=b'{"Records":[]}',
        source=source,
        service=service,
        account="123456789012",
        region="us-east-1",
        created_ms=1_700_000_000_123,
    )


async def accept(parts: Parts, given: Delivery) -> Accepted | Refused:
    target = Target(parts)

    async def take(tx: Tx) -> Accepted | Refused:
        return await target.accept(tx, given)

    return await parts.store.write(take)


async def queued(parts: Parts) -> list[QueuedEvent]:
    rows: Space[QueuedEvent] = Space(("queue",), QueuedEvent)
    return [rows.decode(value) for _, value in await parts.store.scan(rows.range())]


def test_it_serves_the_arns_of_lambda() -> None:
    assert SERVICE == "lambda"


async def test_an_event_is_queued_in_the_senders_transaction(aws: Any, parts: Parts) -> None:
    await aws.create()
    await aws("AddPermission", FunctionName="f", SourceArn=BUCKET, SourceAccount="123456789012", **ALLOWED)
    assert await accept(parts, delivery()) == Accepted()
    [event] = await queued(parts)
    assert event == QueuedEvent("d-1", aws.ref(), 1_700_000_000_123, "s3.amazonaws.com", b'{"Records":[]}')


async def test_a_qualifier_is_kept_and_has_its_own_policy(aws: Any, parts: Parts) -> None:
    await aws.create(Publish=True)
    await aws("AddPermission", FunctionName="f", **ALLOWED)
    refused = await accept(parts, delivery(f"{ARN}:1"))
    assert isinstance(refused, Refused)
    await aws("AddPermission", FunctionName="f", Qualifier="1", **ALLOWED)
    assert await accept(parts, delivery(f"{ARN}:1")) == Accepted()
    [event] = await queued(parts)
    assert event.function == aws.ref("f", "1")


REFUSED = [
    (delivery(f"{ARN}x"), f"Function not found: {ARN}x"),
    (delivery(f"{ARN}:live"), f"Function not found: {ARN}:live"),
    (delivery("arn:aws:lambda:us-east-1:123456789012:layer:l"), "not a function's ARN"),
    (delivery("nonsense"), "not a function's ARN"),
    (delivery(source="arn:aws:s3:::other"), "does not let s3.amazonaws.com invoke it for arn:aws:s3:::other"),
    (delivery(service="sns.amazonaws.com"), "does not let sns.amazonaws.com invoke it"),
]


@pytest.mark.parametrize(("given", "reason"), REFUSED)
async def test_what_may_not_come_in_is_refused_for_good(aws: Any, parts: Parts, given: Delivery, reason: str) -> None:
    await aws.create()
    await aws("AddPermission", FunctionName="f", SourceArn=BUCKET, **ALLOWED)
    answer = await accept(parts, given)
    assert isinstance(answer, Refused)
    assert reason in answer.reason
    assert not answer.retry
    assert await queued(parts) == []
    check = Target(parts).check(parts.store, given.target, given.source, given.service, given.account)
    assert await check == answer.reason


async def test_services_with_a_role_of_their_own_need_no_policy(aws: Any, parts: Parts) -> None:
    await aws.create()
    sender = "arn:aws:lambda:us-east-1:123456789012:function:g"
    assert await accept(parts, delivery(service="lambda.amazonaws.com", source=sender)) == Accepted()
    assert await Target(parts).check(parts.store, ARN, sender, "lambda.amazonaws.com", "123456789012") is None


async def test_a_permission_makes_the_function_a_valid_target(aws: Any, parts: Parts) -> None:
    await aws.create()
    check = Target(parts).check
    assert await check(parts.store, ARN, BUCKET, "s3.amazonaws.com", "123456789012") is not None
    await aws("AddPermission", FunctionName="f", SourceArn=BUCKET, **ALLOWED)
    assert await check(parts.store, ARN, BUCKET, "s3.amazonaws.com", "123456789012") is None
