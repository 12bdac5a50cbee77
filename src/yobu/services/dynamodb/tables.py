"""CreateTable, DescribeTable, ListTables, UpdateTable, DeleteTable, and what describes a table besides.

In: parameters as AWS names them. Out: answers. A table is ACTIVE from its first description on; CreateTable's own
answer says CREATING, as AWS's does. A deleted table is gone at once: its rows are swept later, under a generation that
no new table gets.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb import keys as row_keys
from yobu.services.dynamodb import model
from yobu.services.dynamodb.definition import check_no_stream, definition_of, units_of, warn_of
from yobu.services.dynamodb.directory import table_name
from yobu.services.dynamodb.machine import Machine
from yobu.services.dynamodb.schema import ON_DEMAND, IndexRecord, Layout, TableName, TableRecord
from yobu.services.dynamodb.sweep import Sweeper
from yobu.services.dynamodb.tags import checked_tags
from yobu.services.port import not_built
from yobu.store import keys
from yobu.store.port import Tx

_UPDATES_NOT_BUILT = (
    "GlobalSecondaryIndexUpdates",
    "ReplicaUpdates",
    "OnDemandThroughput",
    "WarmThroughput",
    "MultiRegionConsistency",
    "GlobalTableWitnessUpdates",
    "GlobalTableSettingsReplicationMode",
    "VectorIndexUpdates",
)


async def create_table(machine: Machine, ctx: Context, params: Params) -> Params:
    """Make a table. Raises ResourceInUseException, ValidationException."""
    name = table_name(ctx, params["TableName"])
    definition = definition_of(params)
    tags = checked_tags(params.get("Tags") or [])
    warn_of(ctx, params)
    encryption = params.get("SSESpecification") or {}
    now = machine.clock.now()
    record = TableRecord(
        name=name.name,
        generation=0,
        id=machine.ids.uuid(),
        created=now,
        hash=definition.key.hash,
        range=definition.key.range,
        types=definition.types,
        indexes=definition.indexes,
        billing=definition.billing,
        read_units=definition.units.read,
        write_units=definition.units.write,
        on_demand_since=now if definition.billing == ON_DEMAND else None,
        table_class=params.get("TableClass"),
        protected=params.get("DeletionProtectionEnabled", False),
        encrypted=encryption.get("Enabled", False),
        encryption_key=encryption.get("KMSMasterKeyId"),
        tags=tags,
    )

    async def transaction(tx: Tx) -> TableRecord:
        if await machine.tables.read(tx, name) is not None:
            raise model.table_exists(name.name)
        made = msgspec.structs.replace(record, generation=tx.stamp())
        machine.tables.put(tx, name, made)
        for number in range(len(made.indexes) + 1):
            tx.after_commit(partial(machine.sizes.created, row_keys.prefix(made.generation, number)))
        return made

    made = await machine.store.write(transaction, _home(name))
    return {"TableDescription": description(name, made, "CREATING")}


async def describe_table(machine: Machine, ctx: Context, params: Params) -> Params:
    """A table's description, its item count included."""
    layout = await machine.table(ctx, params["TableName"])
    shown = description(layout.name, layout.record, "ACTIVE")
    shown["ItemCount"], shown["TableSizeBytes"] = await machine.sizes.of(layout.key)
    for member in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        for index in shown.get(member, ()):
            counted = await machine.sizes.of(layout.index(index["IndexName"]))
            index["ItemCount"], index["IndexSizeBytes"] = counted
    return {"Table": shown}


async def list_tables(machine: Machine, ctx: Context, params: Params) -> Params:
    """Names in order, at most 100 a page."""
    limit = params.get("Limit", 100)
    names = await machine.tables.names(ctx.account, ctx.region, params.get("ExclusiveStartTableName"), limit + 1)
    answer: Params = {"TableNames": names[:limit]}
    if len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return answer


async def delete_table(machine: Machine, sweeper: Sweeper, ctx: Context, params: Params) -> Params:
    """Remove a table; its rows go later. Raises ResourceNotFoundException."""
    name = table_name(ctx, params["TableName"])
    now_ms = machine.clock.now_ms()

    async def transaction(tx: Tx) -> TableRecord:
        layout = await machine.tables.read(tx, name)
        if layout is None:
            raise model.no_such_table_named(name.name)
        record = layout.record
        if record.protected:
            raise model.table_protected()
        machine.tables.delete(tx, name)
        sweeper.put(tx, now_ms, record.generation)
        for schema in layout.schemas:
            tx.after_commit(partial(machine.sizes.dropped, schema.prefix))
        return record

    record = await machine.store.write(transaction, _home(name))
    shown = description(name, record, "DELETING")
    for member in ("AttributeDefinitions", "KeySchema", "CreationDateTime"):
        shown.pop(member)
    return {"TableDescription": shown}


async def update_table(machine: Machine, ctx: Context, params: Params) -> Params:
    """Change billing, throughput, class or deletion protection; the rest is refused."""
    for member in _UPDATES_NOT_BUILT:
        if params.get(member):
            raise not_built(f"{member} of UpdateTable")
    check_no_stream(params)
    changes = (
        "BillingMode",
        "ProvisionedThroughput",
        "DeletionProtectionEnabled",
        "TableClass",
        "SSESpecification",
        "StreamSpecification",
    )
    if all(params.get(member) is None for member in changes):
        raise model.nothing_to_update()
    name = table_name(ctx, params["TableName"])
    now = machine.clock.now()
    warn_of(ctx, params)

    async def transaction(tx: Tx) -> TableRecord:
        layout = await machine.tables.read(tx, name)
        if layout is None:
            raise model.no_such_table_named(name.name)
        record = _updated(layout.record, params, now)
        machine.tables.put(tx, name, record)
        return record

    record = await machine.store.write(transaction, _home(name))
    return {"TableDescription": description(name, record, "UPDATING")}


