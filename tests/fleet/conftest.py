"""A process fleet on functions written in the test itself."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import msgspec
import pytest

from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.fleet import FleetParts, ProcessFleet, found_runtimes
from yobu.fleet.port import FunctionSpec, Keys, LogStream, Reply, Work

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:job"


class Lines:
    """A log sink that remembers, and says when a line comes."""

    def __init__(self) -> None:
        self.bursts: list[tuple[LogStream, int, list[str]]] = []
        self._came = asyncio.Event()

    def append(self, stream: LogStream, at_ms: int, lines: list[str]) -> None:
        self.bursts.append((stream, at_ms, lines))
        self._came.set()

    @property
    def all(self) -> list[str]:
        return [line for _, _, lines in self.bursts for line in lines]

    async def wait_for(self, beginning: str) -> str:
        while True:
            for line in self.all:
                if line.startswith(beginning):
                    return line
            self._came.clear()
            await self._came.wait()


class KeysOfRoles:
    """Credentials that count."""

    def __init__(self) -> None:
        self.issued: list[tuple[str, str, str]] = []

    async def issue(self, account: str, role: str, session: str) -> Keys:
        self.issued.append((account, role, session))
        return Keys("ASIA" + "X" * 16, "secret", "token")


class Bench:
    """A fleet, what it was given, and short ways to use it."""

    def __init__(self, folder: Path, settings: Settings | None = None, clock: Clock | None = None) -> None:
        self.folder = folder
        self.lines = Lines()
        self.keys = KeysOfRoles()
        self.clock = clock or Clock()
        self.fleet = ProcessFleet(
            FleetParts(
                settings=settings or Settings(),
                clock=self.clock,
                ids=Ids(),
                run_folder=folder / "run",
                runtimes=found_runtimes(),
                credentials=self.keys,
                log_sink=self.lines,
                endpoint=lambda: "http://127.0.0.1:4566",
            )
        )

    def function(self, source: str, **changes: Any) -> FunctionSpec:
        """A function whose `app.py` is `source`."""
        code = self.folder / f"code-{Ids().hex(8)}"
        code.mkdir()
        (code / "app.py").write_text(dedent(source))
        spec = FunctionSpec(
            arn=ARN,
            account="123456789012",
            region="eu-west-1",
            name="job",
            version="$LATEST",
            revision=code.name,
            runtime="python3.11",
            handler="app.handler",
            code=code,
            role="arn:aws:iam::123456789012:role/job",
            log_group="/aws/lambda/job",
            timeout_s=20,
        )
        return replace(spec, **changes)

    async def call(self, spec: FunctionSpec, event: object = None, **changes: Any) -> Reply:
        work = Work(request_id=Ids().uuid(), payload=msgspec.json.encode(event), invoked_arn=spec.arn)
        return await self.fleet.run(spec, msgspec.structs.replace(work, **changes))

    async def value(self, spec: FunctionSpec, event: object = None, **changes: Any) -> Any:
        """The handler's answer; its failure fails the test."""
        reply = await self.call(spec, event, **changes)
        assert reply.error is None, reply.payload
        return msgspec.json.decode(reply.payload)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.fleet.start()
    yield bench
    await bench.fleet.stop(within_s=0)
    assert not list((tmp_path / "run" / "environments").iterdir())


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[..., Bench]:
    def make(**parts: Any) -> Bench:
        return Bench(tmp_path, **parts)

    return make


def all_gone(*pids: int, within_s: float = 5.0) -> bool:
    """Whether all these processes end in time. Waits on descriptors of them, not on the clock."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            if not select.select([handle], [], [], within_s)[0]:
                return False
        finally:
            os.close(handle)
    return True


@pytest.fixture
def gone() -> Callable[..., Awaitable[bool]]:
    """Whether processes end in time, asked without holding up the loop that ends them."""

    async def ask(*pids: int) -> bool:
        return await asyncio.to_thread(all_gone, *pids)

    return ask
