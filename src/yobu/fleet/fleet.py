"""The process tier: every environment is a process tree of its own. Specs and events in, replies out.

As many environments run as there are calls (admission is the caller's). What is lost against a sandbox: the
function sees the host's files and network and runs with the node's rights, MemorySize is watched, not enforced,
and CPU does not follow it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import yobu.runtimes
from yobu.base import discover, log
from yobu.base.clock import Clock
from yobu.base.errors import AwsError, YobuError
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet import report, sweep, variables
from yobu.fleet.child import Child, Lifeline
from yobu.fleet.environment import Environment, Identity
from yobu.fleet.failure import Failure
from yobu.fleet.journal import Journal
from yobu.fleet.pools import Pools
from yobu.fleet.port import Credentials, FunctionSpec, Keys, LogSink, LogStream, OnChunk, Reply, Runtime, Work
from yobu.fleet.states import State
from yobu.fleet.watch import Watch
from yobu.runtimes import Launch

INIT_LIMIT_S = 10.0
KEYS_LAST_S = 11.5 * 3600  # half an hour less than Credentials.issue promises

_log = log.logger("fleet")


@dataclass(frozen=True, slots=True)
class FleetParts:
    """What a fleet is built from. `endpoint()` is the platform's URL, asked for at each environment's start."""

    settings: Settings
    clock: Clock
    ids: Ids
    run_folder: Path
    runtimes: Sequence[Runtime]
    credentials: Credentials
    log_sink: LogSink
    endpoint: Callable[[], str]


def found_runtimes() -> list[Runtime]:
    """Every language family in yobu.runtimes, then those of add-ons (entry points `yobu.runtimes`)."""
    modules = [import_module(f"{yobu.runtimes.__name__}.{name}") for name in discover.names(yobu.runtimes)]
    added = [point.load() for point in entry_points(group=yobu.runtimes.__name__)]
    return [*modules, *added]


class ProcessFleet:
    """Implements fleet.port.Fleet with one process tree for each environment."""

    def __init__(self, parts: FleetParts) -> None:
        self._parts = parts
        self._folder = Path(os.path.realpath(parts.run_folder)) / "environments"
        self._cache = Path(os.path.realpath(parts.run_folder)) / "cache"
        self._pools = Pools()
        self._watch = Watch(self._pools, parts.clock, parts.settings.idle_s)
        self._lifeline: Lifeline | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended: list[Environment] = []
        self._cleaner: asyncio.Task[None] | None = None
        self._quiet = asyncio.Event()
        self._known: set[str] = set()

    async def start(self) -> None:
        """Sweep what a killed node left. Raises OSError where the run folder cannot be written."""
        killed = await asyncio.to_thread(sweep.sweep, self._folder)
        if killed:
            _log.warning("ended %d processes that the last node left behind", killed)
        for folder in (self._folder, self._cache):
            folder.mkdir(parents=True, exist_ok=True)
        self._lifeline = Lifeline()

    async def stop(self, within_s: float) -> None:
        """Let running invocations finish within `within_s` seconds, then end every environment and its folder."""
        if self._lifeline is None:
            return
        lifeline, self._lifeline = self._lifeline, None
        try:
            async with asyncio.timeout(within_s):
                while self._pools.working or self._tasks:
                    self._quiet.clear()
                    await self._quiet.wait()
        except TimeoutError:
            _log.warning("ending %d environments in the middle of their work", len(self._pools.working))
        self._watch.stop()
        self.reset()
        while self._pools.everyone() or self._tasks:
            self._quiet.clear()
            await self._quiet.wait()
        if self._cleaner is not None:
            await self._cleaner
        lifeline.close()

    def reset(self) -> None:
        """End every environment now; what they were doing is answered as if their process had been killed."""
        for environment in self._pools.everyone():
            self._retire(environment)
            environment.end()

    def status(self) -> dict[str, Any]:
        """Counts by state, for `yobu status`."""
        states = [environment.state for environment in self._pools]
        counts = {state.value: states.count(state) for state in State if state is not State.DEAD}
        return {"isolation": self._parts.settings.isolation, **counts}

    def check(self, runtime: str) -> str | None:
        """See fleet.port.Fleet."""
        try:
            return self._runtime(runtime).launch(runtime, "", "", 0).warning
        except YobuError as error:
            raise _no_runtime(str(error)) from None

    def retire(self, arn: str, version: str | None = None) -> None:
        """See fleet.port.Fleet."""
        for environment in self._pools.of(arn, version):
            self._retire(environment)

    async def run(self, spec: FunctionSpec, work: Work, on_chunk: OnChunk | None = None) -> Reply:
        """See fleet.port.Fleet. Nothing here streams yet: `on_chunk` is never called, the payload comes whole.

        A caller that goes away changes nothing: the event is handled, logged, and its environment is free again.
        """
        environment = self._take(spec)
        if environment is not None:
            self._watch.on_work()
            return await environment.invoke(work)
        task = asyncio.get_running_loop().create_task(self._cold(spec, work))
        self._tasks.add(task)
        task.add_done_callback(self._cold_done)
        return await asyncio.shield(task)

    def free(self, environment: Environment) -> None:
        """An environment has answered (environment.Owner)."""
        if environment.retired:
            environment.end()
            return
        environment.free_since = self._parts.clock.elapsed()
        self._pools.give_back(environment)
        self._watch.on_free()
        if self._lifeline is None:
            self._quiet.set()

    def gone(self, environment: Environment) -> None:
        """An environment has ended (environment.Owner): drop its folder and whatever daemons it left."""
        self._pools.remove(environment)
        self._ended.append(environment)
        if self._cleaner is None or self._cleaner.done():
            self._cleaner = asyncio.get_running_loop().create_task(self._clean())
        self._quiet.set()

    def _take(self, spec: FunctionSpec) -> Environment | None:
        """A free environment whose credentials are still good."""
        while (environment := self._pools.take(spec)) is not None:
            if self._parts.clock.now() < environment.identity.keys_until:
                return environment
            environment.retire()
        return None

    def _retire(self, environment: Environment) -> None:
        self._pools.withdraw(environment)
        environment.retire()

    async def _cold(self, spec: FunctionSpec, work: Work) -> Reply:
        """Make an environment and run the event in it.

        As on Lambda an initialisation that fails, or takes more than 10 s, is repeated once within the event's own
        time. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
        """
        if self._lifeline is None:
            raise _unavailable("the node is stopping or has not started")
        runtime = self._runtime(spec.runtime)
        if spec.layers:
            raise _unavailable("layers are not offered by the process tier")
        await self._look_up(runtime, spec.runtime)
        keys = await self._parts.credentials.issue(spec.account, spec.role, spec.name)
        environment = self._new(spec)
        self._pools.add(environment)
        self._watch.on_work()

        def spawn(listener: Environment) -> Child:
            return self._spawn(runtime, listener, keys)

        try:
            problem, took_s = await self._initialise(environment, spawn, "init", INIT_LIMIT_S)
            if problem is None:
                return await environment.invoke(work, init_ms=took_s * 1000)
            if environment.state is not State.DEAD:
                problem, took_s = await self._initialise(environment, spawn, "invoke", spec.timeout_s)
                if problem is None:
                    return await environment.invoke(work, spent_s=took_s)
            return environment.refuse(work, problem, took_s)
        except OSError as error:
            raise _unavailable(f"no process can be started: {error.strerror}") from error
        finally:
            if environment.state is State.STARTING:
                environment.end()

    async def _initialise(
        self, environment: Environment, spawn: Callable[[Environment], Child], phase: str, limit_s: float
    ) -> tuple[Failure | None, float]:
        """One try, with its lines: why it failed or None, and the seconds it took."""
        spec, journal = environment.spec, environment.journal
        version = _runtime_version(spec.runtime)
        if phase == "init":
            journal.say(report.init_start(version, spec.region, sha256(version.encode()).hexdigest()))
        began = self._parts.clock.elapsed()
        problem = await environment.initialise(spawn, limit_s)
        took_s = self._parts.clock.elapsed() - began
        journal.break_line()
        if problem is not None:
            journal.say(report.init_report(took_s * 1000, phase, problem.status))
        return problem, took_s

    def _new(self, spec: FunctionSpec) -> Environment:
        clock, ids = self._parts.clock, self._parts.ids
        name = ids.hex(32)
        day = datetime.fromtimestamp(clock.now(), UTC)
        stream = f"{day:%Y/%m/%d}/[{spec.version}]{ids.hex(32)}"
        identity = Identity(name, str(self._folder / name), stream, keys_until=clock.now() + KEYS_LAST_S)
        where = LogStream(spec.account, spec.region, _log_group(spec), stream)
        return Environment(identity, spec, clock, Journal(self._parts.log_sink, where, clock), owner=self)

    def _spawn(self, runtime: Runtime, environment: Environment, keys: Keys) -> Child:
        """Start an environment's process. Raises OSError."""
        spec, identity = environment.spec, environment.identity
        assert self._lifeline is not None
        folder = Path(identity.mark)
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        place = variables.Place(
            mark=identity.mark,
            temporary=str(temporary),
            cache=str(self._cache),
            log_group=_log_group(spec),
            log_stream=identity.stream,
            endpoint=self._parts.endpoint(),
        )

        def launch(socket_fd: int) -> Launch:
            return runtime.launch(spec.runtime, spec.handler, str(spec.code), socket_fd)

        child = Child.spawn(
            launch, lambda how: variables.build(spec, keys, how.environment, place), self._lifeline, environment
        )
        sweep.record(folder, child.pid)
        return child

    async def _look_up(self, runtime: Runtime, name: str) -> None:
        """Have a runtime found on the host outside the loop, the first time: it may run interpreters to see."""
        if name not in self._known:
            try:
                await asyncio.to_thread(runtime.launch, name, "", "", 0)
            except YobuError as error:
                raise _no_runtime(str(error)) from None
            self._known.add(name)

    def _runtime(self, name: str) -> Runtime:
        for runtime in self._parts.runtimes:
            if runtime.serves(name):
                return runtime
        raise _no_runtime(f"Nothing on this node serves the runtime {name}.")

    def _cold_done(self, task: asyncio.Task[Reply]) -> None:
        self._tasks.discard(task)
        self._quiet.set()
        # The caller may have gone away; what it would have been told is then said here.
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("no environment: %s", error)

    async def _clean(self) -> None:
        """One pass for all that have ended by now, in a thread, outside every reply."""
        while self._ended:
            marks = {environment.identity.mark for environment in self._ended}
            self._ended.clear()
            await asyncio.to_thread(_drop, marks)


def _drop(marks: set[str]) -> None:
    sweep.end_marked(marks.__contains__)
    for mark in marks:
        shutil.rmtree(mark, ignore_errors=True)


def _log_group(spec: FunctionSpec) -> str:
    return spec.log_group or f"/aws/lambda/{spec.name}"


def _runtime_version(runtime: str) -> str:
    """`python3.12` as INIT_START names it: `python:3.12.v1`."""
    language = runtime.rstrip("0123456789.x")
    return f"{language}:{runtime[len(language) :].removesuffix('.x')}.v1"


def _no_runtime(message: str) -> AwsError:
    return AwsError("InvalidRuntimeException", message, 502)


def _unavailable(reason: str) -> AwsError:
    return AwsError("ServiceException", f"No execution environment: {reason}.", 500)
