"""Streams of small items that need no commit of their own: log lines, usage of synchronous calls, raw metrics.

Items go in without waiting; each 200 ms at most, what came is written as one value per stream into a file of its own
(packfile.py), in a thread. A crash may lose the last flush, and nothing else. Items come out by their sequence, which
ascends by one within a stream, together with those that are not written yet. It knows nothing of what an item holds.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from yobu.base.clock import Clock
from yobu.base.log import logger
from yobu.store import keys
from yobu.store.handover import GiveWay
from yobu.store.packfile import Pack, PackFile
from yobu.store.topics import Topics

_log = logger("store.packed")

FLUSH_S = 0.15
# As much as this is written at once; where writing fails, more than that is given up, and the log says so.
EAGER_BYTES = 4 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
# Above this many, streams without waiting items are forgotten; their end is found again in the file.
REMEMBERED = 5_000


class _Stream:
    """A stream's end: the items from sequence `first` on that are not in the file yet."""

    __slots__ = ("first", "id", "items", "leaving", "name")

    def __init__(self, id: int, first: int, name: bytes | None) -> None:
        self.id = id
        self.first = first
        self.name = name  # until it is in the file
        self.items: list[bytes] = []
        self.leaving = 0

    def leave(self) -> Pack:
        """What goes into the file now."""
        self.leaving = len(self.items)
        return Pack(self.id, self.first, self.items[:], self.name)

    def left(self) -> int:
        """It is in the file. Returns its size in bytes."""
        size = sum(map(len, self.items[: self.leaving]))
        del self.items[: self.leaving]
        self.first += self.leaving
        self.leaving = 0
        self.name = None
        return size

    def waiting(self, wanted: range) -> list[tuple[int, bytes]]:
        """The items with the wanted sequences."""
        return _numbered(self.first, self.items, wanted)


