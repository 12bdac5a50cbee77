"""What CreateTable may say: parameters to a record, checked in AWS's order.

In: CreateTable's parameters. Out: the parts of a `TableRecord`. Nothing is read or written here.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb import model
from yobu.services.dynamodb.schema import ON_DEMAND, PROVISIONED, IndexRecord
from yobu.services.port import not_built

_MAX_UNITS = 1_000_000_000_000
_NOT_BUILT = (
    "OnDemandThroughput",
    "WarmThroughput",
    "ResourcePolicy",
    "GlobalTableSourceArn",
    "GlobalTableSettingsReplicationMode",
    "VectorIndexes",
)


class Key(NamedTuple):
    """A KeySchema."""

    hash: str
    range: str | None


class Units(NamedTuple):
    """Provisioned throughput, in capacity units."""

    read: int
    write: int


class Definition(NamedTuple):
    """What a table is to be."""

    types: dict[str, str]
    key: Key
    indexes: list[IndexRecord]
    billing: str
    units: Units


def definition_of(params: Params) -> Definition:
    """CreateTable's parameters, checked. Raises ValidationException, NotImplemented."""
    for name in _NOT_BUILT:
        if params.get(name):
            raise not_built(f"{name} of CreateTable")
    check_no_stream(params)
    for name in ("AttributeDefinitions", "KeySchema"):
        if params.get(name) is None:
            shown = name[0].lower() + name[1:]
            raise model.validation(
                f"1 validation error detected: Value null at '{shown}' failed to satisfy constraint: "
                "Member must not be null"
            )
    billing = params.get("BillingMode", PROVISIONED)
    units = units_of(params.get("ProvisionedThroughput"), billing)
    types = {one["AttributeName"]: one["AttributeType"] for one in params["AttributeDefinitions"]}
    if len(params["KeySchema"]) > len(types):
        raise model.validation("Invalid KeySchema: Some index key attribute have no definition")
    key = _key(params["KeySchema"], types)
    local, world = params.get("LocalSecondaryIndexes"), params.get("GlobalSecondaryIndexes")
    if local is None and world is None and len(params["KeySchema"]) != len(types):
        raise model.invalid(
            "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions"
        )
    indexes = [*_locals(local, key, types), *_globals(world, types, billing)]
    _check_indexes(indexes, key, types)
    return Definition(
        types, key, [msgspec.structs.replace(index, number=at) for at, index in enumerate(indexes, 1)], billing, units
    )


def check_no_stream(params: Mapping[str, Any]) -> None:
    """Refuse a stream: they are not built yet."""
    if (params.get("StreamSpecification") or {}).get("StreamEnabled"):
        raise not_built("DynamoDB Streams")


