"""The composition root, the only file that knows everyone: settings -> parts -> start -> stop.

Order of life: the data folder and the port are taken first (either may be refused), state opens, rooms begin, then
the door opens. A stop goes the other way: no new requests, running ones finish, what is unfinished stays queued.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import msgspec
import uvloop

import yobu
import yobu.runtimes
import yobu.services
from yobu.aws.http import Params
from yobu.aws.service import Catalogue
from yobu.base import log
from yobu.base.clock import Clock
from yobu.base.context import Context
from yobu.base.discover import faces, modules
from yobu.base.errors import YobuError
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.code import CodeCache
from yobu.fleet.fleet import FleetParts, ProcessFleet
from yobu.invoke.admit import Admission
from yobu.invoke.attempt import AttemptParts, Attempts
from yobu.invoke.deliver import Deliveries
from yobu.invoke.invoker import Invoker, InvokerParts
from yobu.invoke.queue import EventQueue
from yobu.invoke.settle import Settlement, SettlementParts
from yobu.invoke.statement import asked, statement
from yobu.invoke.usage import Usage
from yobu.meter.bill import cost
from yobu.server import owner, session
from yobu.server.admin import Admin
from yobu.server.app import App
from yobu.server.dispatch import Dispatch, DispatchParts
from yobu.server.listen import Bound, bind
from yobu.services.iam.principals import IamPrincipals
from yobu.services.lambda_.api import Api as LambdaRoom
from yobu.services.logs.sink import PackedLogs
from yobu.services.port import Parts, Room
from yobu.store.blobs import Blobs
from yobu.store.folder import DataFolder
from yobu.store.packed import Packed
from yobu.store.sqlite import Commit, SqliteStore, commit

STOP_WITHIN_S = 10.0

_log = log.logger("node")


@dataclass(frozen=True, slots=True)
class Ground:
    """What everything else stands on."""

    settings: Settings
    clock: Clock
    ids: Ids
    folder: DataFolder
    store: SqliteStore
    packed: Packed
    blobs: Blobs


@dataclass(frozen=True, slots=True)
class Machine:
    """What runs functions, and what came of it."""

    fleet: ProcessFleet
    invoker: Invoker
    events: EventQueue
    deliveries: Deliveries
    usage: Usage
    code: CodeCache


class Node:
    """A running node, from `start` to `stop`."""

    def __init__(self, ground: Ground, bound: Bound) -> None:
        self.ground = ground
        self.bound = bound
        self.url = f"{ground.settings.scheme}://{session.authority(ground.settings.host, bound.port)}"
        self._began = ground.clock.elapsed()
        self.principals = IamPrincipals(ground.store, ground.clock, ground.ids, ground.settings)
        self.logs = PackedLogs(ground.packed, ground.store, ground.clock)
        self.admin = Admin(ground.ids)
        self.machine = self._build_machine()
        parts = self._build_parts()
        self.rooms: dict[str, Room] = {name: module.Api(parts) for name, module in faces(yobu.services, "api")}
        for _, module in faces(yobu.services, "target"):
            self.machine.deliveries.register(module.SERVICE, module.Target(parts))
        self.dispatch = self._build_dispatch()
        self.app = App(self.dispatch, self.admin, ground.clock)
        self.attempts = self._build_attempts()
        self._add_doors()

    def _build_machine(self) -> Machine:
        ground = self.ground
        usage = Usage(ground.store, ground.packed)
        fleet = ProcessFleet(
            FleetParts(
                settings=ground.settings,
                clock=ground.clock,
                ids=ground.ids,
                run_folder=ground.folder.run,
                runtimes=tuple(module for _, module in modules(yobu.runtimes)),
                credentials=self.principals,
                log_sink=self.logs,
                endpoint=lambda: f"http://127.0.0.1:{self.bound.port}",
            )
        )
        admission = Admission(ground.settings.concurrency)
        return Machine(
            fleet=fleet,
            invoker=Invoker(InvokerParts(fleet, admission, usage, ground.clock)),
            events=EventQueue(ground.store, ground.blobs, ground.clock, ground.ids, ground.settings.concurrency),
            deliveries=Deliveries(ground.store, ground.clock, ground.ids),
            usage=usage,
            code=CodeCache(ground.folder.code, ground.ids),
        )

    def _build_parts(self) -> Parts:
        ground, machine = self.ground, self.machine

        async def call(ctx: Context, service: str, operation: str, params: Params) -> Params:
            return await self.dispatch.call(ctx, service, operation, params)

        return Parts(
            settings=ground.settings,
            clock=ground.clock,
            ids=ground.ids,
            store=ground.store,
            blobs=ground.blobs,
            packed=ground.packed,
            fleet=machine.fleet,
            code=machine.code,
            invoker=machine.invoker,
            events=machine.events,
            deliveries=machine.deliveries,
            call=call,
            admin=self.admin,
        )

    def _build_attempts(self) -> Attempts:
        ground, machine = self.ground, self.machine
        settlement = Settlement(
            SettlementParts(
                store=ground.store,
                clock=ground.clock,
                ids=ground.ids,
                events=machine.events,
                deliveries=machine.deliveries,
                usage=machine.usage,
            )
        )
        # The lambda room's own provider: it forgets what it knows of a function with the commit that changes it.
        room = self.rooms["lambda_"]
        assert isinstance(room, LambdaRoom)
        return Attempts(AttemptParts(ground.clock, room.functions, machine.invoker, machine.events, settlement))

    def _build_dispatch(self) -> Dispatch:
        ground = self.ground
        return Dispatch(
            DispatchParts(
                rooms=tuple(self.rooms.values()),
                catalogue=Catalogue(),
                principals=self.principals,
                settings=ground.settings,
                clock=ground.clock,
                ids=ground.ids,
            )
        )

    def _add_doors(self) -> None:
        self.admin.add("GET", "health", self._health)
        self.admin.add("GET", "status", self._status)
        self.admin.add("GET", "usage", self._usage)
        self.admin.add("GET", "bill", self._bill)
        self.admin.add("POST", "reset", self._reset)

    async def start(self) -> None:
        """Begin: the fleet sweeps, rooms tell their state, due events run, the door opens."""
        self.logs.start()
        self.ground.blobs.start()
        await self.machine.fleet.start()
        for room in self.rooms.values():
            await room.start()
        self.machine.deliveries.start()
        self.machine.events.start(self.attempts.run)
        await self.bound.serve(self.app)

    async def stop(self, within_s: float = STOP_WITHIN_S) -> None:
        """End: take no more requests, let what runs finish for `within_s` seconds, leave the rest queued.

        Functions that still run are served until the last, or they would fail for want of the node.
        """
        deadline = self.ground.clock.elapsed() + within_s
        self.dispatch.close()
        await asyncio.gather(
            self.machine.events.stop(within_s),
            self.machine.deliveries.stop(within_s),
            self.bound.connections.quiet(within_s),
        )
        await self.bound.stop(self._left(deadline))
        await asyncio.gather(*(room.stop() for room in self.rooms.values()))
        await self.machine.fleet.stop(self._left(deadline))
        await self.logs.stop()
        await self.ground.blobs.stop()

    def _left(self, deadline: float) -> float:
        return max(0.0, deadline - self.ground.clock.elapsed())

    async def _health(self, params: dict[str, Any]) -> dict[str, Any]:
        return {"status": "ok", "version": yobu.__version__}

    async def _status(self, params: dict[str, Any]) -> dict[str, Any]:
        ground = self.ground
        return {
            "version": yobu.__version__,
            "url": self.url,
            "data": str(ground.folder.path),
            "uptime_s": ground.clock.elapsed() - self._began,
            "fleet": self.machine.fleet.status(),
            "events_in_work": self.machine.events.running,
            "next_event_ms": self.machine.events.next_ms(),
            "operations": self.dispatch.stats(),
        }

    async def _usage(self, params: dict[str, Any]) -> dict[str, Any]:
        settings = self.ground.settings
        account, region = params.get("account", settings.account), params.get("region", settings.region)
        limit = str(params.get("limit", 100))
        if not limit.isdecimal():
            raise YobuError(f"limit must be a number, not {limit!r}")
        records = await self.machine.usage.list(account, region, limit=int(limit))
        return {"records": [{**msgspec.structs.asdict(record), "cost": f"{cost(record):.10f}"} for record in records]}

    async def _bill(self, params: dict[str, Any]) -> dict[str, Any]:
        return await statement(self.machine.usage, asked(params, self.ground.clock.now_ms()))

    async def _reset(self, params: dict[str, Any]) -> dict[str, Any]:
        """Drop all state. What runs at this moment is stopped; its outcome has nothing left to be written to."""
        began = self.ground.clock.elapsed()
        with self.app.holding():
            await self._halt()
            try:
                await self._clear()
            finally:
                self.machine.deliveries.start()
                self.machine.events.start(self.attempts.run)
        return {"took_ms": (self.ground.clock.elapsed() - began) * 1000}

    async def _halt(self) -> None:
        """End whatever could write, log or run something of the state that goes."""
        await self.bound.connections.interrupt()
        await asyncio.gather(self.machine.events.stop(0), self.machine.deliveries.stop(0))
        self.machine.fleet.reset()
        await self.logs.settle()

    async def _clear(self) -> None:
        await self.ground.store.clear()
        await self.ground.packed.clear()
        await self.ground.blobs.clear()
        await self.machine.code.clear()
        for room in self.rooms.values():
            room.reset()
        self.machine.invoker.reset()
        self.principals.reset()
        self.logs.reset()


def serve(settings: Settings, commit: Commit = commit) -> int:
    """Run a node until SIGTERM or Ctrl-C; the exit status. Raises YobuError where it cannot start.

    `commit` is what makes a batch of the store durable: tests put one in its place that fails.
    """
    log.configure()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, commit))


async def _serve(settings: Settings, commit: Commit) -> int:
    failures: list[Exception] = []
    over = asyncio.Event()

    def on_failure(error: Exception) -> None:
        failures.append(error)
        over.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    async with AsyncExitStack() as stack:
        node = await open_node(settings, stack, on_failure, commit)
        _greet(node)
        _settle_memory()
        await over.wait()
        _log.info("stopping: running work has %g s to finish", STOP_WITHIN_S)
    for error in failures:
        _log.critical("stopped, because a commit failed: %s. What was acknowledged is safe", error)
    return 1 if failures else 0


def _settle_memory() -> None:
    """Take what lives as long as the node out of the collector's sight, and let it look less often.

    Requests leave few cycles behind; a long answer makes many objects, and the collector's passes over them were
    a fifth of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)


