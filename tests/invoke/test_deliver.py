"""Deliveries: accepted in the sender's commit, or by way of the outbox; a sender is never rolled back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest

from yobu.invoke.deliver import INLINE_TARGETS, MAX_PAYLOAD
from yobu.invoke.values import Delivery, Refused
from yobu.store.port import Tx

LETTERS = "arn:aws:sqs:us-east-1:123456789012:letters"
RECORDS = "arn:aws:sqs:us-east-1:123456789012:records"
LATER = Refused("busy", retry=True)
NEVER = Refused("gone")


def delivery(world: Any, number: int = 0, **of: Any) -> Delivery:
    return Delivery(
        **{
            "id": f"d{number}",
            "target": LETTERS,
            "payload": b"{}",
            "source": "arn:aws:s3:::bucket",
            "service": "s3.amazonaws.com",
            "account": "123456789012",
            "region": "us-east-1",
            "created_ms": world.clock.now_ms(),
            **of,
        }
    )


async def send(world: Any, *deliveries: Delivery) -> None:
    """As a sender does: with a write of its own."""

    async def fn(tx: Tx) -> None:
        tx.put(b"the sender's", b"1")
        await world.deliveries.send(tx, deliveries)

    await world.store.write(fn)
    assert await world.store.get(b"the sender's") == b"1"


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    return [found.id for found in deliveries]


async def test_a_few_are_accepted_in_the_senders_commit(make_world: Any) -> None:
    world = await make_world()  # no loop runs
    await send(world, *(delivery(world, number) for number in range(INLINE_TARGETS + 2)))
    assert ids(await world.sent(LETTERS)) == ["d0", "d1", "d2", "d3"]
    assert await world.queued("outbox") == 2
    world.start()
    await world.idle()
    assert ids(await world.sent(LETTERS)) == ["d0", "d1", "d2", "d3", "d4", "d5"]
    assert await world.queued("outbox") == 0


async def test_a_refusal_that_may_pass_goes_to_the_outbox(world: Any) -> None:
    world.target.answers = [LATER, LATER, LATER]
    await send(world, delivery(world))
    await world.idle()
    assert await world.sent(LETTERS) == []
    for _ in range(3):
        assert await world.queued("outbox") == 1
        await world.advance(8)
    (arrived,) = await world.sent(LETTERS)
    assert (arrived.id, arrived.attempts) == ("d0", 3)
    assert await world.queued("outbox") == 0


async def test_a_refusal_for_good_is_dropped_with_a_line(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    world.target.answers = [NEVER]
    with caplog.at_level(logging.WARNING):
        await send(world, delivery(world))
    assert "d0" in caplog.text
    assert "dropped: gone" in caplog.text
    assert await world.queued("outbox") == 0


async def test_a_refusal_for_good_goes_to_the_dead_letter_target(world: Any) -> None:
    world.target.answers = [NEVER]
    await send(world, delivery(world, dead_letter=RECORDS))
    await world.idle()
    (letter,) = await world.sent(RECORDS)
    assert (letter.id, letter.payload, letter.dead_letter) == ("d0", b"{}", None)


async def test_after_24_hours_it_gives_up(world: Any) -> None:
    world.target.refuses["d0"] = LATER
    await send(world, delivery(world, dead_letter=RECORDS))
    for _ in range(24 * 12 - 2):
        await world.advance(300)
    assert await world.queued("outbox") == 1
    del world.target.refuses["d0"]
    world.target.answers = [LATER]
    await world.advance(600)
    await world.advance(600)
    assert ids(await world.sent(RECORDS)) == ["d0"]
    assert await world.sent(LETTERS) == []


async def test_a_service_without_targets_is_refused(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await send(world, delivery(world, target="arn:aws:kinesis:us-east-1:123456789012:stream/s"))
        await send(world, delivery(world, target="nonsense"))
    assert "no service 'kinesis'" in caplog.text
    assert "not an ARN" in caplog.text


async def test_a_target_that_fails_in_the_outbox_is_tried_again(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    world.target.answers = [LATER, RuntimeError("broken")]
    with caplog.at_level(logging.ERROR):
        await send(world, delivery(world))
        await world.advance(1)
    assert "delivery d0" in caplog.text
    await world.advance(4)
    assert ids(await world.sent(LETTERS)) == ["d0"]


async def test_what_is_too_large_is_dropped_with_a_line(world: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await send(world, delivery(world, payload=b"x" * (MAX_PAYLOAD + 1)))
    assert f"more than {MAX_PAYLOAD}" in caplog.text
    assert await world.sent(LETTERS) == []


async def test_the_largest_fits_the_outbox(world: Any) -> None:
    world.target.answers = [LATER]
    await send(world, delivery(world, payload=b"x" * MAX_PAYLOAD))
    await world.advance(2)
    assert ids(await world.sent(LETTERS)) == ["d0"]


async def test_an_order_key_keeps_its_order_while_others_pass(world: Any) -> None:
    world.target.refuses["d0"] = LATER
    await send(world, delivery(world, 0, order_key="k"))
    await send(world, delivery(world, 1, order_key="k"), delivery(world, 2, order_key="other"))
    await send(world, delivery(world, 3, order_key="k"), delivery(world, 4))
    await world.idle()
    assert ids(await world.sent(LETTERS)) == ["d2", "d4"]
    del world.target.refuses["d0"]
    await world.advance(2)
    assert ids(await world.sent(LETTERS)) == ["d2", "d4", "d0", "d1", "d3"]
    await send(world, delivery(world, 5, order_key="k"))
    assert ids(await world.sent(LETTERS))[-1] == "d5"
    assert await world.queued("outbox-heads") == await world.queued("outbox-behind") == 0


async def test_giving_up_one_lets_the_next_of_its_key_pass(world: Any) -> None:
    world.target.answers = [LATER, NEVER]
    await send(world, delivery(world, 0, order_key="k"))
    await send(world, delivery(world, 1, order_key="k"))
    await world.advance(2)
    assert ids(await world.sent(LETTERS)) == ["d1"]


async def test_many_in_order_through_the_outbox(make_world: Any) -> None:
    world = await make_world()
    await send(world, *(delivery(world, number, order_key="k") for number in range(30)))
    world.start()
    await world.idle()
    assert ids(await world.sent(LETTERS)) == [f"d{number}" for number in range(30)]


async def test_a_target_that_refuses_blocks_no_other(world: Any) -> None:
    for number in range(40):
        world.target.refuses[f"d{number}"] = LATER
    await send(world, *(delivery(world, number) for number in range(40)))
    await send(world, *(delivery(world, number, target=RECORDS) for number in range(100, 110)))
    await world.idle()
    assert len(await world.sent(RECORDS)) == 10
    world.target.refuses.clear()
    for _ in range(60):
        await world.advance(10)
    assert len(await world.sent(LETTERS)) == 40


async def test_the_outbox_survives_a_crash(make_world: Any) -> None:
    world = await make_world()
    await send(world, *(delivery(world, number) for number in range(8)))
    await world.crash()
    world.start()
    await world.idle()
    assert len(await world.sent(LETTERS)) == 8


async def test_check_asks_the_target_or_names_what_is_missing(world: Any) -> None:
    async def check(arn: str) -> str | None:
        found = await world.deliveries.check(world.store, arn, "arn:aws:s3:::b", "s3.amazonaws.com", "123456789012")
        assert found is None or isinstance(found, str)
        return found

    assert await check(LETTERS) is None
    assert "does not exist" in str(await check(LETTERS + "-no"))
    assert "no service 'sns'" in str(await check("arn:aws:sns:us-east-1:123456789012:t"))
    assert "not an ARN" in str(await check("t"))