class Packed:
    """The packed streams of one file, or of memory. A stream's name is a tuple as in keys.py."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._clock = clock
        self._file = PackFile(path)
        self._thread = None if path is None else ThreadPoolExecutor(1, thread_name_prefix="packed")
        self._way = GiveWay()
        self._next_id = self._file.next_id()
        self._streams: dict[tuple[Any, ...], _Stream] = {}
        self._waiting: dict[_Stream, None] = {}
        self._bytes = 0
        self._topics = Topics()
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: asyncio.Task[None] | None = None
        self._failing = False
        # Held by whoever changes the file.
        self._changing = asyncio.Lock()
        self._dropping: list[tuple[Any, ...]] = []

    @classmethod
    async def open(cls, path: Path | None, clock: Clock) -> Packed:
        """The streams in the file at `path`, made where it is missing; None keeps them in memory."""
        return cls(path, clock)

    @property
    def backlog(self) -> int:
        """Bytes that are not written yet: a fast producer may look at it, and wait for `flush`."""
        return self._bytes

    def append(self, stream: tuple[Any, ...], item: bytes) -> None:
        """Add an item. Never waits; it is in the file within 200 ms."""
        state = self._streams.get(stream) or self._find(stream)
        state.items.append(item)
        self._waiting[state] = None
        self._bytes += len(item)
        if self._topics:
            for length in range(len(stream) + 1):
                self._topics.wake(stream[:length])
        if self._bytes >= EAGER_BYTES:
            self._start_flush()
        elif self._timer is None:
            self._arm()

    async def flush(self) -> None:
        """Write everything that was appended before this call."""
        await _unbroken(self._flush())

    async def read(
        self, stream: tuple[Any, ...], start: int = 0, limit: int = 1000, reverse: bool = False, end: int | None = None
    ) -> list[tuple[int, bytes]]:
        """At most `limit` `(sequence, item)` with sequences from `start` up to, not including, `end`.

        The first ones, ascending; with `reverse` the last ones, descending.
        """
        state = self._streams.get(stream) or self._stored(stream)
        if state is None or limit <= 0:
            return []
        wanted = range(start, sys.maxsize if end is None else end)
        return await (self._backward(state, wanted, limit) if reverse else self._forward(state, wanted, limit))

    def streams(self, prefix: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The names of the streams that begin with these parts, in their order; a stream without items may be among
        them.
        """
        found = {keys.unpack(name) for name in self._file.names(*_names(prefix))}
        found.update(name for name in self._streams if name[: len(prefix)] == prefix)
        return sorted(found, key=keys.pack)

    async def drop(self, stream: tuple[Any, ...]) -> None:
        """Delete the stream and every stream whose name begins with these parts. Sequences start again at 0."""
        await _unbroken(self._drop(stream))

    async def trim(self, stream: tuple[Any, ...], before_ms: int) -> None:
        """Delete what was written before `before_ms` (platform time) in the stream and in those below its name.

        Whole flushes go; sequences go on where they were.
        """
        await _unbroken(self._change(self._file.trim, *_names(stream), before_ms))

    def wait(self, stream: tuple[Any, ...]) -> Awaitable[None]:
        """The next append to the stream or to one below its name; registered at once."""
        return self._topics.wait(stream)

    async def clear(self) -> None:
        """Drop every stream."""
        await self.drop(())

    async def close(self) -> None:
        """Write what waits, then close the file."""
        await self.flush()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._thread is not None:
            await asyncio.to_thread(self._thread.shutdown)
        self._file.close()

    def _find(self, stream: tuple[Any, ...]) -> _Stream:
        """The stream's end: as the file has it, or new."""
        state = self._stored(stream)
        if state is None:
            state = _Stream(self._next_id, 0, keys.pack(stream))
            self._next_id += 1
        self._streams[stream] = state
        return state

    def _stored(self, stream: tuple[Any, ...]) -> _Stream | None:
        if any(stream[: len(parts)] == parts for parts in self._dropping):
            return None
        found = self._file.find(keys.pack(stream))
        return None if found is None else _Stream(*found, None)

    async def _forward(self, state: _Stream, wanted: range, limit: int) -> list[tuple[int, bytes]]:
        found: list[tuple[int, bytes]] = []
        position = wanted.start
        while True:
            packs, more = self._file.next(state.id, position, limit - len(found))
            for pack in packs:
                found += _numbered(pack.first, pack.items, range(position, wanted.stop))
                position = max(position, pack.first + len(pack.items))
            if not more:
                # In the same turn of the loop as the last look at the file, so that nothing falls between.
                found += state.waiting(range(position, wanted.stop))
                return found[:limit]
            if len(found) >= limit or position >= wanted.stop:
                return found[:limit]
            await asyncio.sleep(0)

    async def _backward(self, state: _Stream, wanted: range, limit: int) -> list[tuple[int, bytes]]:
        found = state.waiting(wanted)[::-1]
        position = min(state.first, wanted.stop)
        while len(found) < limit and position > wanted.start:
            packs, more = self._file.previous(state.id, position, limit - len(found))
            for pack in packs:
                found += _numbered(pack.first, pack.items, range(wanted.start, position))[::-1]
                position = pack.first
            if not more:
                break
            await asyncio.sleep(0)
        return found[:limit]

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._start_flush)

    def _start_flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        """Write what waits; what cannot be written waits on, up to a bound."""
        async with self._changing:
            states = list(self._waiting)
            self._waiting.clear()
            if states:
                try:
                    await self._run(self._file.write, [state.leave() for state in states], self._clock.now_ms())
                except sqlite3.Error as error:
                    if not self._failing:
                        _log.error("log lines and usage wait in memory, since they could not be written: %s", error)
                    self._failing = True
                    self._keep(states)
                else:
                    if self._failing:
                        _log.info("log lines and usage are written again")
                    self._failing = False
                    self._bytes -= sum(state.left() for state in states)
            if len(self._streams) > REMEMBERED:
                self._streams = {name: state for name, state in self._streams.items() if state.items}
        if self._waiting and self._timer is None:
            self._arm()

    def _keep(self, states: Sequence[_Stream]) -> None:
        self._waiting.update(dict.fromkeys(states))
        if self._bytes > MOST_BYTES:
            lost = 0
            for state in self._waiting:
                lost += len(state.items)
                state.items.clear()
            self._waiting.clear()
            self._bytes = 0
            _log.error("%d items are lost: they could not be written, and memory holds no more", lost)

    async def _drop(self, stream: tuple[Any, ...]) -> None:
        async with self._changing:
            for name in [name for name in self._streams if name[: len(stream)] == stream]:
                state = self._streams.pop(name)
                self._bytes -= sum(map(len, state.items))
                self._waiting.pop(state, None)
            # What is appended meanwhile belongs to a new stream of that name.
            self._dropping.append(stream)
            try:
                await self._run(self._file.delete, *_names(stream))
            finally:
                self._dropping.remove(stream)

    async def _change(self, call: Callable[..., None], *arguments: Any) -> None:
        async with self._changing:
            await self._run(call, *arguments)

    async def _run(self, call: Callable[..., None], *arguments: Any) -> None:
        if self._thread is None:
            call(*arguments)
        else:
            await self._way.wait(asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments))


async def _unbroken(change: Coroutine[Any, Any, None]) -> None:
    """Let a change run to its end even where its caller is cancelled: the next one must not meet it in the file."""
    await asyncio.shield(asyncio.create_task(change))


def _numbered(first: int, items: Sequence[bytes], wanted: range) -> list[tuple[int, bytes]]:
    """Those of `items` (sequences from `first` on) that are wanted, each with its sequence."""
    low = max(wanted.start - first, 0)
    high = max(min(wanted.stop - first, len(items)), low)
    return list(zip(range(first + low, first + high), items[low:high], strict=True))


def _names(stream: tuple[Any, ...]) -> tuple[bytes, bytes]:
    """The range of the names of a stream and of those below it."""
    name = keys.pack(stream)
    return name, name + b"\xff"
