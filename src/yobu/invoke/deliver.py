"""Events on their way to ARNs: in the sender's own commit where that is possible, else through the outbox.

In: Deliveries, in the sender's transaction. Out: calls of `Target.accept`. It must not know what a target does, nor
why something is sent. A sender is never rolled back by a refusal; an outbox row leaves in the commit in which its
target accepts, so that nothing is lost and nothing is accepted twice.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from yobu.base.arn import parse_arn
from yobu.base.clock import Clock
from yobu.base.ids import Ids
from yobu.base.log import logger
from yobu.invoke.decide import backoff_ms
from yobu.invoke.lanes import LaneLoop, LaneQueue, Limits, Row
from yobu.invoke.values import Accepted, Delivery, Refused, Target
from yobu.store.port import Reader, Store, StoreClosed, StoreFull, Tx
from yobu.store.space import Space

_log = logger("invoke.deliver")

INLINE_TARGETS = 4
"""Deliveries that join the sender's commit. Accepting one costs 50 to 100 us; a transaction may take about 1 ms."""

MAX_PAYLOAD = 400 * 1024
"""Bytes of a payload: with its envelope it must fit a value of the store. AWS too drops what is too large."""

GIVE_UP_MS = 24 * 3600 * 1000
"""How long a target may refuse: EventBridge's maximum age of an event, the longest of the services'."""

_LIMITS = Limits(total=64, lane=16)


