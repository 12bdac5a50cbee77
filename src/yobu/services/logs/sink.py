"""Where environments' lines go: into the packed file, at once and outside the reply path.

A stream's record is made at its first line, in the background; the lines never wait for it.
"""

from __future__ import annotations

import asyncio

import msgspec

from yobu.base.clock import Clock
from yobu.base.log import logger
from yobu.fleet.port import LogStream
from yobu.services.logs.model import DELETED, Event, ensure_stream, lines_of
from yobu.store.packed import Packed
from yobu.store.port import Store, StoreClosed, StoreFull

log = logger("logs")


class PackedLogs:
    """Serves the fleet's LogSink port."""

    def __init__(self, packed: Packed, store: Store, clock: Clock) -> None:
        self._packed = packed
        self._store = store
        self._clock = clock
        self._known: set[LogStream] = set()
        self._making: set[asyncio.Task[None]] = set()
        self._encoder = msgspec.msgpack.Encoder()
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch for deletions."""
        self._watch = asyncio.get_running_loop().create_task(self._forget_deleted())

    async def stop(self) -> None:
        """Let the records that are being made be made."""
        if self._watch is not None:
            self._watch.cancel()
        await self.settle()

    async def settle(self) -> None:
        """Wait until the records of all lines so far are made."""
        await asyncio.gather(*self._making, return_exceptions=True)

    def reset(self) -> None:
        """Forget which streams have a record."""
        self._known.clear()

    def append(self, stream: LogStream, at_ms: int, lines: list[str]) -> None:
        """Add lines with one time. Never waits. Like on AWS each is a message with its line break."""
        if stream not in self._known:
            self._known.add(stream)
            task = asyncio.get_running_loop().create_task(self._make(stream))
            self._making.add(task)
            task.add_done_callback(self._making.discard)
        place, now = lines_of(stream.account, stream.region, stream.group, stream.stream), self._clock.now_ms()
        for line in lines:
            self._packed.append(place, self._encoder.encode(Event(at_ms, now, f"{line}\n")))

    async def _make(self, stream: LogStream) -> None:
        place, now = (stream.account, stream.region, stream.group, stream.stream), self._clock.now_ms()
        try:
            await self._store.write(lambda tx: ensure_stream(tx, place, now))
        except (StoreFull, StoreClosed) as error:
            # The lines themselves are in the packed file; the record is tried again at the next line.
            self._known.discard(stream)
            log.warning("no record for log stream %s of %s: %s", stream.stream, stream.group, error)

    async def _forget_deleted(self) -> None:
        while True:
            await self._store.wait(DELETED)
            self._known.clear()
