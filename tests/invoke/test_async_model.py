"""The asynchronous life against a small model: whatever happens, every acknowledged event has exactly one fate.

Hypothesis mixes puts, advances of the clock, failing and hanging functions, reservations, deletions, and crashes of
the node. After each step the store and the model must agree; at the end everything is mended, the clock runs on,
and the queue must be empty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from yobu.base.errors import AwsError
from yobu.fleet.port import Work

RECORDS = "arn:aws:sqs:us-east-1:123456789012:records"
MAX_AGE_S = 400
NAMES = st.sampled_from(["f", "g"])


@dataclass
class Event:
    """What the model knows of one event: when it came, and how each of its runs ended."""

    name: str
    enqueued_s: float
    runs: list[tuple[float, str]] = field(default_factory=list)

    @property
    def ended(self) -> list[tuple[float, str]]:
        """The runs whose outcome the node lived to see."""
        return [run for run in self.runs if run[1] != "hang"]


class Life(RuleBasedStateMachine):
    """`make` builds a floor; each rule is a step of the world."""

    make: Callable[[], Coroutine[Any, Any, Any]]

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = self.loop.run_until_complete(type(self).make())
        self.events: dict[str, Event] = {}
        self.mood = {"f": "fail", "g": "ok"}
        self.was_zero: set[str] = set()
        self.was_gone: set[str] = set()
        self.hangs: asyncio.Event | None = None
        for name in self.mood:
            self.world.fleet.handle(name, self.handle)
            self.configure(name, None, 2)
        self.do(self.begin_loop())

    async def begin_loop(self) -> None:
        self.world.start()
        await self.world.idle()

    def do(self, step: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(step)

    def configure(self, name: str, reserved: int | None, retries: int) -> None:
        self.world.add(
            name,
            reserved=reserved,
            max_retries=retries,
            max_age_s=MAX_AGE_S,
            on_success=RECORDS,
            on_failure=RECORDS,
        )

    async def handle(self, payload: Any, work: Work) -> Any:
        event = self.events[work.request_id]
        mood = self.mood[event.name]
        event.runs.append((self.world.clock.now(), mood))
        if mood == "hang":
            await asyncio.Event().wait()
        if mood == "fail":
            raise ValueError("no")
        return payload

    @rule(name=NAMES)
    def put(self, name: str) -> None:
        async def step() -> None:
            request_id = f"r{len(self.events)}"
            self.events[request_id] = Event(name, self.world.clock.now())
            await self.world.put(name, request_id=request_id)
            await self.world.idle()

        self.do(step())

    @rule(seconds=st.sampled_from([60, 120, 59, 100, 0.5, 301]))
    def advance(self, seconds: float) -> None:
        self.do(self.world.advance(seconds))

    @rule(name=NAMES, mood=st.sampled_from(["ok", "fail"]))
    def feel(self, name: str, mood: str) -> None:
        self.mood[name] = mood

    @rule(name=NAMES, reserved=st.sampled_from([None, 0, 1]), retries=st.integers(0, 2))
    def reconfigure(self, name: str, reserved: int | None, retries: int) -> None:
        self.configure(name, reserved, retries)
        if reserved == 0:
            self.was_zero.add(name)

    @rule(name=NAMES, seconds=st.sampled_from([1, 100, 401]))
    def no_room_for_a_while(self, name: str, seconds: float) -> None:
        self.configure(name, 1, 2)
        slot = self.world.invoker.admission.enter(self.world.functions[name])
        self.do(self.world.advance(seconds))
        slot.leave()

    @rule(name=NAMES)
    def pending(self, name: str) -> None:
        self.world.functions[name] = AwsError("ResourceConflictException", "Pending", 409)

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        self.world.functions.pop(name, None)
        self.was_gone.add(name)

    @rule(name=NAMES, when=st.sampled_from(["idle", "running"]))
    def crash(self, name: str, when: str) -> None:
        async def step() -> None:
            if when == "running":
                self.mood[name] = "hang"
                request_id = f"r{len(self.events)}"
                self.events[request_id] = Event(name, self.world.clock.now())
                await self.world.put(name, request_id=request_id)
                for _ in range(20):
                    await asyncio.sleep(0)
            await self.world.crash()
            self.mood[name] = "ok" if self.mood[name] == "hang" else self.mood[name]
            await self.begin_loop()

        self.do(step())

    @invariant()
    def every_event_has_one_place(self) -> None:
        self.do(self.check())

    async def check(self) -> None:
        queued = await self.world.queued_ids()
        records = await self.world.records()
        conditions = {record["requestContext"]["requestId"]: record["requestContext"] for record in records}
        assert len(conditions) == len(records), "settled twice"
        assert len(queued) == len(set(queued))
        assert not set(queued) & set(conditions)
        for request_id, event in self.events.items():
            self.check_runs(event)
            if request_id in conditions:
                self.check_fate(event, conditions[request_id])
            elif request_id not in queued:
                assert event.name in self.was_gone, "lost"
        usage = await self.world.usage.list("123456789012", "us-east-1", limit=1_000)
        assert len(usage) == sum(len(event.ended) for event in self.events.values())

    def check_runs(self, event: Event) -> None:
        """A run after an error comes one minute later, the next two; after a success none."""
        ended = event.ended
        assert all(mood == "fail" for _, mood in ended[:-1])
        for (before, _), (after, _), least in zip(ended, ended[1:], (60, 120), strict=False):
            assert after - before >= least
        assert len(ended) <= 3
        assert all(at - event.enqueued_s < MAX_AGE_S for at, _ in event.runs)

    def check_fate(self, event: Event, context: dict[str, Any]) -> None:
        ended, now = event.ended, self.world.clock.now()
        assert context["approximateInvokeCount"] == len(ended)
        condition = context["condition"]
        if condition == "Success":
            assert ended[-1][1] == "ok"
            return
        assert all(mood == "fail" for _, mood in ended)
        if condition == "RetriesExhausted":
            assert ended
        elif condition == "ZeroReservedConcurrency":
            assert event.name in self.was_zero
        else:
            next_wait = 0 if not ended else (60, 120)[min(len(ended), 2) - 1]
            assert now + next_wait - event.enqueued_s >= MAX_AGE_S

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return

        async def end() -> None:
            for name in self.mood:
                self.mood[name] = "ok"
                self.configure(name, None, 2)
            for _ in range(MAX_AGE_S // 20 + 5):
                await self.world.advance(20)
            assert await self.world.queued() == 0, "an event is stuck"
            assert await self.world.queued("outbox") == 0
            await self.world.stop()
            await self.world.blobs.stop()
            await self.world.packed.close()

        try:
            self.do(end())
        finally:
            self.loop.close()


def test_every_acknowledged_event_has_exactly_one_fate(make_plain: Any) -> None:
    machine = type("Life", (Life,), {"make": staticmethod(make_plain)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=200,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
