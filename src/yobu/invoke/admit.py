"""Admission: may this call run now? Counters only, O(1), for each account and region.

In: a resolved function. Out: a slot to hold while it runs, or AWS's reason why not. This part must not know
what a call does, who waits, or where reservations are kept: the lambda room tells them.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from yobu.invoke.values import Resolved

RESERVED_EXCEEDED = "ReservedFunctionConcurrentInvocationLimitExceeded"
"""Throttle reason: the function's own reserved concurrency is used up."""

ACCOUNT_EXCEEDED = "ConcurrentInvocationLimitExceeded"
"""Throttle reason: the account's unreserved concurrency is used up."""


class _Pool:
    """The counters of one account in one region. `running` holds only functions that run now."""

    __slots__ = ("reserved", "reserved_sum", "running", "unreserved")

    def __init__(self) -> None:
        self.running: dict[str, int] = {}
        self.unreserved = 0
        self.reserved: dict[str, int] = {}
        self.reserved_sum = 0


class Slot:
    """One admitted call. It gives back what it took, whatever was reserved or reset meanwhile."""

    __slots__ = ("_arn", "_pool", "_unreserved")

    def __init__(self, pool: _Pool, arn: str, unreserved: bool) -> None:
        self._pool: _Pool | None = pool
        self._arn = arn
        self._unreserved = unreserved

    def leave(self) -> None:
        """The call has ended, however it ended. A second time has no effect."""
        pool = self._pool
        if pool is None:
            return
        self._pool = None
        left = pool.running[self._arn] - 1
        if left:
            pool.running[self._arn] = left
        else:
            del pool.running[self._arn]
        if self._unreserved:
            pool.unreserved -= 1


class Admission:
    """Concurrency of accounts and functions. `limit` is the concurrent executions of an account in a region."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pools: dict[tuple[str, str], _Pool] = {}

    def enter(self, function: Resolved) -> Slot | str:
        """A slot for one call of `function`, or the reason of AWS's TooManyRequestsException.

        A function with reserved concurrency (shared by all its versions) is bounded by that alone; every other
        one by what the account's limit leaves beside all reservations.
        """
        spec = function.spec
        pool = self._pool(spec.account, spec.region)
        running = pool.running.get(spec.arn, 0)
        unreserved = function.reserved is None
        if function.reserved is not None:
            if running >= function.reserved:
                return RESERVED_EXCEEDED
        elif pool.unreserved >= self._limit - pool.reserved_sum:
            return ACCOUNT_EXCEEDED
        pool.running[spec.arn] = running + 1
        if unreserved:
            pool.unreserved += 1
        return Slot(pool, spec.arn, unreserved)

    def reserve(self, account: str, region: str, arn: str, concurrency: int | None) -> None:
        """Set aside `concurrency` for the function `arn` (unqualified), or nothing any more (None).

        Told by the lambda room after its commit, and for every function with a reservation at start. Calls
        that run already stay in the pool that admitted them.
        """
        pool = self._pool(account, region)
        pool.reserved_sum -= pool.reserved.pop(arn, 0)
        if concurrency is not None:
            pool.reserved[arn] = concurrency
            pool.reserved_sum += concurrency

    def running(self, account: str, region: str, arn: str | None = None) -> int:
        """How many calls run now: of the function `arn`, or in the whole account and region."""
        pool = self._pools.get((account, region))
        if pool is None:
            return 0
        return sum(pool.running.values()) if arn is None else pool.running.get(arn, 0)

    def unreserved(self, account: str, region: str) -> int:
        """The account's concurrency that no function has reserved."""
        pool = self._pools.get((account, region))
        return self._limit - (pool.reserved_sum if pool else 0)

    def reset(self) -> None:
        """Forget everything. Slots still held count against pools that are no longer looked at."""
        self._pools.clear()

    def _pool(self, account: str, region: str) -> _Pool:
        key = (account, region)
        pool = self._pools.get(key)
        if pool is None:
            pool = self._pools[key] = _Pool()
        return pool