async def open_node(
    settings: Settings, stack: AsyncExitStack, on_failure: Callable[[Exception], None], commit: Commit = commit
) -> Node:
    """A node that serves; `stack` ends it. `on_failure` hears of a failed commit, after which it must be ended.

    Raises YobuError where the settings, the port or the data folder do not allow it.
    """
    settings.check()
    try:
        return await _open_node(settings, stack, on_failure, commit)
    except (OSError, sqlite3.Error) as error:
        # A full or read-only disk, a file that stands where a folder must be: whatever is touched first says so.
        raise YobuError(f"the data folder {settings.data.absolute()} cannot be used: {error}") from error


async def _open_node(
    settings: Settings, stack: AsyncExitStack, on_failure: Callable[[Exception], None], commit: Commit
) -> Node:
    clock, ids = Clock(), Ids()
    folder = DataFolder.open(settings.data)
    stack.callback(folder.close)
    bound = await bind(settings, _tls_context(settings, folder, clock, ids))
    store = await SqliteStore.open(folder.store_path, on_failure=on_failure, commit=commit)
    stack.push_async_callback(store.close)
    packed = await Packed.open(folder.packed_path, clock)
    stack.push_async_callback(packed.close)
    blobs = await Blobs.open(folder.blobs, store, clock, ids)
    node = Node(Ground(settings, clock, ids, folder, store, packed, blobs), bound)
    stack.push_async_callback(node.stop)
    if settings.auth:
        node.principals.set_owner(*owner.ensure(folder.path, ids))
    await node.start()
    _write_session(node)
    stack.callback(session.remove, folder.path, os.getpid())
    return node


