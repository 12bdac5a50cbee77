"""One node's invocation floor for tests: the store in memory, a fake fleet, a clock that stands still.

The store reruns transaction functions at random (seeded), so that every test also shows that they are pure.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from yobu.base.clock import FakeClock
from yobu.base.errors import AwsError
from yobu.base.ids import SeededIds
from yobu.fleet.fake import FakeFleet
from yobu.fleet.port import FunctionSpec, Work
from yobu.invoke.admit import Admission
from yobu.invoke.attempt import AttemptParts, Attempts
from yobu.invoke.deliver import Deliveries
from yobu.invoke.invoker import Invoker, InvokerParts
from yobu.invoke.queue import EventQueue
from yobu.invoke.settle import Settlement, SettlementParts
from yobu.invoke.usage import Usage
from yobu.invoke.values import Accepted, Delivery, EventPolicy, FunctionRef, QueuedEvent, Refused, Resolved
from yobu.store.blobs import Blobs
from yobu.store.memory import MemoryStore
from yobu.store.packed import Packed
from yobu.store.port import Reader, Store, Tx
from yobu.store.space import Space
from yobu.store.transaction import Rerun

ACCOUNT, REGION = "123456789012", "us-east-1"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
OTHER_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:records"


def function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"


def resolved(name: str = "f", reserved: int | None = None, version: str = "$LATEST", **policy: Any) -> Resolved:
    spec = FunctionSpec(
        arn=function_arn(name),
        account=ACCOUNT,
        region=REGION,
        name=name,
        version=version,
        revision="r1",
        runtime="python3.12",
        handler="m.h",
        code=Path("/nowhere"),
        role=f"arn:aws:iam::{ACCOUNT}:role/r",
    )
    return Resolved(spec, function_arn(name), reserved, EventPolicy(**policy))


class StoredTarget:
    """A room's target in miniature: what it accepts lies in the store; `answers` are given before it accepts."""

    def __init__(self) -> None:
        self.space = Space(("accepted",), Delivery)
        self.answers: list[Refused | Exception] = []
        self.refuses: dict[str, Refused] = {}

    async def accept(self, tx: Tx, delivery: Delivery) -> Accepted | Refused:
        if self.answers:
            answer = self.answers[0]
            tx.after_commit(lambda: self.answers.remove(answer))
            if isinstance(answer, Exception):
                self.answers.remove(answer)
                raise answer
            return answer
        if delivery.id in self.refuses:
            return self.refuses[delivery.id]
        self.space.put(tx, (delivery.target, tx.stamp()), delivery)
        return Accepted()

    async def check(self, read: Reader, arn: str, source: str, service: str, account: str) -> str | None:
        return None if arn.endswith((":letters", ":records")) else f"{arn} does not exist"


