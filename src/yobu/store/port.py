"""The store's port: an ordered key space with serialisable transactions, small enough for any engine to carry.

Keys and values are bytes here; `Space` (space.py) types them. Keys are at most 2,500 bytes, values at most
512 KB; a transaction holds at most 5,000 keys or 8 MB. A transaction is `async def fn(tx)`: it awaits only `tx`,
may run more than once, changes nothing outside `tx` and captures only frozen values. In the manner of
FoundationDB (https://apple.github.io/foundationdb/developer-guide.html).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol, TypeVar

T = TypeVar("T")

MAX_KEY = 2_500
MAX_VALUE = 512 * 1024
MAX_TX_KEYS = 5_000
MAX_TX_BYTES = 8 * 1024 * 1024
MAX_SCAN = 1_000


class Range(NamedTuple):
    """Keys from `start` (included) to `end` (excluded)."""

    start: bytes
    end: bytes


class Reader(Protocol):
    """What can be read: a transaction, a snapshot, or the store itself (its last durable state)."""

    async def get(self, key: bytes) -> bytes | None:
        """The value of `key`, or None."""
        ...

    async def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """The values of `keys`, in their order."""
        ...

    async def scan(self, range: Range, limit: int = MAX_SCAN, reverse: bool = False) -> list[tuple[bytes, bytes]]:
        """At most `limit` (at most 1,000) pairs of the range in key order, or from its end."""
        ...


class Tx(Reader, Protocol):
    """One transaction. Reads see its own writes."""

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key`. Raises ValueError over a size limit."""
        ...

    def delete(self, key: bytes) -> None:
        """Remove `key`, if it is there."""
        ...

    def stamp(self) -> int:
        """A number below 2**63 that no other call ever gets, ascending in commit order."""
        ...

    def wake(self, topic: str) -> None:
        """After the commit, wake whoever waits for `topic`."""
        ...

    def after_commit(self, call: Callable[[], None]) -> None:
        """After the commit (and never without one), call `call` on the event loop."""
        ...


Transaction = Callable[[Tx], Awaitable[T]]
Reading = Callable[[Reader], Awaitable[T]]


class Store(Reader, Protocol):
    """An engine. Its own `get`, `get_many` and `scan` read the last durable state."""

    async def write(self, fn: Transaction[T], home: bytes | None = None) -> T:
        """Run `fn` in a transaction and return its result after the commit is durable.

        An exception of `fn` rolls this transaction back alone and is raised here. `home` names the hot range
        (a queue, a shard, a table) for engines that must lock. Raises StoreFull where the disk has no room,
        StoreClosed after a failed commit or a close.
        """
        ...

    async def read(self, fn: Reading[T]) -> T:
        """Run `fn` on one snapshot of the last durable state, at most 5 s."""
        ...

    def wait(self, topic: str) -> Awaitable[None]:
        """Wait for the next `wake` of `topic` that comes after this call (register first, then look)."""
        ...

    async def clear(self) -> None:
        """Drop every row; stamps go on where they were. Fast when there is little."""
        ...

    async def close(self) -> None:
        """Finish what is committing, then close."""
        ...


class StoreFull(Exception):
    """The disk is full: nothing of the batch was written."""


class StoreClosed(Exception):
    """The store takes no more writes: closed, or stopped by a failed commit or fsync."""
