"""The engines that are installed: modules of this folder, and of add-ons, that have `open_engine`.

`open_engine(folder: Path, rerun: Rerun | None = None) -> Store`, a coroutine: a store that keeps its files in
`folder`. One engine is one file; tests/conformance/ runs over whatever is found here.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from importlib.metadata import entry_points
from typing import Any

import yobu.store
from yobu.base import discover
from yobu.store.port import Store

OpenEngine = Callable[..., Awaitable[Store]]


def engines() -> dict[str, OpenEngine]:
    """The opening functions of all engines by name; add-ons name theirs under the entry point `yobu.store.engine`."""
    found: dict[str, OpenEngine] = {}
    for name in discover.names(yobu.store):
        opener: Any = getattr(importlib.import_module(f"{yobu.store.__name__}.{name}"), "open_engine", None)
        if opener is not None:
            found[name] = opener
    for point in entry_points(group="yobu.store.engine"):
        found[point.name] = point.load().open_engine
    return found