def _home(name: TableName) -> bytes:
    return keys.pack(("ddb", name.account, name.region, "table", name.name))


def _updated(record: TableRecord, params: Mapping[str, Any], now: float) -> TableRecord:
    billing = params.get("BillingMode") or record.billing
    changed: dict[str, Any] = {"billing": billing}
    throughput = params.get("ProvisionedThroughput")
    if throughput is not None or billing != record.billing:
        units = units_of(throughput, billing)
        if billing == record.billing and units == (record.read_units, record.write_units):
            raise model.validation(
                "The provisioned throughput for the table will not change. The requested value equals the current "
                f"value. Current ReadCapacityUnits provisioned for the table: {units.read}. Requested "
                f"ReadCapacityUnits: {units.read}. Current WriteCapacityUnits provisioned for the table: "
                f"{units.write}. Requested WriteCapacityUnits: {units.write}. Refer to the Amazon DynamoDB Developer "
                "Guide for current limits and how to request higher limits."
            )
        changed["read_units"], changed["write_units"] = units
        if units.read > record.read_units or units.write > record.write_units:
            changed["increased"] = now
        if units.read < record.read_units or units.write < record.write_units:
            changed["decreased"], changed["decreases"] = now, record.decreases + 1
    if billing == ON_DEMAND and record.on_demand_since is None:
        changed["on_demand_since"] = now
    for member, attribute in (("DeletionProtectionEnabled", "protected"), ("TableClass", "table_class")):
        if params.get(member) is not None:
            changed[attribute] = params[member]
    if (encryption := params.get("SSESpecification")) is not None:
        changed["encrypted"] = encryption.get("Enabled", False)
        changed["encryption_key"] = encryption.get("KMSMasterKeyId")
    return msgspec.structs.replace(record, **changed)


def description(name: TableName, record: TableRecord, status: str) -> dict[str, Any]:
    """TableDescription, with no items in it."""
    shown: dict[str, Any] = {
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": type} for attribute, type in record.types.items()
        ],
        "TableName": record.name,
        "KeySchema": _key_schema(record.hash, record.range),
        "TableStatus": status,
        "CreationDateTime": record.created,
        "ProvisionedThroughput": _throughput(record),
        "TableSizeBytes": 0,
        "ItemCount": 0,
        "TableArn": name.arn,
        "TableId": record.id,
        "DeletionProtectionEnabled": record.protected,
    }
    if record.on_demand_since is not None:
        shown["BillingModeSummary"] = {
            "BillingMode": record.billing,
            "LastUpdateToPayPerRequestDateTime": record.on_demand_since,
        }
    if record.table_class is not None:
        shown["TableClassSummary"] = {"TableClass": record.table_class}
    if record.encrypted:
        shown["SSEDescription"] = {"Status": "ENABLED", "SSEType": "KMS"}
        if record.encryption_key is not None:
            shown["SSEDescription"]["KMSMasterKeyArn"] = record.encryption_key
    for member, local in (("LocalSecondaryIndexes", True), ("GlobalSecondaryIndexes", False)):
        indexes = [_index(name, index, status) for index in record.indexes if index.local is local]
        if indexes:
            shown[member] = indexes
    return shown


def _key_schema(hash: str, range: str | None) -> list[dict[str, str]]:
    schema = [{"AttributeName": hash, "KeyType": "HASH"}]
    if range is not None:
        schema.append({"AttributeName": range, "KeyType": "RANGE"})
    return schema


def _throughput(record: TableRecord) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "NumberOfDecreasesToday": record.decreases,
        "ReadCapacityUnits": record.read_units,
        "WriteCapacityUnits": record.write_units,
    }
    if record.increased is not None:
        shown["LastIncreaseDateTime"] = record.increased
    if record.decreased is not None:
        shown["LastDecreaseDateTime"] = record.decreased
    return shown


def _index(name: TableName, index: IndexRecord, status: str) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.extra:
        projection["NonKeyAttributes"] = index.extra
    shown: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": _key_schema(index.hash, index.range),
        "Projection": projection,
        "IndexSizeBytes": 0,
        "ItemCount": 0,
        "IndexArn": f"{name.arn}/index/{index.name}",
    }
    if not index.local:
        shown["IndexStatus"] = status
        shown["ProvisionedThroughput"] = {
            "NumberOfDecreasesToday": 0,
            "ReadCapacityUnits": index.read_units,
            "WriteCapacityUnits": index.write_units,
        }
    return shown


async def describe_time_to_live(machine: Machine, ctx: Context, params: Params) -> Params:
    """Time to live is not built: it is disabled everywhere."""
    await machine.table(ctx, params["TableName"])
    return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}


async def describe_continuous_backups(machine: Machine, ctx: Context, params: Params) -> Params:
    """No point-in-time recovery; the outer status is ENABLED for every table of AWS's."""
    await _backed_up(machine, ctx, params)
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
        }
    }


async def _backed_up(machine: Machine, ctx: Context, params: Params) -> Layout:
    name = table_name(ctx, params["TableName"])
    layout = await machine.tables.find(name)
    if layout is None:
        raise model.no_such_backup_table(name.name)
    return layout


def describe_limits() -> Params:
    """The account's default quotas; they are not enforced."""
    return {
        "AccountMaxReadCapacityUnits": 80_000,
        "AccountMaxWriteCapacityUnits": 80_000,
        "TableMaxReadCapacityUnits": 40_000,
        "TableMaxWriteCapacityUnits": 40_000,
    }
