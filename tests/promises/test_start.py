"""A start after an unclean end sweeps and serves; a data folder that cannot be used is one line and status 1."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.journeys.crash import BUCKET, TABLE, deploy
from tests.journeys.left_over import DAEMON, files
from tests.journeys.running import RunningNode, clean_environment, create_function, eventually
from tests.promises.conftest import mount

LEAVES = f"""
import subprocess
def handler(event, context):
    return [subprocess.Popen({DAEMON!r}, start_new_session=True).pid, subprocess.Popen(["sleep", "60"]).pid]
"""


def up(data: Path) -> tuple[int, str]:
    """Status and output of a node that cannot start."""
    command = [sys.executable, "-m", "yobu.cli.main", "up", "--port", "0", "--data", str(data)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30, env=clean_environment())
    return ended.returncode, ended.stdout + ended.stderr


async def test_what_a_killed_node_left_is_swept(own_node: RunningNode) -> None:
    own_node.start()
    deploy(own_node)
    create_function(own_node, "leaves", LEAVES)
    own_node.client("lambda").invoke(FunctionName="leaves")
    s3 = own_node.client("s3")
    s3.put_object(Bucket=BUCKET, Key="kept", Body=bytes(100_000))
    own_node.kill()

    data = own_node.data
    kept = next((data / "blobs").glob("??/*"))
    (data / "blobs" / "drafts" / ("a" * 32)).write_bytes(b"half a body")
    # A body that was finished, but whose metadata were never committed.
    orphan = data / "blobs" / kept.parent.name / (kept.parent.name + "b" * 30)
    orphan.write_bytes(b"nobody's")
    (data / "blobs" / "drafts" / orphan.name).touch()
    folder = data / "run" / "environments" / ("c" * 32)
    (folder / "tmp").mkdir(parents=True)
    (folder / "process").write_text("torn")
    (data / "code" / ".partial-1").mkdir()
    (data / "node.new").write_text("{")
    (data / "node.json").write_text("\0 not JSON")
    (data / "lock").write_text("999999999")
    left = own_node.environments()
    assert left, "the daemon lives on until the start"

    own_node.start()
    assert not left & own_node.environments()
    assert s3_body(own_node) == bytes(100_000)
    assert own_node.client("lambda").invoke(FunctionName="leaves")["StatusCode"] == 200
    assert not orphan.exists() and not folder.exists()
    assert own_node.stop() == 0
    assert await files(data) == []
    assert "Traceback" not in own_node.log.read_text()


def s3_body(node: RunningNode) -> bytes:
    body: bytes = node.client("s3").get_object(Bucket=BUCKET, Key="kept")["Body"].read()
    return body


def test_a_torn_log_of_packed_lines_does_not_matter(own_node: RunningNode) -> None:
    """What a power failure may do to the second file: it is not synced at each write."""
    own_node.start()
    deploy(own_node)
    own_node.kill()
    log = own_node.data / "packed.db-wal"
    log.write_bytes(log.read_bytes()[:-1000] + os.urandom(500))
    own_node.start()
    assert TABLE in own_node.client("dynamodb").list_tables()["TableNames"]


def test_a_second_node_is_refused(own_node: RunningNode) -> None:
    own_node.start()
    status, said = up(own_node.data)
    assert (status, one_line(said)) == (1, True), said
    assert "in use by another node" in said and str(own_node.data) in said


def file_in_place(data: Path) -> None:
    data.write_text("a file")


def newer(data: Path) -> None:
    data.mkdir()
    (data / "format").write_text("999\n")


def damaged_format(data: Path) -> None:
    data.mkdir()
    (data / "format").write_text("one\n")


def file_in_place_of_a_part(data: Path) -> None:
    data.mkdir()
    (data / "blobs").write_text("a file")


def no_database(data: Path) -> None:
    data.mkdir()
    (data / "format").write_text("1\n")
    (data / "store.db").write_bytes(b"not a database" * 1000)


def no_packed_database(data: Path) -> None:
    data.mkdir()
    (data / "format").write_text("1\n")
    (data / "packed.db").write_bytes(b"not a database" * 1000)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (file_in_place, "File exists"),
        (newer, "written by a newer yobu"),
        (damaged_format, "is damaged"),
        (file_in_place_of_a_part, "File exists"),
        (no_database, "not a database"),
        (no_packed_database, "not a database"),
    ],
)
def test_a_data_folder_that_cannot_be_used(tmp_path: Path, make: Callable[[Path], None], words: str) -> None:
    make(tmp_path / "data")
    status, said = up(tmp_path / "data")
    assert status == 1
    assert one_line(said), said
    assert words in said and str(tmp_path / "data") in said


def test_a_folder_that_may_not_be_written(tmp_path: Path) -> None:
    """Also one that only turns out so in its middle: every part is there already."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or mount(disk, "size=24m"):
        pytest.skip("needs a file system that can be made read-only")
    try:
        node = RunningNode(disk / "data")
        node.log = tmp_path / "log"
        node.start()
        assert node.stop() == 0
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        for data in (disk / "data", disk / "new"):
            status, said = up(data)
            assert status == 1
            assert one_line(said) and "Read-only file system" in said and str(data) in said, said
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


def one_line(text: str) -> bool:
    return text.count("\n") == 1 and text.startswith("yobu: ")


def test_a_node_is_ready_only_when_it_answers(own_node: RunningNode) -> None:
    """node.json, by which commands find the node, appears behind the health door and goes with the node."""
    own_node.start()
    assert own_node.admin("GET", "health")["status"] == "ok"
    assert own_node.stop() == 0
    eventually(lambda: not (own_node.data / "node.json").exists())