class Deliveries:
    """Sends deliveries and keeps the outbox, a lane for each target.

    Deliveries to one target with the same order key arrive in the order of their commits: only the first of a key
    stands in the outbox, the others wait behind it.
    """

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._targets: dict[str, Target] = {}
        self._rows = LaneQueue("outbox", Delivery)
        self._heads = Space(("outbox-heads",), bool)
        self._behind = Space(("outbox-behind",), Delivery)
        self._loop = LaneLoop(store, clock, self._rows, self._pass_on, _LIMITS)

    def register(self, service: str, target: Target) -> None:
        """Deliver what is addressed to ARNs of `service` (`lambda`, `sqs`) to `target`."""
        self._targets[service] = target

    async def check(self, read: Reader, arn: str, source: str, service: str, account: str) -> str | None:
        """Why `arn` cannot be configured as a target of `source` (an ARN) now, or None.

        `service` is the sender's service principal, `account` its account. The sender's room words the error.
        """
        try:
            name = parse_arn(arn).service
        except ValueError as error:
            return str(error)
        target = self._targets.get(name)
        if target is None:
            return f"this platform has no service {name!r} that takes events"
        return await target.check(read, arn, source, service, account)

    async def send(self, tx: Tx, deliveries: Sequence[Delivery]) -> None:
        """Send in the caller's transaction: the first few are accepted in it, the rest goes to the outbox.

        What a target refuses is tried again later where that may help; else it goes to its dead-letter target,
        or is dropped with a line in the log.
        """
        for position, delivery in enumerate(deliveries):
            if len(delivery.payload) > MAX_PAYLOAD:
                self._warn(tx, delivery, f"its {len(delivery.payload)} bytes are more than {MAX_PAYLOAD}")
            elif position >= INLINE_TARGETS or await self._is_behind(tx, delivery):
                await self._post(tx, delivery, delivery.created_ms)
            else:
                answer = await self._offer(tx, delivery)
                if isinstance(answer, Refused) and answer.retry:
                    again_ms = delivery.created_ms + backoff_ms(0, 0.0)
                    await self._post(tx, msgspec.structs.replace(delivery, attempts=1), again_ms)
                elif isinstance(answer, Refused):
                    await self._bury(tx, delivery, answer.reason, delivery.created_ms)

    def start(self) -> None:
        """Begin to deliver what lies in the outbox."""
        self._loop.start()

    async def stop(self, within_s: float) -> None:
        """Claim nothing more, wait for what runs at most `within_s` real seconds; the rest remains due."""
        await self._loop.stop(within_s)

    async def idle(self) -> None:
        """Wait until nothing runs and nothing is due."""
        await self._loop.idle()

    def next_ms(self) -> int | None:
        """When the next row is due (platform milliseconds), None where none waits."""
        return self._loop.next_ms()

    def reset(self) -> None:
        """The store has just been emptied: drop what runs."""
        self._loop.reset()

    async def _offer(self, tx: Tx, delivery: Delivery) -> Accepted | Refused:
        """Ask the target to take the delivery into this transaction."""
        try:
            name = parse_arn(delivery.target).service
        except ValueError as error:
            return Refused(str(error))
        target = self._targets.get(name)
        if target is None:
            return Refused(f"this platform has no service {name!r} that takes events")
        return await target.accept(tx, delivery)

    async def _pass_on(self, row: Row, delivery: Delivery) -> bool:
        """Offer what lies in the outbox; True where the target wants to be left alone for a while."""
        now_ms = self._clock.now_ms()
        again_ms = now_ms + backoff_ms(delivery.attempts, self._ids.fraction())

        async def offer(tx: Tx) -> bool:
            if await self._rows.get(tx, row) is None:
                return False
            answer = await self._offer(tx, delivery)
            if isinstance(answer, Accepted):
                await self._leave(tx, row, delivery)
                return False
            return await self._put_back(tx, row, delivery, answer, again_ms)

        try:
            return await self._store.write(offer)
        except (StoreClosed, StoreFull):
            raise
        except Exception as error:  # noqa: BLE001  (the edge of the loop: a target that fails is one that refuses)
            _log.exception("delivery %s to %s failed", delivery.id, delivery.target)
            failure = Refused(f"{type(error).__name__}: {error}", retry=True)

        async def put_back(tx: Tx) -> bool:
            if await self._rows.get(tx, row) is None:
                return False
            return await self._put_back(tx, row, delivery, failure, again_ms)

        return await self._store.write(put_back)

    async def _put_back(self, tx: Tx, row: Row, delivery: Delivery, answer: Refused, again_ms: int) -> bool:
        """The target refused: keep the row for `again_ms` (True), or give up (False)."""
        if answer.retry and again_ms < delivery.created_ms + GIVE_UP_MS:
            self._rows.delete(tx, row)
            self._rows.put(tx, row.lane, again_ms, msgspec.structs.replace(delivery, attempts=delivery.attempts + 1))
            return True
        await self._leave(tx, row, delivery)
        await self._bury(tx, delivery, answer.reason, row.due_ms)
        return False

    async def _post(self, tx: Tx, delivery: Delivery, due_ms: int) -> None:
        """Put a delivery into the outbox, behind those of its order key."""
        if await self._is_behind(tx, delivery):
            self._behind.put(tx, (delivery.target, delivery.order_key, tx.stamp()), delivery)
            return
        if delivery.order_key is not None:
            self._heads.put(tx, (delivery.target, delivery.order_key), True)
        self._rows.put(tx, (delivery.target,), due_ms, delivery)

    async def _is_behind(self, tx: Tx, delivery: Delivery) -> bool:
        """Whether an earlier delivery with the same order key is still on its way."""
        if delivery.order_key is None:
            return False
        return await self._heads.get(tx, delivery.target, delivery.order_key) is not None

    async def _leave(self, tx: Tx, row: Row, delivery: Delivery) -> None:
        """Remove a row, and let the next one of its order key step forward."""
        self._rows.delete(tx, row)
        if delivery.order_key is None:
            return
        key = (delivery.target, delivery.order_key)
        waiting = await self._behind.scan(tx, self._behind.range(*key), 1)
        if not waiting:
            self._heads.delete(tx, *key)
            return
        parts, following = waiting[0]
        self._behind.delete(tx, *parts)
        self._rows.put(tx, row.lane, following.created_ms, following)

    async def _bury(self, tx: Tx, delivery: Delivery, reason: str, now_ms: int) -> None:
        """Give up: to the dead-letter target through the outbox, or into the log."""
        self._warn(tx, delivery, reason)
        if delivery.dead_letter is None:
            return
        letter = msgspec.structs.replace(
            delivery, target=delivery.dead_letter, created_ms=now_ms, attempts=0, dead_letter=None, order_key=None
        )
        await self._post(tx, letter, now_ms)

    def _warn(self, tx: Tx, delivery: Delivery, reason: str) -> None:
        """Say after the commit that a delivery did not arrive."""
        fate = f"sent to {delivery.dead_letter}" if delivery.dead_letter else "dropped"
        text = f"delivery {delivery.id} from {delivery.source} to {delivery.target} is {fate}: {reason}"
        tx.after_commit(lambda: _log.warning(text))
