"""The committer over an engine that only takes notes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from yobu.store.committer import BATCH_FUNCTIONS, Committer, EngineError
from yobu.store.port import StoreClosed, StoreFull
from yobu.store.topics import Topics
from yobu.store.transaction import Effects


class Notes:
    """A `Batch`: each function is a callable whose result is its number."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.now = 0.0
        self.cost = 0.0
        self.fails: dict[str, EngineError] = {}

    def _step(self, name: str) -> None:
        self.events.append(name)
        if name in self.fails:
            raise self.fails.pop(name)

    def begin(self) -> None:
        self._step("begin")

    def run(self, fn: Any) -> Any:
        self._step(f"run {fn}")
        self.now += self.cost
        return fn, Effects()

    def seal(self) -> bool:
        self._step("seal")
        return True

    def commit(self) -> None:
        self._step("commit")

    def rollback(self) -> None:
        self._step("rollback")


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
async def committer(notes: Notes) -> AsyncIterator[Committer]:
    committer = Committer(notes, Topics(), lambda: notes.now)
    yield committer
    await committer.close()


def submit(committer: Committer, *numbers: int) -> list[asyncio.Future[Any]]:
    return [committer.submit(number) for number in numbers]  # type: ignore[arg-type]


async def test_functions_that_are_ready_share_a_commit(committer: Committer, notes: Notes) -> None:
    assert await asyncio.gather(*submit(committer, 1, 2, 3)) == [1, 2, 3]
    assert notes.events == ["begin", "run 1", "run 2", "run 3", "seal", "commit"]


async def test_one_alone_does_not_wait_for_others(committer: Committer, notes: Notes) -> None:
    (future,) = submit(committer, 1)
    await asyncio.sleep(0)
    assert notes.events[:3] == ["begin", "run 1", "seal"]
    assert await future == 1


async def test_a_batch_ends_with_its_time(committer: Committer, notes: Notes) -> None:
    notes.cost = 0.0009
    await asyncio.gather(*submit(committer, 1, 2, 3, 4))
    assert notes.events == ["begin", "run 1", "run 2", "run 3", "seal", "commit", "begin", "run 4", "seal", "commit"]


async def test_a_batch_ends_with_its_number(committer: Committer, notes: Notes) -> None:
    await asyncio.gather(*submit(committer, *range(BATCH_FUNCTIONS + 1)))
    assert notes.events.count("commit") == 2
    assert committer.commits == 2


async def test_work_alone_runs_between_batches(committer: Committer, notes: Notes) -> None:
    first = submit(committer, 1)
    alone = committer.alone(lambda: notes.events.append("alone"))
    await asyncio.gather(*first, alone, *submit(committer, 2))
    assert notes.events == ["begin", "run 1", "seal", "commit", "alone", "begin", "run 2", "seal", "commit"]


async def test_a_busy_file_is_tried_again(committer: Committer, notes: Notes) -> None:
    notes.fails["begin"] = EngineError("locked", busy=True)
    assert await asyncio.gather(*submit(committer, 1, 2)) == [1, 2]
    assert notes.events[:3] == ["begin", "begin", "run 1"]


@pytest.mark.parametrize("step", ["begin", "run 2", "seal", "commit"])
async def test_want_of_room_at_any_step_fails_the_batch(committer: Committer, notes: Notes, step: str) -> None:
    notes.fails[step] = EngineError("full", full=True)
    batch = submit(committer, 1, 2)
    outcomes = await asyncio.gather(*batch, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreFull, StoreFull]
    assert notes.events[-1] == "rollback"
    assert await asyncio.gather(*submit(committer, 3)) == [3]


@pytest.mark.parametrize("step", ["begin", "run 2", "seal", "commit"])
async def test_any_other_failure_stops_it(notes: Notes, step: str) -> None:
    heard: list[Exception] = []
    committer = Committer(notes, Topics(), lambda: notes.now, heard.append)
    notes.fails[step] = EngineError("broken")
    outcomes = await asyncio.gather(*submit(committer, 1, 2, 3), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreClosed] * 3
    assert [str(error) for error in heard] == ["broken"]
    with pytest.raises(StoreClosed, match="broken"):
        submit(committer, 4)
    await committer.close()


async def test_a_rollback_that_fails_stops_it(committer: Committer, notes: Notes) -> None:
    notes.fails = {"commit": EngineError("full", full=True), "rollback": EngineError("broken")}
    outcomes = await asyncio.gather(*submit(committer, 1), return_exceptions=True)
    assert isinstance(outcomes[0], StoreClosed | StoreFull)
    with pytest.raises(StoreClosed, match="broken"):
        submit(committer, 2)


async def test_what_is_cancelled_before_its_turn_does_not_run(committer: Committer, notes: Notes) -> None:
    first, second = submit(committer, 1, 2)
    first.cancel()
    assert await second == 2
    assert "run 1" not in notes.events
    (third,) = submit(committer, 3)
    third.cancel()
    await asyncio.sleep(0)
    assert notes.events.count("begin") == 1
