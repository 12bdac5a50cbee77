"""What a table is: the record that the store keeps, and the layout that requests work with.

In: a stored record. Out: a `Layout` with key prefixes, key attributes and index projections worked out once. This file
knows nothing of requests; it reads no store.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from yobu.base.arn import Arn
from yobu.services.dynamodb import keys, model
from yobu.services.dynamodb.values import Item, Value, item_size, kind, text_size
from yobu.store.port import Range

PROVISIONED, ON_DEMAND = "PROVISIONED", "PAY_PER_REQUEST"


class Row(msgspec.Struct, array_like=True, gc=False):
    """An item, or its copy in an index, as it lies in the store. `size` is in bytes as AWS counts them."""

    size: int
    item: dict[str, Any]


encode_row = msgspec.msgpack.Encoder().encode
decode_row = msgspec.msgpack.Decoder(Row).decode


class IndexRecord(msgspec.Struct, frozen=True):
    """A secondary index. `number` is its place in keys, never used twice within a generation."""

    name: str
    number: int
    local: bool
    hash: str
    range: str | None
    projection: str
    extra: list[str] = []
    read_units: int = 0
    write_units: int = 0


class TableRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A table. `generation` is where its rows lie; `created` is in seconds since 1970; `types` holds the attribute
    definitions in their order.
    """

    name: str
    generation: int
    id: str
    created: float
    hash: str
    range: str | None
    types: dict[str, str]
    indexes: list[IndexRecord] = []
    billing: str = PROVISIONED
    read_units: int = 0
    write_units: int = 0
    on_demand_since: float | None = None
    increased: float | None = None
    decreased: float | None = None
    decreases: int = 0
    table_class: str | None = None
    protected: bool = False
    encrypted: bool = False
    encryption_key: str | None = None
    tags: dict[str, str] = {}


class TableName(msgspec.Struct, frozen=True):
    """Which table: account, region and name."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The table's ARN."""
        return str(Arn("dynamodb", self.region, self.account, f"table/{self.name}"))


@dataclass(frozen=True, slots=True)
class KeyAttribute:
    """A key attribute: `type` is S, N or B; `limit` its greatest size in bytes."""

    name: str
    type: str
    limit: int

    def check_size(self, value: Value) -> None:
        """Raise ValidationException where `value` is too long for a key."""
        content = value[self.type]
        if self.type == "N":
            return
        size = text_size(content) if self.type == "S" else len(content)
        if size > self.limit:
            raise model.hash_key_too_long() if self.limit == model.MAX_HASH_KEY else model.range_key_too_long()

    def check_empty(self, value: Value) -> None:
        """Raise ValidationException for an empty key."""
        if not value[self.type]:
            raise model.empty_key(self.name, self.type)


class KeySchema:
    """The key of a table or an index, and where its rows lie."""

    def __init__(self, prefix: bytes, hash: str, range: str | None, types: dict[str, str]) -> None:
        self.prefix = prefix
        self.hash = KeyAttribute(hash, types[hash], model.MAX_HASH_KEY)
        self.range = None if range is None else KeyAttribute(range, types[range], model.MAX_RANGE_KEY)
        self.attributes = (self.hash,) if self.range is None else (self.hash, self.range)
        self.names = frozenset(attribute.name for attribute in self.attributes)

    @property
    def everything(self) -> Range:
        """All rows of the table or index."""
        return keys.below(self.prefix)

    def below_prefix(self, item: Item) -> bytes:
        """The key of an item, packed, without the prefix. The key attributes are there and of the right types."""
        packed = keys.partition(item[self.hash.name])
        return packed if self.range is None else packed + keys.sort(item[self.range.name])

    def row_key(self, item: Item) -> bytes:
        """The store's key of an item."""
        return self.prefix + self.below_prefix(item)

    def places(self, item: Item) -> tuple[bytes, bytes]:
        """What the keys of the item's partition begin with, and the item's own key."""
        partition = self.prefix + keys.partition(item[self.hash.name])
        return partition, partition if self.range is None else partition + keys.sort(item[self.range.name])

    def partition_of(self, value: Value) -> bytes:
        """What the keys of one partition begin with."""
        return self.prefix + keys.partition(value)


