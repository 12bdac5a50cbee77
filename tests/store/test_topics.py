from __future__ import annotations

import asyncio

from yobu.store.topics import Topics


async def test_a_wake_reaches_those_who_wait_and_no_later_one() -> None:
    topics = Topics()
    first, second, other = topics.wait("a"), topics.wait("a"), topics.wait("b")
    topics.wake("a")
    later = topics.wait("a")
    await asyncio.gather(first, second)
    assert not other.done() and not later.done()


async def test_who_goes_away_leaves_nothing() -> None:
    topics = Topics()
    first, second = topics.wait("a"), topics.wait("a")
    first.cancel()
    await asyncio.sleep(0)
    topics.wake("a")
    await second
    third = topics.wait("a")
    assert topics
    third.cancel()
    await asyncio.sleep(0)
    assert not topics
