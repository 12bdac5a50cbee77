"""What AWS charges for Lambda in us-east-1, in US dollars: tables only.

https://aws.amazon.com/lambda/pricing/ (as of 2025; the other regions' prices are not built). The free tier of
1 million requests and 400,000 GB-seconds a month is left out on purpose: it hides what a call costs.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple


class Tier(NamedTuple):
    """`price` for each GB-second up to `until` GB-seconds a month; None: for all that follow."""

    until: Decimal | None
    price: Decimal


COMPUTE: Mapping[str, tuple[Tier, ...]] = {
    "x86_64": (
        Tier(Decimal(6_000_000_000), Decimal("0.0000166667")),
        Tier(Decimal(15_000_000_000), Decimal("0.000015")),
        Tier(None, Decimal("0.0000133334")),
    ),
    "arm64": (
        Tier(Decimal(7_500_000_000), Decimal("0.0000133334")),
        Tier(Decimal(18_750_000_000), Decimal("0.0000120001")),
        Tier(None, Decimal("0.0000106667")),
    ),
}
"""The tiers by architecture."""

REQUEST = Decimal("0.0000002")
"""One request: $0.20 per million."""

EPHEMERAL = Decimal("0.0000000309")
"""One GB-second of /tmp above the free part."""

EPHEMERAL_FREE_MB = 512
