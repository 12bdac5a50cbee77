"""The process tier: every environment is a process tree of its own. Specs and events in, replies out.

As many environments run as there are calls (admission is the caller's); how many start at once is bounded, and a
call that waits for its turn takes an environment that becomes free meanwhile (starts.py). What is lost against a
sandbox: the function sees the host's files and network and runs with the node's rights, MemorySize is watched, not
enforced, and CPU does not follow it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from yobu.base import log
from yobu.fleet import report
from yobu.fleet.child import Child
from yobu.fleet.environment import Environment
from yobu.fleet.failure import Failure
from yobu.fleet.parts import FleetParts as FleetParts
from yobu.fleet.parts import found_runtimes as found_runtimes
from yobu.fleet.pools import Pools, key_of
from yobu.fleet.port import FunctionSpec, OnChunk, Reply, Work
from yobu.fleet.starter import Starter, drop, unavailable
from yobu.fleet.starts import Starts, at_once
from yobu.fleet.states import State
from yobu.fleet.watch import Watch

INIT_LIMIT_S = 10.0

_KILL_S = 2.0

_log = log.logger("fleet")


class ProcessFleet:
    """Implements fleet.port.Fleet with one process tree for each environment."""

    def __init__(self, parts: FleetParts) -> None:
        self._parts = parts
        self._starter = Starter(parts)
        self._pools = Pools()
        self._starts = Starts(at_once(os.cpu_count() or 1))
        self._watch = Watch(self._pools, parts.clock, parts.settings.idle_s)
        self._open = False
        self._era = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ended: list[Environment] = []
        self._cleaner: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Sweep what a killed node left. Raises OSError where the run folder cannot be written."""
        killed = await asyncio.to_thread(self._starter.open)
        if killed:
            _log.warning("ended %d processes that the last node left behind", killed)
        self._open = True

    async def stop(self, within_s: float) -> None:
        """Let running invocations finish within `within_s` seconds, then end every environment and its folder."""
        if not self._open:
            return
        self._open = False
        try:
            async with asyncio.timeout(within_s):
                await self._until(lambda: not (self._pools.working or self._tasks))
        except TimeoutError:
            _log.warning("ending %d environments in the middle of their work", len(self._pools.working))
        self._era += 1  # nothing that waits for its turn begins any more
        self._starts.reset()
        self._watch.stop()
        self._end_all()
        try:
            async with asyncio.timeout(_KILL_S):
                await self._until(lambda: not (self._pools.everyone() or self._tasks))
        except TimeoutError:
            # A credentials port that does not answer, a process that not even SIGKILL wakes.
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._cleaner is not None:
            await self._cleaner
        self._starter.close()

    def reset(self) -> None:
        """End every environment now and drop its log, with whatever a call from before would still begin.

        What they were doing is answered as if their process had been killed.
        """
        self._era += 1
        self._starts.reset()
        for environment in self._pools.everyone():
            environment.journal.mute()
        self._end_all()

    def _end_all(self) -> None:
        for environment in self._pools.everyone():
            self._pools.withdraw(environment)
            if environment.state is not State.DEAD:
                environment.end()

    def status(self) -> dict[str, Any]:
        """Counts by state, for `yobu status`."""
        states = [environment.state for environment in self._pools.everyone()]
        counts = {state.value: states.count(state) for state in State if state is not State.DEAD}
        return {"isolation": self._parts.settings.isolation, "waiting": self._starts.waiting, **counts}

    def check(self, runtime: str) -> str | None:
        """See fleet.port.Fleet. The first question about a runtime may take 0.1 s: its interpreter is tried."""
        return self._starter.warning(runtime)

    def retire(self, arn: str, version: str | None = None) -> None:
        """See fleet.port.Fleet."""
        for environment in self._pools.of(arn, version):
            self._pools.withdraw(environment)
            environment.retire()

    async def run(self, spec: FunctionSpec, work: Work, on_chunk: OnChunk | None = None) -> Reply:
        """See fleet.port.Fleet. No runtime here streams: `on_chunk` is not called, the payload comes whole.

        A caller that goes away changes nothing: the event is handled, logged, and its environment is free again.
        """
        if not self._open:
            raise unavailable("the node is stopping, or has not started")
        if spec.layers:
            raise unavailable("the process tier does not offer layers")
        while (environment := self._take(spec)) is not None:
            self._watch.on_work()
            reply = await environment.invoke(work)
            if reply is not None:
                return reply
        task = asyncio.get_running_loop().create_task(self._wait(spec, work))
        self._tasks.add(task)
        task.add_done_callback(self._cold_done)
        return await asyncio.shield(task)

    def free(self, environment: Environment) -> None:
        """An environment has answered (environment.Owner)."""
        if environment.retired:
            environment.end()
            return
        if self._starts.hand(key_of(environment.spec), environment):
            return
        environment.free_since = self._parts.clock.elapsed()
        self._pools.give_back(environment)
        self._watch.on_free()
        if not self._open:
            self._changed.set()

    def gone(self, environment: Environment) -> None:
        """An environment has ended (environment.Owner): drop its folder and whatever daemons it left."""
        self._pools.remove(environment)
        self._ended.append(environment)
        if self._cleaner is None or self._cleaner.done():
            self._cleaner = asyncio.get_running_loop().create_task(self._clean())
        self._changed.set()

    def _take(self, spec: FunctionSpec) -> Environment | None:
        """A free environment whose credentials are still good."""
        while (environment := self._pools.take(spec)) is not None:
            if self._keeps(environment):
                return environment
            environment.retire()
        return None

    def _keeps(self, environment: Environment) -> bool:
        """Whether its credentials are still good."""
        return self._parts.clock.now() < environment.identity.keys_until

    async def _wait(self, spec: FunctionSpec, work: Work) -> Reply:
        """Run the event in the environment that becomes free, or in a new one, whichever may be first."""
        era = self._era
        while (environment := await self._turn(spec, era)) is not None:
            if environment.state is State.IDLE and not environment.retired and self._keeps(environment):
                reply = await environment.invoke(work)
                if reply is not None:
                    return reply
            elif environment.state is State.IDLE:
                environment.end()
        return await self._cold(spec, work)

    async def _turn(self, spec: FunctionSpec, era: int) -> Environment | None:
        """What `Starts.turn` gives, unless the fleet was reset or stopped since `era`, be it in the same moment."""
        key = key_of(spec)
        try:
            environment = await self._starts.turn(key)
        except asyncio.CancelledError:
            if era != self._era:
                raise unavailable("the node was reset, or stops") from None
            raise
        if era != self._era:
            if environment is None:
                self._starts.leave(key)
            raise unavailable("the node was reset, or stops")
        return environment

    async def _cold(self, spec: FunctionSpec, work: Work) -> Reply:
        """Make an environment, whose turn it is, and run the event in it."""
        try:
            environment, problem, took_s, repeated = await self._start(spec)
        finally:
            self._starts.leave(key_of(spec))
        if problem is not None:
            reply = environment.refuse(work, problem, took_s)
            if environment.state is State.STARTING:
                environment.end()
            return reply
        if repeated:
            return _begun(await environment.invoke(work, spent_s=took_s))
        return _begun(await environment.invoke(work, init_ms=took_s * 1000))

    async def _start(self, spec: FunctionSpec) -> tuple[Environment, Failure | None, float, bool]:
        """A new environment, why it failed or None, the seconds that the last try took, and whether it was a second.

        As on Lambda an initialisation that fails, or takes more than 10 s, is repeated once within the event's own
        time. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
        """
        era = self._era
        spawn = await self._starter.spawner(spec)
        if era != self._era:
            raise unavailable("the node was reset, or stops")
        environment = self._starter.new(spec, owner=self)
        self._pools.add(environment)
        self._watch.on_work()
        try:
            problem, took_s = await self._initialise(environment, spawn, "init", INIT_LIMIT_S)
            repeated = problem is not None and environment.state is not State.DEAD
            if repeated:
                problem, took_s = await self._initialise(environment, spawn, "invoke", spec.timeout_s)
        except BaseException as error:
            if environment.state is State.STARTING:
                environment.end()
            if isinstance(error, (OSError, ValueError)):  # ValueError: a variable with a NUL in it
                raise unavailable(f"its process cannot be started ({error})") from error
            raise
        return environment, problem, took_s, repeated

    async def _initialise(
        self, environment: Environment, spawn: Callable[[Environment], Child], phase: str, limit_s: float
    ) -> tuple[Failure | None, float]:
        """One try, with its lines: why it failed or None, and the seconds it took."""
        spec, journal = environment.spec, environment.journal
        if phase == "init":
            journal.say(report.init_start(spec.runtime, spec.region))
        began = self._parts.clock.elapsed()
        problem = await environment.initialise(spawn, limit_s)
        took_s = self._parts.clock.elapsed() - began
        journal.break_line()
        if problem is not None:
            journal.say(report.init_report(took_s * 1000, phase, problem.status))
        return problem, took_s

    def _cold_done(self, task: asyncio.Task[Reply]) -> None:
        self._tasks.discard(task)
        self._changed.set()
        # The caller may have gone away; what it would have been told is then said here.
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("no environment: %s", error)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._changed.clear()
            await self._changed.wait()

    async def _clean(self) -> None:
        """One pass for all that have ended by now, in a thread, outside every reply."""
        while self._ended:
            marks = {environment.identity.mark for environment in self._ended}
            self._ended.clear()
            await asyncio.to_thread(drop, marks)


def _begun(reply: Reply | None) -> Reply:
    if reply is None:
        raise unavailable("its process ended before the event")
    return reply
