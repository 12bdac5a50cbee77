from __future__ import annotations

import os
import shutil
import subprocess
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
        node.stop()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.geteuid() == 0 and not mount(folder, "size=24m")
    if not mounted:
        pytest.skip("a file system can be mounted by root only, and not in every container")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def mount(folder: Path, options: str) -> int:
    """The exit status of mounting a tmpfs."""
    if shutil.which("mount") is None:
        return 1
    return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False).returncode
