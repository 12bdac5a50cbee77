"""The process tier: every environment is a process tree of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yobu.base.clock import Clock
from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.port import Credentials, FunctionSpec, LogSink, OnChunk, Reply, Runtime, Work


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


class ProcessFleet:
    """Implements fleet.port.Fleet with one process tree for each environment."""

    def __init__(self, parts: FleetParts) -> None:
        self._parts = parts

    async def start(self) -> None:
        """Sweep what a killed node left."""

    async def stop(self, within_s: float) -> None:
        """Let running invocations finish within `within_s` seconds, then end every environment."""

    def reset(self) -> None:
        """End every environment now."""

    def status(self) -> dict[str, Any]:
        """Counts for `yobu status`."""
        return {"isolation": "process", "starting": 0, "idle": 0, "busy": 0}

    def check(self, runtime: str) -> str | None:
        """See fleet.port.Fleet."""
        raise AwsError("InvalidRuntimeException", f"Nothing on this node serves the runtime {runtime}.")

    def retire(self, arn: str, version: str | None = None) -> None:
        """See fleet.port.Fleet."""

    async def run(self, spec: FunctionSpec, work: Work, on_chunk: OnChunk | None = None) -> Reply:
        """See fleet.port.Fleet."""
        raise AwsError("InvalidRuntimeException", f"Nothing on this node serves the runtime {spec.runtime}.")