class World:
    """A node's floor over `store`. `functions` are those that exist; `sent(arn)` what arrived at a queue."""

    def __init__(self, store: MemoryStore, clock: FakeClock, blobs: Blobs, packed: Packed, limit: int) -> None:
        self.store, self.clock, self.ids, self.blobs, self.packed = store, clock, SeededIds(1), blobs, packed
        self.limit = limit
        self.fleet = FakeFleet(clock, self.ids)
        self.functions: dict[str, Resolved | Exception] = {}
        self.target = StoredTarget()
        self._build()

    def _build(self) -> None:
        self.usage = Usage(self.store, self.packed)
        self.invoker = Invoker(InvokerParts(self.fleet, Admission(1_000), self.usage, self.clock))
        self.events = EventQueue(self.store, self.blobs, self.clock, self.ids, self.limit)
        self.deliveries = Deliveries(self.store, self.clock, self.ids)
        self.deliveries.register("sqs", self.target)
        settlement = Settlement(
            SettlementParts(self.store, self.clock, self.ids, self.events, self.deliveries, self.usage)
        )
        self.attempts = Attempts(AttemptParts(self.clock, self, self.invoker, self.events, settlement))

    async def resolve(self, ref: FunctionRef, read: Reader | None = None) -> Resolved:
        found = self.functions.get(ref.name)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Function not found: {function_arn(ref.name)}", 404)
        if isinstance(found, Exception):
            raise found
        return found

    def add(self, name: str = "f", handler: Callable[..., Any] | None = None, **of: Any) -> None:
        self.functions[name] = resolved(name, **of)
        if handler is not None:
            self.fleet.handle(name, handler)

    def ref(self, name: str, qualifier: str | None = None) -> FunctionRef:
        return FunctionRef(ACCOUNT, REGION, name, qualifier)

    async def put(
        self, name: str = "f", payload: Any = None, request_id: str = "", qualifier: str | None = None
    ) -> str:
        event = QueuedEvent(request_id, self.ref(name, qualifier), self.clock.now_ms(), "api")
        return (await self.events.add(event, json.dumps(payload).encode())).request_id

    def start(self) -> None:
        self.events.start(self.attempts.run)
        self.deliveries.start()

    async def stop(self, within_s: float = 1.0) -> None:
        await self.events.stop(within_s)
        await self.deliveries.stop(within_s)

    async def crash(self) -> None:
        """The process dies, and a new one opens the same store."""
        await self.stop(0)
        self._build()

    async def idle(self) -> None:
        """Wait until nothing is due: an event may send what the outbox must deliver, and the other way round."""
        await self.events.idle()
        await self.deliveries.idle()
        await self.events.idle()

    async def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await self.idle()

    async def sent(self, arn: str) -> list[Delivery]:
        rows = await self.target.space.scan(self.store, self.target.space.range(arn))
        return [delivery for _, delivery in rows]

    async def records(self, arn: str = OTHER_ARN) -> list[dict[str, Any]]:
        return [json.loads(delivery.payload) for delivery in await self.sent(arn)]

    async def due_s(self) -> list[float]:
        """In how many seconds each queued event is due."""
        space = Space(("queue",), QueuedEvent)
        rows = await space.scan(self.store, space.range())
        return [parts[1] / 1000 - self.clock.now() for parts, _ in rows]

    async def queued_ids(self) -> list[str]:
        """The request ids of the queued events."""
        space = Space(("queue",), QueuedEvent)
        return [event.request_id for _, event in await space.scan(self.store, space.range())]

    async def queued(self, prefix: str = "queue") -> int:
        return len(await self.store.scan(Space((prefix,), bytes).range()))

    def ran(self, name: str = "f") -> list[str]:
        """The request ids for which the function ran, in order."""
        return [work.request_id for spec, work in self.fleet.calls if spec.name == name]


class Gate:
    """A handler that holds its calls until `open`; `inside` counts those that wait."""

    def __init__(self) -> None:
        self.inside = 0
        self.entered = asyncio.Event()
        self._open = asyncio.Event()

    async def __call__(self, event: Any, work: Work) -> Any:
        self.inside += 1
        self.entered.set()
        try:
            await self._open.wait()
        finally:
            self.inside -= 1
        return event

    def open(self) -> None:
        self._open.set()


MakeWorld = Callable[..., Any]


@pytest.fixture
async def make_world(tmp_path: Path) -> AsyncIterator[MakeWorld]:
    """`await make_world(limit=1000, store=None)`: a floor that is stopped at the end."""
    made: list[World] = []

    async def make(limit: int = 1_000, store: Store | None = None, rerun: bool = True) -> World:
        clock = FakeClock()
        engine = store or MemoryStore(rerun=Rerun(SeededIds(7)) if rerun else None)
        blobs = await Blobs.open(tmp_path / f"blobs{len(made)}", engine, clock, SeededIds(2))
        packed = await Packed.open(None, clock)
        made.append(World(engine, clock, blobs, packed, limit))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for world in made:
        await world.stop()
        await world.blobs.stop()
        await world.packed.close()


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    made: World = await make_world()
    made.start()
    return made


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def make_resolved() -> Callable[..., Resolved]:
    return resolved


@pytest.fixture
def make_plain(tmp_path: Path) -> Callable[[], Any]:
    """`await make_plain()`: a floor that the caller stops, for tests that run loops of their own."""

    async def make() -> World:
        clock = FakeClock()
        engine = MemoryStore(rerun=Rerun(SeededIds(7)))
        blobs = await Blobs.open(tmp_path / "blobs", engine, clock, SeededIds(2))
        return World(engine, clock, blobs, await Packed.open(None, clock), 50)

    return make