class IndexLayout(KeySchema):
    """A secondary index: its key, and what it holds of an item."""

    def __init__(self, table: KeySchema, generation: int, record: IndexRecord, types: dict[str, str]) -> None:
        super().__init__(keys.prefix(generation, record.number), record.hash, record.range, types)
        self.name = record.name
        self.local = record.local
        self.projection = record.projection
        self.table = table
        self.start_names = self.names | table.names
        kept = {*self.names, *table.names, *record.extra}
        self.projected: frozenset[str] | None = None if record.projection == "ALL" else frozenset(kept)

    def holds(self, item: Item) -> bool:
        """Whether the item has the index's key."""
        return all(attribute.type in item.get(attribute.name, ()) for attribute in self.attributes)

    def row_key(self, item: Item) -> bytes:
        """The store's key of the item's row in this index."""
        return self.prefix + self.below_prefix(item) + keys.tail(self.table.below_prefix(item))

    def row(self, row: Row) -> Row:
        """What the index holds of an item."""
        if self.projected is None:
            return row
        item = {name: value for name, value in row.item.items() if name in self.projected}
        return Row(item_size(item), item)

    def check(self, item: Item) -> None:
        """Raise ValidationException where the item's value for the index's key is none that a key can have."""
        for attribute in self.attributes:
            value = item.get(attribute.name)
            if value is None:
                continue
            if attribute.type not in value:
                raise model.index_type_mismatch(attribute.name, attribute.type, kind(value), self.name)
            if not value[attribute.type]:
                raise model.empty_index_key(attribute.name, attribute.type, self.name)
            attribute.check_size(value)


class Layout:
    """A table as requests see it. `raw` is the stored record: equal bytes mean that nothing has changed."""

    def __init__(self, name: TableName, raw: bytes, record: TableRecord) -> None:
        self.name = name
        self.raw = raw
        self.record = record
        self.key = KeySchema(keys.prefix(record.generation, 0), record.hash, record.range, record.types)
        self.indexes = [IndexLayout(self.key, record.generation, index, record.types) for index in record.indexes]

    def index(self, name: str) -> IndexLayout:
        """The index called `name`. Raises ValidationException."""
        for index in self.indexes:
            if index.name == name:
                return index
        raise model.no_such_index(name)

    @property
    def schemas(self) -> list[KeySchema]:
        """The table's key, then its indexes'."""
        return [self.key, *self.indexes]

    @cached_property
    def index_keys(self) -> frozenset[str]:
        """The attributes that are a key of some index, but not of the table."""
        return frozenset(name for index in self.indexes for name in index.names) - self.key.names

    def check_item(self, item: Item) -> None:
        """Raise ValidationException where `item` cannot lie in this table."""
        for attribute in self.key.attributes:
            value = item.get(attribute.name)
            if value is None:
                raise model.missing_key(attribute.name)
            if attribute.type not in value:
                raise model.key_type_mismatch(attribute.name, attribute.type, kind(value))
            attribute.check_empty(value)
            attribute.check_size(value)
        for index in self.indexes:
            index.check(item)

    def check_key(self, key: Item) -> None:
        """Raise ValidationException where `key` is not this table's primary key."""
        if len(key) != len(self.key.attributes):
            raise model.key_schema_mismatch()
        for attribute in self.key.attributes:
            value = key.get(attribute.name)
            if value is None or attribute.type not in value:
                raise model.key_schema_mismatch()
            attribute.check_empty(value)
            attribute.check_size(value)


Entry = tuple[bytes, Row]
"""A row of an index and its key."""


def index_changes(
    layout: Layout, old: Row | None, new: Row | None
) -> Iterator[tuple[IndexLayout, Entry | None, Entry | None]]:
    """For each index: the row that goes and the row that comes, where a write changes something there."""
    for index in layout.indexes:
        gone = _entry(index, old)
        comes = _entry(index, new)
        if gone == comes:
            continue
        yield index, gone, comes


def _entry(index: IndexLayout, row: Row | None) -> Entry | None:
    if row is None or not index.holds(row.item):
        return None
    return index.row_key(row.item), index.row(row)
