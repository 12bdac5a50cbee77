"""Hundreds of kills: `make soak`, YOBU_SOAK_ROUNDS and YOBU_SOAK_SEED choose how many and which."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from tests.journeys.crash import crash
from tests.journeys.running import RunningNode


@pytest.mark.timeout(0)
def test_hundreds_of_kills_lose_nothing(tmp_path: Path) -> None:
    rounds = int(os.environ.get("YOBU_SOAK_ROUNDS", "300"))
    seed = int(os.environ.get("YOBU_SOAK_SEED", str(random.randrange(10**9))))
    report = crash(RunningNode(tmp_path / "data"), rounds, seed)
    print(f"seed {seed}: {report}")
    assert (report.lost, report.left_over) == ([], []), f"seed {seed}"
