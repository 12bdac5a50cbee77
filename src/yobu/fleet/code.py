"""Deployment packages, unpacked: an archive in, a folder out, one folder for each SHA-256.

The folders are a cache: each can be made again from its archive, so nothing here is durable, and a folder that a
power cut may have torn is thrown away. This module knows zip files and the file system, not functions.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.store.port import StoreFull

UNZIPPED_LIMIT_BYTES = 262_144_000

_CHUNK = 1 << 18
_PARTIAL = ".partial-"
_BOOT_FILE = ".boot"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SHA256 = re.compile("[0-9a-f]{64}")

# Failures that are not the archive's fault: it may well be unpacked later.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_SYSTEM = (errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM)

_NOT_A_ZIP = "Could not unzip uploaded file. Please check your file, then try to upload again."
_EMPTY = "Uploaded file must be a non-empty zip"


class CodeCache:
    """Unpacked packages under `folder`; `limit_bytes` bounds one package's unzipped size."""

    def __init__(self, folder: Path, ids: Ids, limit_bytes: int = UNZIPPED_LIMIT_BYTES) -> None:
        self._folder = folder
        self._ids = ids
        self._limit = limit_bytes
        self._running: dict[str, asyncio.Task[Path]] = {}
        self._swept: asyncio.Task[None] | None = None

    async def unpack(self, sha256_hex: str, archive: Path) -> Path:
        """The folder that holds the files of `archive`, whose SHA-256 is `sha256_hex` (not checked again).

        Files are read-only and keep their executable bit; folders are 0755. Calls for one package share the work.
        Raises AwsError `InvalidParameterValueException` in Lambda's words where the archive is empty, no zip,
        too large unzipped, or holds a path or link that leads out of it, StoreFull where the disk has no room, OSError
        where the system fails otherwise; nothing stays behind then.
        """
        if not _SHA256.fullmatch(sha256_hex):
            raise ValueError(f"not a SHA-256 in hexadecimal: {sha256_hex!r}")
        if self._swept is None or (self._swept.done() and self._swept.exception() is not None):
            self._swept = asyncio.create_task(asyncio.to_thread(self._sweep))
        await asyncio.shield(self._swept)
        target = self._folder / sha256_hex
        if target.is_dir():
            return target
        task = self._running.get(sha256_hex)
        if task is None:
            task = asyncio.create_task(asyncio.to_thread(self._unpack, archive, target))
            self._running[sha256_hex] = task
            task.add_done_callback(lambda _: self._running.pop(sha256_hex, None))
        # One caller that goes away must not take the folder from the others.
        return await asyncio.shield(task)

    async def clear(self) -> None:
        """Drop every folder."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        await asyncio.to_thread(self._discard_all, "", _PARTIAL)

    def _sweep(self) -> None:
        """In a thread, once, before the first use: drop what a crash left half-made, or everything after a reboot.

        A rename may reach the disk before the files' contents do; only a crash of the machine shows that, and then
        the kernel's boot id has changed.
        """
        boot = _BOOT_ID.read_text() if _BOOT_ID.exists() else ""
        marker = self._folder / _BOOT_FILE
        with _room():
            self._folder.mkdir(parents=True, exist_ok=True)
            same = bool(boot) and marker.exists() and marker.read_text() == boot
            self._discard_all(_PARTIAL if same else "")
            marker.write_text(boot)

    def _discard_all(self, beginning: str, spared: str | None = None) -> None:
        """Delete the folders whose names have this beginning, but for those with the one that is spared."""
        if not self._folder.is_dir():
            return
        for entry in list(os.scandir(self._folder)):
            if spared is not None and entry.name.startswith(spared):
                continue  # it is being filled
            if entry.name.startswith(beginning) and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path)

    def _unpack(self, archive: Path, target: Path) -> Path:
        """In a thread: unpack beside the target, then rename, so that a folder is there whole or not at all."""
        partial = self._folder / f"{_PARTIAL}{self._ids.hex(16)}"
        with _room():
            partial.mkdir(mode=0o755)
        try:
            _extract(archive, partial, self._limit)
            partial.rename(target)
        except BaseException:
            shutil.rmtree(partial)
            raise
        return target


def check(archive: Path, limit_bytes: int = UNZIPPED_LIMIT_BYTES) -> None:
    """Raise AwsError where the archive's own table of contents already shows that it cannot be a package."""
    with _open(archive) as package:
        _entries(package, limit_bytes)


