"""The fleet tests' bench, for functions of every language."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_spec = importlib.util.spec_from_file_location("fleet_bench", Path(__file__).parents[1] / "fleet" / "conftest.py")
assert _spec is not None
assert _spec.loader is not None
_fleet = importlib.util.module_from_spec(_spec)
sys.modules["fleet_bench"] = _fleet
_spec.loader.exec_module(_fleet)

bench = _fleet.bench
make_bench = _fleet.make_bench
gone = _fleet.gone
