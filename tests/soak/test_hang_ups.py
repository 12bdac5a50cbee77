"""200 clients that hang up in the middle of an invoke, each with an environment of its own: `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.journeys.running import RunningNode, create_function
from tests.promises.test_hang_ups import SLOW, check_invokes


@pytest.mark.timeout(0)
def test_two_hundred_in_the_middle_of_an_invoke(own_node: RunningNode, tmp_path: Path) -> None:
    node = own_node.start()
    create_function(node, "echo", "def handler(event, context): return event\n")
    create_function(node, "slow", SLOW, Timeout=600)
    check_invokes(node, tmp_path, 200)
    assert node.stop() == 0
    assert "Traceback" not in node.log.read_text()
