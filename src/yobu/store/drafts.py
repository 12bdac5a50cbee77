"""One body on its way to or from its file, with the threads that carry it.

In come chunks, out goes a durable file with an id. A step that is cancelled goes on in its thread, so that closing and
removing wait for it. It knows nothing of owners, nor of the store: `Shelf` is what it needs of blobs.py.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol, TypeVar

from yobu.store.folder import sync_folder

T = TypeVar("T")

# A draft hands this much at once to its thread; while it is written, as much again is gathered.
BUFFER = 1024 * 1024
# What file systems without hard links (exFAT, some of virtual machines) answer.
NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)


class Blob(NamedTuple):
    """A finished body: its id and its size in bytes."""

    id: str
    size: int


class Shelf(Protocol):
    """Where drafts are written, and finished bodies lie."""

    def draft_path(self, blob_id: str) -> Path:
        """The name that a body has until it has an owner."""
        ...

    def sub_folder(self, blob_id: str) -> Path:
        """The folder of the body's file, made where it is missing. Runs in a thread."""
        ...

    def unlink(self, blob_id: str) -> None:
        """Delete a body's names. Runs in a thread."""
        ...

    async def in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        """What `call` returns, run in one of the bodies' threads."""
        ...


class OpenFile:
    """An open file, used by one thread at a time: it is closed behind a cancelled read, never in its middle."""

    def __init__(self) -> None:
        self._number = -1
        self._closed = False
        self._lock = threading.Lock()

    def open(self, path: Path, flags: int) -> None:
        """Open, unless it was closed before it came to that."""
        with self._lock:
            if not self._closed:
                self._number = os.open(path, flags, 0o600)

    def read(self, size: int, start: int) -> bytes:
        """At most `size` bytes from `start` on."""
        with self._lock:
            return os.pread(self._number, size, start)

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        rest = memoryview(data)
        with self._lock:
            while rest:
                rest = rest[os.write(self._number, rest) :]

    def sync(self) -> None:
        """Make what was written durable."""
        with self._lock:
            os.fsync(self._number)

    @property
    def is_open(self) -> bool:
        """Whether there is a file."""
        return self._number >= 0

    def close(self) -> None:
        """Close for good."""
        with self._lock:
            self._closed = True
            if self._number >= 0:
                os.close(self._number)
                self._number = -1


class Draft:
    """A body that is being written. `async with` abandons it unless it was finished."""

    def __init__(self, shelf: Shelf, blob_id: str) -> None:
        self.id = blob_id
        self.size = 0
        self._shelf = shelf
        self._file = OpenFile()
        self._gathered: list[bytes] = []
        self._gathered_size = 0
        self._writing: asyncio.Task[None] | None = None
        self._finished = False
        # A cancelled step goes on in its thread; the removal waits for it, and what comes behind finds the file closed.
        self._step = threading.Lock()

    async def __aenter__(self) -> Draft:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            await self.abandon()

    async def write(self, chunk: bytes) -> None:
        """Append. Waits while a megabyte is on its way to the disk and another is gathered. Raises StoreFull."""
        self._gathered.append(chunk)
        self._gathered_size += len(chunk)
        self.size += len(chunk)
        if self._gathered_size >= BUFFER:
            await self._written()
            chunks, self._gathered, self._gathered_size = self._gathered, [], 0
            self._writing = asyncio.create_task(self._shelf.in_thread(self._append, chunks))

    async def finish(self) -> Blob:
        """Make the body durable under its id. The caller keeps it in a transaction, or discards it."""
        await self._written()
        await self._shelf.in_thread(self._complete, self._gathered)
        self._finished = True
        return Blob(self.id, self.size)

    async def abandon(self) -> None:
        """Delete what was written, also where the caller is being cancelled."""
        self._finished = True
        if self._writing is not None:
            self._writing.cancel()
            self._writing.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(asyncio.create_task(self._shelf.in_thread(self._remove)))

    async def _written(self) -> None:
        if self._writing is not None:
            await self._writing
            self._writing = None

    def _append(self, chunks: list[bytes]) -> None:
        with self._step:
            self._write(chunks)

    def _write(self, chunks: list[bytes]) -> None:
        if not self._file.is_open:
            self._file.open(self._shelf.draft_path(self.id), os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self._file.write(b"".join(chunks))

    def _complete(self, chunks: list[bytes]) -> None:
        with self._step:
            self._write(chunks)
            self._file.sync()
            folder = self._shelf.sub_folder(self.id)
            self._name(self._shelf.draft_path(self.id), folder / self.id)
            sync_folder(folder)
            self._file.close()

    def _name(self, draft: Path, path: Path) -> None:
        """Give the body its lasting name; the draft's stays beside it until the body has an owner."""
        try:
            os.link(draft, path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            os.rename(draft, path)
            draft.touch(0o600)

    def _remove(self) -> None:
        with self._step:
            self._file.close()
            self._shelf.unlink(self.id)
