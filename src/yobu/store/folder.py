"""The data folder: made, locked against a second node, and brought to the format of this version.

In comes a path, out go the paths of what lies in it. It knows nothing of what the files hold.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from yobu.base.errors import YobuError

Migrations = Mapping[int, Callable[[Path], None]]

FORMAT = 1
# From a format to the next: a function that is given the folder. It may run again after a crash in its middle.
MIGRATIONS: Migrations = {}


class DataFolder:
    """A locked data folder. `store_path` and `packed_path` are files, `blobs`, `code` and `run` folders."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock = lock
        self.store_path = path / "store.db"
        self.packed_path = path / "packed.db"
        self.blobs = path / "blobs"
        self.code = path / "code"
        self.run = path / "run"

    @classmethod
    def open(cls, path: Path, *, format: int = FORMAT, migrations: Migrations = MIGRATIONS) -> DataFolder:
        """Make the folder where it is missing, lock it, migrate it.

        Raises YobuError where another node has it, where it was written by a newer version, or where it is no data
        folder. The lock ends with the process, however it ends.
        """
        path = path.absolute()
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise YobuError(f"the data folder {path} cannot be used: {error.strerror}") from error
        try:
            _take(lock, path)
            _upgrade(path, format, migrations)
            folder = cls(path, lock)
            for inner in (folder.blobs, folder.code, folder.run):
                inner.mkdir(exist_ok=True, mode=0o700)
        except BaseException:
            os.close(lock)
            raise
        return folder

    def close(self) -> None:
        """Give the folder up to another node."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode(errors="replace").strip()
        raise YobuError(f"the data folder {path} is in use by another node (process {holder or 'unknown'})") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)


def _upgrade(path: Path, format: int, migrations: Migrations) -> None:
    """Bring the folder to `format`, one step at a time; each step's number is written when the step is done."""
    found = _format(path, format)
    if found > format:
        raise YobuError(
            f"the data folder {path} was written by a newer yobu (format {found}, this one knows {format}): "
            "use that version, or another folder"
        )
    while found < format:
        step = migrations.get(found)
        if step is None:
            raise YobuError(f"the data folder {path} has format {found}, from which there is no way to {format}")
        step(path)
        found += 1
        _write_format(path, found)


def _format(path: Path, format: int) -> int:
    try:
        text = (path / "format").read_text()
    except FileNotFoundError:
        if (path / "store.db").exists():
            raise YobuError(f"the data folder {path} is damaged: its file 'format' is missing") from None
        _write_format(path, format)
        return format
    if not text.strip().isdecimal():
        raise YobuError(f"the data folder {path} is damaged: its file 'format' holds {text[:40]!r}")
    return int(text)


def _write_format(path: Path, format: int) -> None:
    fresh = path / "format.new"
    with fresh.open("w") as file:
        file.write(f"{format}\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path / "format")
    sync_folder(path)


def sync_folder(path: Path) -> None:
    """Make the folder's names durable: a rename is safe only after this."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