def units_of(throughput: Mapping[str, int] | None, billing: str) -> Units:
    """ProvisionedThroughput as it goes with the billing mode."""
    if billing == ON_DEMAND:
        if throughput:
            raise model.invalid(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        return Units(0, 0)
    if not throughput or not throughput.get("ReadCapacityUnits") or not throughput.get("WriteCapacityUnits"):
        raise model.invalid(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED"
        )
    for name in ("ReadCapacityUnits", "WriteCapacityUnits"):
        if throughput[name] > _MAX_UNITS:
            raise model.validation(f"Given value {throughput[name]} for {name} is out of bounds")
    return Units(throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"])


def warn_of(ctx: Context, params: Mapping[str, Any]) -> None:
    """Say which parameters are kept without an effect."""
    if params.get("ProvisionedThroughput"):
        ctx.warn("DynamoDB: provisioned throughput is kept, but no request is throttled by it")
    if (params.get("SSESpecification") or {}).get("Enabled"):
        ctx.warn("DynamoDB: the encryption setting is kept, but rows are stored as they are")


def _key(schema: Sequence[Mapping[str, str]], types: Mapping[str, str]) -> Key:
    names = [element["AttributeName"] for element in schema]
    if any(name not in types for name in names):
        raise model.invalid(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(types)}]"
        )
    if len(names) == 2 and names[0] == names[1]:
        raise model.validation("Both the Hash Key and the Range Key element in the KeySchema have the same name")
    if schema[0]["KeyType"] != "HASH":
        raise model.validation("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(names) > 2:
        raise not_built("keys of more than two attributes")
    if len(names) == 2 and schema[1]["KeyType"] != "RANGE":
        raise model.validation("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    return Key(names[0], names[1] if len(names) == 2 else None)


def _locals(indexes: Sequence[Mapping[str, Any]] | None, table: Key, types: Mapping[str, str]) -> list[IndexRecord]:
    if indexes is None:
        return []
    if not indexes:
        raise model.invalid("List of LocalSecondaryIndexes is empty")
    if table.range is None:
        raise model.invalid(
            "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex"
        )
    made = []
    for index in indexes:
        name = index["IndexName"]
        key = _key(index["KeySchema"], types)
        if key.range is None:
            raise model.invalid(f"Index KeySchema does not have a range key for index: {name}")
        if key.hash != table.hash:
            raise model.invalid(
                "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
                f"{name}. index hash key: {key.hash}, table hash key: {table.hash}"
            )
        made.append(_index(index, key, True, Units(0, 0)))
    if len(made) > model.MAX_LSI:
        raise model.invalid(f"Number of LocalSecondaryIndexes exceeds per-table limit of {model.MAX_LSI}")
    return made


def _globals(indexes: Sequence[Mapping[str, Any]] | None, types: Mapping[str, str], billing: str) -> list[IndexRecord]:
    if indexes is None:
        return []
    if not indexes:
        raise model.invalid("List of GlobalSecondaryIndexes is empty")
    made = []
    for index in indexes:
        key = _key(index["KeySchema"], types)
        throughput = index.get("ProvisionedThroughput")
        if index.get("OnDemandThroughput") or index.get("WarmThroughput"):
            raise not_built("on-demand and warm throughput of an index")
        if billing == ON_DEMAND and throughput:
            raise model.invalid(
                f"ProvisionedThroughput should not be specified for index: {index['IndexName']} when BillingMode is "
                "PAY_PER_REQUEST"
            )
        if billing == PROVISIONED and not throughput:
            raise model.invalid(f"ProvisionedThroughput is not specified for index: {index['IndexName']}")
        made.append(_index(index, key, False, units_of(throughput, billing)))
    if len(made) > model.MAX_GSI:
        raise model.invalid(f"GlobalSecondaryIndex count exceeds the per-table limit of {model.MAX_GSI}")
    return made


def _index(index: Mapping[str, Any], key: Key, local: bool, units: Units) -> IndexRecord:
    projection = index.get("Projection") or {}
    kind = projection.get("ProjectionType")
    extra = projection.get("NonKeyAttributes")
    if kind is None:
        raise model.invalid("Unknown ProjectionType: null")
    if extra and kind != "INCLUDE":
        raise model.invalid(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and not extra:
        raise model.invalid("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    return IndexRecord(index["IndexName"], 0, local, key.hash, key.range, kind, list(extra or ()), *units)


def _check_indexes(indexes: list[IndexRecord], key: Key, types: Mapping[str, str]) -> None:
    names: set[str] = set()
    used = {key.hash, key.range}
    for index in indexes:
        if index.name in names:
            raise model.invalid(f"Duplicate index name: {index.name}")
        names.add(index.name)
        used |= {index.hash, index.range}
    extra = sum(len(set(index.extra)) for index in indexes)
    if extra > model.MAX_NON_KEY:
        raise model.invalid(
            f"Number of NonKeyAttributes across all indexes exceeds the limit of {model.MAX_NON_KEY}; found {extra}"
        )
    if len(types) > len(used - {None}):
        shown = ", ".join(sorted(name for name in used if name is not None))
        raise model.invalid(
            f"Some AttributeDefinitions are not used. AttributeDefinitions: [{', '.join(types)}], keys used: [{shown}]"
        )
