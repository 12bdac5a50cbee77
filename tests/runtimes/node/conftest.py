"""JavaScript functions for the fleet tests' bench; skipped where no node is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from textwrap import dedent
from typing import Any

import pytest

from yobu.base.errors import YobuError
from yobu.fleet.port import FunctionSpec
from yobu.runtimes.node import interpreters


@pytest.fixture
def function(bench: Any) -> Callable[..., FunctionSpec]:
    """`function(source, file="app.js", files={...}, **members)`: a function of that JavaScript."""
    try:
        interpreters.interpreter(20)
    except YobuError as error:
        pytest.skip(str(error))

    def make(source: str, file: str = "app.js", files: dict[str, str] | None = None, **members: Any) -> FunctionSpec:
        spec: FunctionSpec = replace(bench.function(""), runtime="nodejs20.x", memory_mb=256)
        (spec.code / "app.py").unlink()
        for name, text in {file: source, **(files or {})}.items():
            path = spec.code / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        return replace(spec, **members)

    return make
