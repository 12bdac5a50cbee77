"""From usage records to dollars. Pure.

In: records. Out: exact decimals; rounding is the reader's (`dollars`). It must not know where records come from.
The free tier is ignored, and said so (prices.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from yobu.meter.prices import COMPUTE, EPHEMERAL, EPHEMERAL_FREE_MB, REQUEST
from yobu.meter.usage import UsageRecord

_MB_MS = Decimal(1024 * 1000)
"""Megabyte-milliseconds in a GB-second."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What the invocations of one account and region cost in a month, in dollars; `compute` by architecture."""

    requests: int
    gb_seconds: dict[str, Decimal]
    request_cost: Decimal
    compute_cost: dict[str, Decimal]
    ephemeral_cost: Decimal

    @property
    def total(self) -> Decimal:
        """All of it, not rounded."""
        return self.request_cost + sum(self.compute_cost.values(), Decimal(0)) + self.ephemeral_cost


def gb_seconds(record: UsageRecord) -> Decimal:
    """The memory time that is billed: configured memory x billed milliseconds."""
    return Decimal(record.memory_mb * record.billed_ms) / _MB_MS


def ephemeral_gb_seconds(record: UsageRecord) -> Decimal:
    """The billed time of /tmp above 512 MB."""
    return Decimal(max(0, record.ephemeral_mb - EPHEMERAL_FREE_MB) * record.billed_ms) / _MB_MS


def cost(record: UsageRecord) -> Decimal:
    """Dollars for one invocation: its request, compute (first tier) and /tmp. Raises KeyError for an architecture
    that has no price.
    """
    compute = gb_seconds(record) * COMPUTE[record.architecture][0].price
    return REQUEST + compute + ephemeral_gb_seconds(record) * EPHEMERAL


def compute_cost(architecture: str, amount: Decimal) -> Decimal:
    """Dollars for `amount` GB-seconds in one month, through the tiers."""
    total = Decimal(0)
    below = Decimal(0)
    for until, price in COMPUTE[architecture]:
        upper = amount if until is None else min(amount, until)
        total += max(Decimal(0), upper - below) * price
        if until is None or amount <= until:
            break
        below = until
    return total


def bill(records: Iterable[UsageRecord]) -> Bill:
    """The bill of one account, region and month."""
    requests = 0
    used: dict[str, Decimal] = {}
    ephemeral = Decimal(0)
    for record in records:
        requests += 1
        used[record.architecture] = used.get(record.architecture, Decimal(0)) + gb_seconds(record)
        ephemeral += ephemeral_gb_seconds(record)
    return Bill(
        requests=requests,
        gb_seconds=used,
        request_cost=requests * REQUEST,
        compute_cost={architecture: compute_cost(architecture, amount) for architecture, amount in used.items()},
        ephemeral_cost=ephemeral * EPHEMERAL,
    )


def dollars(amount: Decimal, digits: int = 10) -> str:
    """`$0.0000002083`: rounded half up to `digits` decimals (2 for an invoice)."""
    return f"${amount.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"