def _refuse(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


def _too_large(limit: int) -> AwsError:
    return _refuse(f"Unzipped size must be smaller than {limit} bytes")


@contextmanager
def _room() -> Iterator[None]:
    """Name a full disk what it is for everybody else."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StoreFull("the disk is full: the package cannot be unpacked") from error
        raise


def _open(archive: Path) -> zipfile.ZipFile:
    if archive.stat().st_size == 0:
        raise _refuse(_EMPTY)
    try:
        return zipfile.ZipFile(archive)
    except (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError):
        raise _refuse(_NOT_A_ZIP) from None


def _entries(package: zipfile.ZipFile, limit: int) -> Sequence[zipfile.ZipInfo]:
    """The package's entries, their names and announced sizes checked."""
    entries = package.infolist()
    if not entries:
        raise _refuse(_EMPTY)
    if sum(entry.file_size for entry in entries) > limit:
        raise _too_large(limit)
    for entry in entries:
        parts = PurePosixPath(entry.filename).parts
        leads_out = entry.filename.startswith("/") or ".." in parts or not (parts or entry.is_dir())
        encrypted = entry.flag_bits & 0x1
        if leads_out or encrypted or _kind(entry) not in (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            raise _refuse(_NOT_A_ZIP)
    return entries


def _kind(entry: zipfile.ZipInfo) -> int:
    """The entry's file type bits, 0 where the archive was not made on a Unix."""
    return stat.S_IFMT(entry.external_attr >> 16) if entry.create_system == 3 else 0


def _extract(archive: Path, root: Path, limit: int) -> None:
    with _room(), _open(archive) as package:
        links = []
        left = limit
        try:
            for entry in _entries(package, limit):
                if _kind(entry) == stat.S_IFLNK:
                    links.append(entry)
                elif entry.is_dir():
                    (root / entry.filename).mkdir(mode=0o755, parents=True, exist_ok=True)
                else:
                    left -= _write(package, entry, root / entry.filename, left)
            # Links come last, so that no file is ever written through one.
            for entry in links:
                _link(package, entry, root)
            # A later link may have changed where an earlier one leads.
            _check_links(root, links)
        except _Overflow:
            raise _too_large(limit) from None
        except OSError as error:
            if error.errno in (*_NO_ROOM, *_SYSTEM):
                raise
            raise _refuse(_NOT_A_ZIP) from None
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
            # What an archive can be wrong in: checksums, methods, names that clash with each other or are too long.
            raise _refuse(_NOT_A_ZIP) from None


class _Overflow(Exception):
    """More bytes came out than are allowed, whatever the archive announced."""


def _write(package: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path, left: int) -> int:
    """Write one file and return its size; at most `left` bytes."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    size = 0
    with package.open(entry) as source, open(path, "xb") as sink:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > left:
                raise _Overflow
            sink.write(chunk)
        executable = (entry.external_attr >> 16) & 0o111 and entry.create_system == 3
        os.fchmod(sink.fileno(), 0o555 if executable else 0o444)
    changed = time.mktime((*entry.date_time, 0, 0, -1))
    os.utime(path, (changed, changed))
    return size


def _link(package: zipfile.ZipFile, entry: zipfile.ZipInfo, root: Path) -> None:
    """Make one symbolic link; it must stay inside `root`, however many links it goes through."""
    path = root / entry.filename
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    inside = os.path.realpath(root) + os.sep
    if entry.file_size > os.pathconf(root, "PC_PATH_MAX") or not _within(path.parent, inside):
        raise ValueError(entry.filename)
    path.unlink(missing_ok=True)
    os.symlink(package.read(entry).decode(), path)
    _check_links(root, [entry])


def _check_links(root: Path, links: Sequence[zipfile.ZipInfo]) -> None:
    inside = os.path.realpath(root) + os.sep
    for entry in links:
        if not _within(root / entry.filename, inside):
            raise ValueError(entry.filename)


def _within(path: Path, inside: str) -> bool:
    return (os.path.realpath(path) + os.sep).startswith(inside)
