"""Consumed capacity: AWS's arithmetic.

In: sizes in bytes. Out: capacity units and the ConsumedCapacity member of answers.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yobu.services.dynamodb.schema import IndexLayout, Layout


def read_units(size: int, consistent: bool) -> float:
    """Units for reading `size` bytes: one for 4 KB, half of it where the read is eventually consistent."""
    units = max(1, -(-size // 4096))
    return float(units) if consistent else units / 2


def write_units(*sizes: int) -> float:
    """Units for writing an item that had and has these sizes: one for 1 KB of the larger."""
    return float(max(1, -(-max(sizes, default=0) // 1024)))


class Consumed:
    """What one request consumed, by table and index."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._table = 0.0
        self._indexes: dict[str, float] = {}

    def add_table(self, units: float) -> None:
        """Count units of the table itself."""
        self._table += units

    def add_index(self, index: IndexLayout, units: float) -> None:
        """Count units of an index."""
        self._indexes[index.name] = self._indexes.get(index.name, 0.0) + units

    def merge(self, other: Consumed) -> None:
        """Count what another request on the same table consumed."""
        self._table += other._table
        for name, units in other._indexes.items():
            self._indexes[name] = self._indexes.get(name, 0.0) + units

    def shown(self, wanted: str | None) -> dict[str, Any]:
        """The ConsumedCapacity structure for TOTAL or INDEXES."""
        total = self._table + sum(self._indexes.values())
        shown: dict[str, Any] = {"TableName": self.layout.name.name, "CapacityUnits": total}
        if wanted == "INDEXES":
            shown["Table"] = {"CapacityUnits": self._table}
            for member, local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
                used = {
                    index.name: {"CapacityUnits": self._indexes[index.name]}
                    for index in self.layout.indexes
                    if index.local is local and index.name in self._indexes
                }
                if used:
                    shown[member] = used
        return shown


def consumed_member(params: Mapping[str, Any], consumed: Consumed) -> dict[str, Any]:
    """`{"ConsumedCapacity": ...}` where the request asks for it, else nothing."""
    wanted = params.get("ReturnConsumedCapacity")
    return {"ConsumedCapacity": consumed.shown(wanted)} if wanted in ("TOTAL", "INDEXES") else {}
