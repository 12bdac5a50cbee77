from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.journeys.running import RunningNode


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningNode]:
    """One node for all journeys that do not stop theirs."""
    node = RunningNode(tmp_path_factory.mktemp("journeys") / "data").start()
    yield node
    assert node.stop() == 0, node.log.read_text()
    text = node.log.read_text()
    assert "Traceback" not in text, text


@pytest.fixture
def node(running: RunningNode) -> RunningNode:
    """The shared node, empty."""
    running.admin("POST", "reset")
    return running


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[RunningNode]:
    """A node of the test's own, not started yet."""
    node = RunningNode(tmp_path / "data")
    yield node
    if node.process is not None and node.process.poll() is None:
        node.stop()
