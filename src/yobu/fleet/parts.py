"""What a fleet is built from, and how its language families are found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import yobu.runtimes
from yobu.base import discover
from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.port import Credentials, LogSink, Runtime


@dataclass(frozen=True, slots=True)
class FleetParts:
    """`endpoint()` is the platform's URL (an address), asked for at each environment's start.

    `run_folder` is this node's own; what lies there does not outlive it.
    """

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
