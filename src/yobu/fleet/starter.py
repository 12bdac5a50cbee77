"""Makes environments: their names, folders, variables and processes. Knows no pools and no invocations."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
from collections.abc import Callable
from pathlib import Path

from yobu.base.errors import AwsError, YobuError
from yobu.fleet import report, sweep, variables
from yobu.fleet.child import Child, Lifeline
from yobu.fleet.environment import Environment, Identity, Owner
from yobu.fleet.journal import Journal
from yobu.fleet.parts import FleetParts
from yobu.fleet.port import FunctionSpec, Keys, LogStream, Runtime
from yobu.runtimes import Launch

KEYS_LAST_S = 11.5 * 3600  # half an hour less than Credentials.issue promises

_DESCRIPTORS = 65_536


class Starter:
    """Between `open` and `close` environments can be made; `close` kills what still runs."""

    def __init__(self, parts: FleetParts) -> None:
        self._parts = parts
        run_folder = Path(os.path.realpath(parts.run_folder))
        self._folder = run_folder / "environments"
        self._cache = run_folder / "cache"
        self._lifeline: Lifeline | None = None
        self._known: set[str] = set()

    def open(self) -> int:
        """Blocking: end and drop what a killed node left; the number of processes ended. Raises OSError."""
        killed = sweep.sweep(self._folder)
        # A power cut may have torn the caches, and some belong to no package any more.
        shutil.rmtree(self._cache, ignore_errors=True)
        for folder in (self._folder, self._cache):
            folder.mkdir(parents=True, exist_ok=True)
        _allow_descriptors()
        self._lifeline = Lifeline()
        return killed

    def close(self) -> None:
        """Let go of every process."""
        if self._lifeline is not None:
            self._lifeline.close()
            self._lifeline = None

    def runtime(self, name: str) -> Runtime:
        """The family of a runtime string. Raises AwsError `InvalidRuntimeException`."""
        for runtime in self._parts.runtimes:
            if runtime.serves(name):
                return runtime
        raise _no_runtime(f"Nothing on this node serves the runtime {name}.")

    def warning(self, name: str) -> str | None:
        """What comes with a runtime string on this host. Raises AwsError `InvalidRuntimeException`."""
        try:
            return self.runtime(name).launch(name, "", "", 0, 128).warning
        except YobuError as error:
            raise _no_runtime(str(error)) from None

    async def spawner(self, spec: FunctionSpec) -> Callable[[Environment], Child]:
        """All that can be asked for before the process: how to start it, as a function that does it at once.

        That function raises OSError or ValueError where the system refuses. This one raises AwsError where the
        host has no such runtime, and whatever the credentials' port raises.
        """
        runtime = self.runtime(spec.runtime)
        if spec.runtime not in self._known:
            # The first time it may run interpreters to see which are there.
            await asyncio.to_thread(self.warning, spec.runtime)
            self._known.add(spec.runtime)
        keys = await self._parts.credentials.issue(spec.account, spec.role, spec.name)
        return lambda environment: self._spawn(runtime, environment, keys)

    def new(self, spec: FunctionSpec, owner: Owner) -> Environment:
        """An environment that has no process yet."""
        clock, ids = self._parts.clock, self._parts.ids
        name = ids.hex(32)
        stream = report.stream_name(clock.now(), spec.version, ids.hex(32))
        identity = Identity(name, str(self._folder / name), stream, keys_until=clock.now() + KEYS_LAST_S)
        where = LogStream(spec.account, spec.region, report.log_group(spec), stream)
        return Environment(identity, spec, clock, Journal(self._parts.log_sink, where, clock), owner)

    def _spawn(self, runtime: Runtime, environment: Environment, keys: Keys) -> Child:
        if self._lifeline is None:
            raise ConnectionAbortedError("the node is stopping")
        spec, identity = environment.spec, environment.identity
        folder = Path(identity.mark)
        temporary = folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        place = variables.Place(
            mark=identity.mark,
            temporary=str(temporary),
            cache=str(self._cache),
            log_group=report.log_group(spec),
            log_stream=identity.stream,
            endpoint=self._parts.endpoint(),
        )

        def launch(socket_fd: int) -> Launch:
            return runtime.launch(spec.runtime, spec.handler, str(spec.code), socket_fd, spec.memory_mb)

        def environ(how: Launch) -> dict[str, str]:
            return variables.build(spec, keys, how.environment, place)

        child = Child.spawn(launch, environ, self._lifeline, environment)
        try:
            sweep.record(folder, child.pid)
        except OSError:
            child.kill()
            raise
        return child


def drop(marks: set[str]) -> None:
    """Blocking: end the daemons that ended environments left, and drop their folders."""
    sweep.end_marked(marks.__contains__)
    for mark in marks:
        shutil.rmtree(mark, ignore_errors=True)


def unavailable(reason: str) -> AwsError:
    """The platform's own failure to run an event."""
    return AwsError("ServiceException", f"No execution environment: {reason}.", 500)


def _no_runtime(message: str) -> AwsError:
    return AwsError("InvalidRuntimeException", message, 502)


def _allow_descriptors() -> None:
    """Raise the limit as far as we may: an environment takes three."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
