from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.running import RunningNode


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[RunningNode]:
    """A node of the test's own, not started yet."""
    node = RunningNode(tmp_path / "data")
    yield node
    if node.process is not None and node.process.poll() is None:
        node.kill()
