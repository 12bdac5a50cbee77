"""What the transactions of all engines share: limits, what happens after the commit, and how a function is driven.

In comes a transaction function, out comes its result or its exception. Nothing here knows where rows are kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from yobu.base.ids import Ids
from yobu.base.log import logger
from yobu.store.port import MAX_KEY, MAX_SCAN, MAX_TX_BYTES, MAX_TX_KEYS, MAX_VALUE
from yobu.store.topics import Topics

T = TypeVar("T")
_log = logger("store")


class SuspendedError(RuntimeError):
    """A transaction function waited for something else than its transaction."""


def drive(awaitable: Awaitable[T]) -> T:
    """Run to its end what awaits only an engine's own methods, which never wait. Raises SuspendedError otherwise."""
    steps = awaitable.__await__()
    try:
        next(steps)
    except StopIteration as stop:
        result: T = stop.value
        return result
    steps.close()
    raise SuspendedError("a transaction function may await nothing but its transaction")


class Rerun:
    """The conformance mode: some functions are run, rolled back, and run again, as an engine with conflicts would.

    `ids` decides (seed it for a run that can be repeated); `share` of the runs, from 0 to 1, are thrown away.
    """

    def __init__(self, ids: Ids, share: float = 0.5) -> None:
        self._ids = ids
        self._share = share

    def again(self) -> bool:
        """Whether the run that has just ended is thrown away."""
        return self._ids.fraction() < self._share


class Effects:
    """What one transaction wants done after its commit."""

    __slots__ = ("calls", "topics")

    def __init__(self) -> None:
        self.topics: list[str] = []
        self.calls: list[Callable[[], None]] = []


def settle(effects: Iterable[Effects], topics: Topics) -> None:
    """Run the calls of committed transactions, in their order, then wake each topic once.

    A call that fails is logged: the commit stands, and the others' calls must run.
    """
    woken: dict[str, None] = {}
    for effect in effects:
        for call in effect.calls:
            try:
                call()
            except Exception:  # noqa: BLE001  (the edge of the commit)
                _log.exception("a call after a commit failed")
        woken.update(dict.fromkeys(effect.topics))
    for topic in woken:
        topics.wake(topic)


class Bounded:
    """The size limits of one transaction, and its effects. Engines derive their transaction from it."""

    __slots__ = ("_bytes", "_keys", "effects", "open")

    def __init__(self) -> None:
        self._keys = 0
        self._bytes = 0
        self.open = True
        self.effects = Effects()

    @property
    def wrote(self) -> bool:
        """Whether anything was put or deleted."""
        return self._keys > 0

    def wake(self, topic: str) -> None:
        """See `port.Tx.wake`."""
        self.effects.topics.append(topic)

    def after_commit(self, call: Callable[[], None]) -> None:
        """See `port.Tx.after_commit`."""
        self.effects.calls.append(call)

    def _count(self, key: bytes, value: bytes) -> None:
        """Account for one written key. Raises ValueError over a limit, TypeError for anything but bytes."""
        self._check_open()
        if type(key) is not bytes or type(value) is not bytes:
            raise TypeError("keys and values are bytes")
        size = len(value)
        if not 0 < len(key) <= MAX_KEY:
            raise ValueError(f"a key has 1 to {MAX_KEY} bytes, not {len(key)}")
        if size > MAX_VALUE:
            raise ValueError(f"a value has at most {MAX_VALUE} bytes, not {size}")
        self._keys += 1
        self._bytes += len(key) + size
        if self._keys > MAX_TX_KEYS:
            raise ValueError(f"a transaction writes at most {MAX_TX_KEYS} keys")
        if self._bytes > MAX_TX_BYTES:
            raise ValueError(f"a transaction writes at most {MAX_TX_BYTES} bytes")

    def _check_open(self) -> None:
        if not self.open:
            raise RuntimeError("the transaction is over: its function has returned")


def check_limit(limit: int) -> None:
    """Raise ValueError for a scan limit outside 0 to 1,000."""
    if not 0 <= limit <= MAX_SCAN:
        raise ValueError(f"a scan reads at most {MAX_SCAN} pairs, not {limit}")
