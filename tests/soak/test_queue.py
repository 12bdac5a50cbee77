"""50,000 events on their way: `make soak`. The node's memory does not grow with them."""

from __future__ import annotations

import pytest
from tests.journeys.running import RunningNode
from tests.promises.test_memory import check_queued


@pytest.mark.timeout(0)
def test_fifty_thousand_queued_events_lie_in_the_store(own_node: RunningNode) -> None:
    check_queued(own_node, 50_000, 4_000)
