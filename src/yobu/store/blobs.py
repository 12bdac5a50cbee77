"""Bodies as files: streamed in and out, durable before the metadata that names them, deleted after it.

A body is written to drafts/<id>, synced, linked to <first two digits>/<id>, and the folder synced; then the caller
commits its metadata together with `keep`. The name under drafts/ stays until that commit: what a crash leaves there is
all that a start must look at, however many bodies there are. A blob has one owner. A replaced body is `release`d in
the metadata's transaction, and its file deleted a little later, when nobody can be about to open it.

In come chunks, out go ids, and chunks again. It knows nothing of what a body means.
"""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.store.drafts import Blob, Draft, OpenFile
from yobu.store.due import DueLoop, DueQueue
from yobu.store.folder import sync_folder
from yobu.store.handover import GiveWay
from yobu.store.port import Store, StoreFull, Tx
from yobu.store.space import Space

__all__ = ("Blob", "Blobs", "Draft")

T = TypeVar("T")

CHUNK = 256 * 1024
# A reader opens its file at once after it has read the metadata; what was replaced meanwhile must still be there.
DELETE_AFTER_MS = 10_000
DELETIONS_AT_ONCE = 8
THREADS = 8


class Blobs:
    """The bodies below one folder. Open it with `open`, then `start` the loop that deletes released ones."""

    def __init__(self, folder: Path, store: Store, clock: Clock, ids: Ids) -> None:
        self._folder = folder
        self._drafts = folder / "drafts"
        self._store = store
        self._clock = clock
        self._ids = ids
        self._kept: Space[int] = Space(("blob",), int)
        self._queue: DueQueue[str] = DueQueue("blob", str)
        self._deletions = DueLoop(store, clock, self._queue, self._delete_released, DELETIONS_AT_ONCE)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="blobs")
        self._way = GiveWay()
        self._settled: list[str] = []
        self._sub_folders: set[str] = set()
        self._making = threading.Lock()

    @classmethod
    async def open(cls, folder: Path, store: Store, clock: Clock, ids: Ids) -> Blobs:
        """The bodies of `folder`, without those that a crash left half-written or without an owner."""
        blobs = cls(folder, store, clock, ids)
        await blobs.in_thread(blobs._prepare)
        await blobs._sweep()
        return blobs

    async def draft(self) -> Draft:
        """Begin a body."""
        return Draft(self, self._ids.hex(32))

    async def add(self, data: bytes | AsyncIterable[bytes]) -> Blob:
        """Write a whole body, and leave nothing where that fails. Raises StoreFull."""
        async with await self.draft() as draft:
            if isinstance(data, bytes):
                await draft.write(data)
            else:
                async for chunk in data:
                    await draft.write(chunk)
            return await draft.finish()

    def keep(self, tx: Tx, blob_id: str) -> None:
        """In the metadata's transaction: the body has its owner."""
        self._kept.put(tx, (blob_id,), 1)
        tx.after_commit(lambda: self._settle(blob_id))

    def release(self, tx: Tx, blob_id: str) -> None:
        """In the metadata's transaction: nothing names the body any more; its file is deleted in 10 s."""
        self._kept.delete(tx, blob_id)
        self._queue.put(tx, self._clock.now_ms() + DELETE_AFTER_MS, blob_id)

    async def discard(self, blob_id: str) -> None:
        """The metadata's commit failed: delete the body now."""
        await self.in_thread(self.unlink, blob_id)

    def path(self, blob_id: str) -> Path:
        """The body's file."""
        return self._folder / blob_id[:2] / blob_id

    def draft_path(self, blob_id: str) -> Path:
        """The name that a body has until it has an owner."""
        return self._drafts / blob_id

    async def read(
        self, blob_id: str, start: int = 0, end: int | None = None, chunk: int = CHUNK
    ) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, at most `chunk` at once.

        The file is held open from the first chunk on: a deletion does not disturb the reader. Raises
        FileNotFoundError.
        """
        file = OpenFile()
        try:
            await self.in_thread(file.open, self.path(blob_id), os.O_RDONLY)
            while end is None or start < end:
                size = chunk if end is None else min(chunk, end - start)
                data = await self.in_thread(file.read, size, start)
                if not data:
                    return
                start += len(data)
                yield data
        finally:
            self.in_background(file.close)

    async def load(self, blob_id: str) -> bytes:
        """The whole body. Raises FileNotFoundError."""
        return await self.in_thread(self.path(blob_id).read_bytes)

    def start(self) -> None:
        """Begin to delete what was released."""
        self._deletions.start()

    async def stop(self, within_s: float = 5.0) -> None:
        """Stop deleting and give the threads back. What is not deleted yet is at the next start."""
        await self._deletions.stop(within_s)
        await asyncio.to_thread(self._threads.shutdown)

    async def clear(self) -> None:
        """Delete every body, after the store was cleared, and the registry with it."""
        self._deletions.reset()
        await self.in_thread(self._remove_all)

    async def idle(self) -> None:
        """Wait until nothing that is due waits for its deletion. Needs `start`."""
        await self._deletions.idle()

    def unlink(self, blob_id: str) -> None:
        """Delete a body's names. Runs in a thread."""
        self.path(blob_id).unlink(missing_ok=True)
        self.draft_path(blob_id).unlink(missing_ok=True)

    def sub_folder(self, blob_id: str) -> Path:
        """The folder of the body's file, made (durably) where it is missing. Runs in a thread."""
        name = blob_id[:2]
        folder = self._folder / name
        with self._making:
            if name not in self._sub_folders:
                folder.mkdir(0o700, exist_ok=True)
                sync_folder(self._folder)
                self._sub_folders.add(name)
        return folder

    async def in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        """What `call` returns, run in one of the bodies' threads. Raises StoreFull where the disk has no room."""
        try:
            return await self._way.wait(asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments))
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull("the disk is full") from error
            raise

    def in_background(self, call: Callable[[], None]) -> None:
        """Run `call` in a thread, whether or not the caller goes on; at once where the threads are gone."""
        try:
            self._threads.submit(call)
        except RuntimeError:
            call()

    async def _delete_released(self, row: bytes, blob_id: str) -> None:
        await self.in_thread(self.unlink, blob_id)

        async def settle(tx: Tx) -> None:
            self._queue.delete(tx, row)

        await self._store.write(settle)

    def _settle(self, blob_id: str) -> None:
        """After the commit of `keep`: drop the draft's name, together with others that settle in this moment."""
        self._settled.append(blob_id)
        if len(self._settled) == 1:
            asyncio.get_running_loop().call_soon(self._drop_settled)

    def _drop_settled(self) -> None:
        names, self._settled = self._settled, []
        self.in_background(lambda: self._unlink_drafts(names))

    async def _sweep(self) -> None:
        """Delete drafts, and with them bodies that were finished but never got an owner."""
        names = await self.in_thread(os.listdir, self._drafts)
        kept = [name for name in names if await self._kept.get(self._store, name) is not None]
        await self.in_thread(self._unlink_drafts, kept)
        await self.in_thread(self._unlink_all, sorted(set(names).difference(kept)))

    def _prepare(self) -> None:
        self._drafts.mkdir(0o700, parents=True, exist_ok=True)
        self._sub_folders.update(name for name in os.listdir(self._folder) if len(name) == 2)
        sync_folder(self._folder)

    def _unlink_drafts(self, names: list[str]) -> None:
        for name in names:
            self.draft_path(name).unlink(missing_ok=True)

    def _unlink_all(self, names: list[str]) -> None:
        for name in names:
            self.unlink(name)

    def _remove_all(self) -> None:
        for folder in (self._drafts, *(self._folder / name for name in sorted(self._sub_folders))):
            for name in os.listdir(folder):
                (folder / name).unlink(missing_ok=True)
