from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from yobu.base.errors import YobuError
from yobu.store.folder import FORMAT, DataFolder


def test_a_new_folder_is_laid_out(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path / "deep" / "data")
    assert folder.store_path.parent == folder.packed_path.parent == tmp_path / "deep" / "data"
    assert folder.blobs.is_dir() and folder.code.is_dir() and folder.run.is_dir()
    assert (folder.path / "format").read_text() == f"{FORMAT}\n"
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    folder.close()
    folder.close()


def test_a_second_node_is_refused(tmp_path: Path) -> None:
    folder = DataFolder.open(tmp_path)
    with pytest.raises(YobuError, match=rf"{tmp_path} is in use by another node \(process \d+\)"):
        DataFolder.open(tmp_path)
    folder.close()
    DataFolder.open(tmp_path).close()


def test_the_lock_ends_with_the_process(tmp_path: Path) -> None:
    script = "import os, sys, pathlib; from yobu.store.folder import DataFolder; "
    script += "folder = DataFolder.open(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False).returncode == -9
    DataFolder.open(tmp_path).close()


def test_a_newer_format_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "format").write_text(f"{FORMAT + 1}\n")
    with pytest.raises(YobuError, match="newer yobu"):
        DataFolder.open(tmp_path)
    assert (tmp_path / "format").read_text() == f"{FORMAT + 1}\n"
    (tmp_path / "format").write_text(f"{FORMAT}\n")
    DataFolder.open(tmp_path).close()


def test_older_formats_are_migrated_step_by_step(tmp_path: Path) -> None:
    DataFolder.open(tmp_path).close()
    seen: list[str] = []

    def step(name: str) -> None:
        seen.append(f"{name} at {(tmp_path / 'format').read_text().strip()}")

    steps = {FORMAT: lambda path: step("first"), FORMAT + 1: lambda path: step("second")}
    DataFolder.open(tmp_path, format=FORMAT + 2, migrations=steps).close()
    assert seen == [f"first at {FORMAT}", f"second at {FORMAT + 1}"]
    DataFolder.open(tmp_path, format=FORMAT + 2, migrations=steps).close()
    assert len(seen) == 2


def test_a_migration_that_fails_is_not_counted_and_frees_the_folder(tmp_path: Path) -> None:
    DataFolder.open(tmp_path).close()

    def fail(path: Path) -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        DataFolder.open(tmp_path, format=FORMAT + 1, migrations={FORMAT: fail})
    with pytest.raises(YobuError, match="no way"):
        DataFolder.open(tmp_path, format=FORMAT + 1, migrations={})
    DataFolder.open(tmp_path).close()


@pytest.mark.parametrize("text", ["", "banana", "-1"])
def test_a_damaged_format_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "format").write_text(text)
    with pytest.raises(YobuError, match="damaged"):
        DataFolder.open(tmp_path)


def test_a_store_without_a_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    with pytest.raises(YobuError, match="damaged"):
        DataFolder.open(tmp_path)


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(YobuError, match="cannot be used"):
        DataFolder.open(tmp_path / "file")
