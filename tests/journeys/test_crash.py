"""Nothing acknowledged is lost, whatever moment the node is killed at (10 rounds; `make soak` runs hundreds)."""

from __future__ import annotations

import pytest
from tests.journeys.crash import crash
from tests.journeys.running import RunningNode


@pytest.mark.timeout(300)
def test_kill_9_loses_nothing_that_was_acknowledged(own_node: RunningNode) -> None:
    report = crash(own_node, rounds=10, seed=20261125)
    assert report.lost == []
    assert report.left_over == []
    # However slow the machine is, each round saw an acknowledgement before its kill.
    assert report.items >= report.rounds == 10
    assert report.objects and report.events