def _tls_context(settings: Settings, folder: DataFolder, clock: Clock, ids: Ids) -> ssl.SSLContext | None:
    if not settings.tls:
        return None
    from yobu.server import tls  # only --tls needs the cryptography library, which is slow to import

    return tls.context(tls.ensure(folder.path, settings.host, clock, ids))


def _write_session(node: Node) -> None:
    """Tell the commands of this machine's user where the node is and with which keys it may be asked."""
    settings, folder = node.ground.settings, node.ground.folder
    host = "127.0.0.1" if settings.host in ("localhost", "0.0.0.0", "::") else settings.host  # noqa: S104
    said: dict[str, Any] = {
        "pid": os.getpid(),
        "url": f"{settings.scheme}://{session.authority(host, node.bound.port)}",
        "account": settings.account,
        "region": settings.region,
    }
    if settings.tls:
        said["ca"] = str(folder.path / "tls" / "ca.pem")
    if settings.auth:
        said["access_key"], said["secret_key"] = owner.ensure(folder.path, node.ground.ids)
    session.write(folder.path, said)


def _greet(node: Node) -> None:
    settings = node.ground.settings
    _log.info("yobu %s is ready at %s", yobu.__version__, node.url)
    _log.info("data in %s, account %s, region %s", node.ground.folder.path, settings.account, settings.region)
    _log.info(
        "isolation: process. Functions are separate processes with real timeouts; they are not sandboxed and can read "
        "what you can read"
    )
    if settings.auth:
        _log.info("signatures are checked; keys are in %s", node.ground.folder.path / owner.FILE)
