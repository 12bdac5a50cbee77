"""Events on their way to ARNs: in the sender's own commit where that is possible, else through the outbox.

In: Deliveries. Out: calls of `Target.accept`. It must not know what a target does, nor why something is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.invoke.values import Delivery, Target
from yobu.store.port import Reader, Store, Tx


class Deliveries:
    """Being written: the interface holds."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._targets: dict[str, Target] = {}

    def register(self, service: str, target: Target) -> None:
        """Deliver what is addressed to ARNs of `service` to `target`."""
        self._targets[service] = target

    async def send(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        """Send, in the caller's transaction."""
        raise RuntimeError("being written")

    async def check(self, read: Reader, arn: str, source: str, service: str, account: str) -> str | None:
        """Why `arn` cannot be configured as a target, or None."""
        raise RuntimeError("being written")

    def start(self) -> None:
        """Begin to deliver what lies in the outbox."""

    async def stop(self, within_s: float) -> None:
        """Claim nothing more, wait for what runs, at most `within_s` real seconds."""

    def reset(self) -> None:
        """The store has just been emptied."""
