"""Work that follows a commit of this room: unpack a new package, sweep up after a deleted function.

In: rows of a due queue, put in the transaction that makes them necessary, so that a crash loses none. Out: states
of functions, freed packages. Must not know operations.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Literal

import msgspec

from yobu.base.errors import AwsError
from yobu.base.log import logger
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.functions import StoredFunctions
from yobu.services.lambda_.model import state
from yobu.services.lambda_.model.names import arn
from yobu.services.port import Parts
from yobu.store.due import DueLoop, DueQueue
from yobu.store.port import Reader, Tx
from yobu.store.space import Space

_BELONGINGS: tuple[Space[Any], ...] = (
    state.VERSIONS,
    state.ALIASES,
    state.POLICIES,
    state.EVENT_CONFIGS,
    state.PACKAGES,
)
_AT_ONCE = 4
_CHUNK = 500
_log = logger("lambda.jobs")


class Job(msgspec.Struct, frozen=True, array_like=True):
    """`activate`: unpack the package of a version (number 0: $LATEST) of the build, then change its state.

    `sweep`: remove what belonged to the deleted function `id`.
    """

    kind: Literal["activate", "sweep"]
    function: FunctionRef
    id: int
    number: int = 0
    build: int = 0


class Jobs:
    """Runs the jobs, and lets operations wait until a function has settled."""

    def __init__(self, parts: Parts, functions: StoredFunctions) -> None:
        self._parts = parts
        self._functions = functions
        self._queue: DueQueue[Job] = DueQueue("lambda", Job)
        self._loop = DueLoop(parts.store, parts.clock, self._queue, self._run, _AT_ONCE)

    def put(self, tx: Tx, now_ms: int, job: Job) -> None:
        """Have the job done soon after the commit, or after the next start."""
        self._queue.put(tx, now_ms, job)

    def start(self) -> None:
        """Begin, with what an earlier node left undone."""
        self._loop.start()

    async def stop(self) -> None:
        """End; what is not settled is done after the next start."""
        await self._loop.stop(5.0)

    def reset(self) -> None:
        """The store has just been emptied."""
        self._loop.reset()

    async def idle(self) -> None:
        """Wait until nothing is left to do."""
        await self._loop.idle()

    async def settled(self, ref: FunctionRef, within_s: float) -> str | None:
        """Wait at most `within_s` (real seconds) until no change is under way of what `ref` names.

        Returns what is still in the way (`Pending`, `InProgress`), None where nothing is or nothing exists.
        """
        obstacle: str | None = None
        try:
            async with asyncio.timeout(within_s):
                while True:
                    changed = asyncio.ensure_future(self._parts.store.wait(state.topic(ref)))
                    obstacle = await self._obstacle(ref)
                    if obstacle is None:
                        changed.cancel()
                        return None
                    await changed
        except TimeoutError:
            return obstacle

    async def _obstacle(self, ref: FunctionRef) -> str | None:
        async def look(read: Reader) -> str | None:
            head = await state.function(read, ref)
            return (await state.qualified(read, head, ref)).obstacle

        try:
            obstacle = await self._parts.store.read(look)
        except AwsError:
            return None
        return None if obstacle == "Failed" else obstacle

    async def _run(self, row: bytes, job: Job) -> None:
        if job.kind == "activate":
            await self._activate(row, job)
        else:
            await self._sweep(row, job)

    async def _activate(self, row: bytes, job: Job) -> None:
        """Unpack, then tell in the function's state how it went. StoreFull: it is tried again."""
        version = await self._version(self._parts.store, job)
        reason = code = failure = None
        if version is not None:
            try:
                await self._parts.code.unpack(version.code.sha256, self._parts.blobs.path(version.code.blob))
            except AwsError as error:
                reason, code = error.message, "InvalidZipFileException"
            except OSError as error:
                failure = error
                reason, code = "The package could not be unpacked.", "InternalError"
        revision = self._parts.ids.uuid()

        async def settle(tx: Tx) -> bool:
            now = await self._version(tx, job)
            if now is not None:
                head = await state.function(tx, job.function)
                state.put_version(tx, job.function, head, _settled(now, revision, reason, code))
                tx.after_commit(partial(self._functions.forget, job.function))
            tx.wake(state.topic(job.function))
            self._queue.delete(tx, row)
            return now is not None

        # A package that was deleted meanwhile, with its function or by a reset, is no failure.
        if await self._parts.store.write(settle) and failure is not None:
            _log.error("the package of %s cannot be unpacked", arn(job.function), exc_info=failure)

    async def _version(self, read: Reader, job: Job) -> state.Version | None:
        """The version that the job is about, None where it is gone or has changed since."""
        ref = job.function
        head = await state.FUNCTIONS.get(read, ref.account, ref.region, ref.name)
        if head is None or head.id != job.id:
            return None
        version = await state.VERSIONS.get(read, head.id, job.number) if job.number else head.latest
        return version if version is not None and version.build == job.build else None

    async def _sweep(self, row: bytes, job: Job) -> None:
        """Remove a deleted function's rows, a few hundred in each transaction."""

        async def chunk(tx: Tx) -> bool:
            left = _CHUNK
            for space in _BELONGINGS:
                for key, _ in await tx.scan(space.range(job.id), left):
                    tx.delete(key)
                    left -= 1
                    if space is state.PACKAGES:
                        self._parts.blobs.release(tx, space.parts(key)[1])
                if left <= 0:
                    return False
            self._queue.delete(tx, row)
            return True

        while not await self._parts.store.write(chunk):
            pass


def _settled(version: state.Version, revision: str, reason: str | None, code: str | None) -> state.Version:
    """The version after its package was unpacked, or (with a reason) was not."""
    outcome: state.Update = "Successful" if reason is None else "Failed"
    if version.state == "Pending":
        return msgspec.structs.replace(
            version,
            revision=revision,
            state="Active" if reason is None else "Failed",
            reason=reason,
            reason_code=code,
            update=outcome,
        )
    return msgspec.structs.replace(version, revision=revision, update=outcome, update_reason=reason, update_code=code)
