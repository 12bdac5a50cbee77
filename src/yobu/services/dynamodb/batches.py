"""BatchWriteItem and BatchGetItem.

In: parameters as AWS names them. Out: answers. A batch is no transaction for its caller: AWS promises nothing about
its writes as a whole. Here those of a batch share commits, as many as fit one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb import model
from yobu.services.dynamodb.capacity import Consumed, read_units
from yobu.services.dynamodb.directory import Stale
from yobu.services.dynamodb.machine import Machine
from yobu.services.dynamodb.reads import projected, projection_of
from yobu.services.dynamodb.schema import Layout, decode_row
from yobu.services.dynamodb.values import Item, take_item
from yobu.services.dynamodb.writes import Outcome, Write, checked_item, collection_metrics, delete, put
from yobu.store.port import Tx

MAX_WRITES = 25
MAX_GETS = 100
_COMMIT_BYTES = 2 * 1024 * 1024
"""Items of this many bytes share a commit: with every index's copy they stay below what a transaction holds."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    table: str
    size: int
    write: Write


async def batch_write_item(machine: Machine, ctx: Context, params: Params) -> Params:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html ."""
    requests = params["RequestItems"]
    _check_count(requests, sum(map(len, requests.values())), MAX_WRITES, "BatchWriteItem")
    wanted = [(table, *_request(request)) for table, entries in requests.items() for request in entries]
    outcomes: list[tuple[str, Outcome]] = []
    while len(outcomes) < len(wanted):
        try:
            outcomes += await _write_some(machine, ctx, wanted, len(outcomes))
        except Stale as stale:
            machine.tables.drop(stale.name)
    answer: Params = {"UnprocessedItems": {}}
    _add_consumed(answer, params, [(table, outcome.consumed) for table, outcome in outcomes])
    if params.get("ReturnItemCollectionMetrics") == "SIZE":
        _add_metrics(answer, outcomes)
    return answer


async def _write_some(
    machine: Machine, ctx: Context, wanted: list[tuple[str, int, Callable[[Layout], Write]]], done: int
) -> list[tuple[str, Outcome]]:
    """Prepare everything (all of it is checked before anything is written), then commit what fits, from `done` on."""
    layouts = {table: await machine.layout(ctx, table) for table, _, _ in wanted}
    prepared = [_Prepared(table, size, prepare(layouts[table])) for table, size, prepare in wanted]
    if len({entry.write.key for entry in prepared}) < len(prepared):
        raise model.batch_duplicates()
    chunk: list[_Prepared] = []
    for entry in prepared[done:]:
        if chunk and sum(one.size for one in chunk) + entry.size > _COMMIT_BYTES:
            break
        chunk.append(entry)

    async def transaction(tx: Tx) -> list[tuple[str, Outcome]]:
        for layout in {entry.table: entry.write.layout for entry in chunk}.values():
            await machine.tables.confirm(tx, layout)
        return [(entry.table, await entry.write.run(machine, tx)) for entry in chunk]

    return await machine.store.write(transaction, chunk[0].write.home)


def _request(request: Mapping[str, Any]) -> tuple[int, Callable[[Layout], Write]]:
    """The size of what is written, and the write."""
    puts, deletes = request.get("PutRequest"), request.get("DeleteRequest")
    if (puts is None) == (deletes is None):
        raise model.empty_value() if puts is None else model.many_types()
    if puts is not None:
        item, size = checked_item(puts["Item"])
        return size, put(item, size, None)
    assert deletes is not None
    return 0, delete(take_item(deletes["Key"])[0], None)


def _check_count(requests: Mapping[str, Any], count: int, limit: int, word: str) -> None:
    if not requests or not count:
        raise model.validation(
            "1 validation error detected: Value '{}' at 'requestItems' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    if count > limit:
        raise model.validation(f"Too many items requested for the {word} call")


def _add_consumed(answer: Params, params: Mapping[str, Any], consumed: list[tuple[str, Consumed]]) -> None:
    wanted = params.get("ReturnConsumedCapacity")
    if wanted not in ("TOTAL", "INDEXES"):
        return
    tables: dict[str, Consumed] = {}
    for table, one in consumed:
        tables.setdefault(table, Consumed(one.layout)).merge(one)
    answer["ConsumedCapacity"] = [one.shown(wanted) for one in tables.values()]


def _add_metrics(answer: Params, outcomes: list[tuple[str, Outcome]]) -> None:
    metrics: dict[str, list[Any]] = {}
    for table, outcome in outcomes:
        for one in collection_metrics(outcome).values():
            metrics.setdefault(table, []).append(one)
    if metrics:
        answer["ItemCollectionMetrics"] = metrics


async def batch_get_item(machine: Machine, ctx: Context, params: Params) -> Params:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html ."""
    requests = params["RequestItems"]
    _check_count(requests, sum(len(request["Keys"]) for request in requests.values()), MAX_GETS, "BatchGetItem")
    answer: Params = {"Responses": {}, "UnprocessedKeys": {}}
    consumed: list[tuple[str, Consumed]] = []
    room = model.MAX_BATCH_ANSWER
    for table, request in requests.items():
        answer["Responses"][table] = []
        used, room = await _get_some(machine, ctx, (table, request), answer, room)
        consumed.append((table, used))
    _add_consumed(answer, params, consumed)
    return answer


async def _get_some(
    machine: Machine, ctx: Context, wanted: tuple[str, Mapping[str, Any]], answer: Params, room: int
) -> tuple[Consumed, int]:
    """Read one table's keys into the answer, as long as there is room in it; the rest is unprocessed."""
    table, request = wanted
    projection = projection_of(machine, request)
    keys = [take_item(key)[0] for key in request["Keys"]]
    layout = await machine.layout(ctx, table)
    places = [_place(layout, key) for key in keys]
    if len(set(places)) < len(places):
        raise model.batch_duplicates()
    consumed = Consumed(layout)
    left: list[Item] = []
    for key, raw in zip(keys, await machine.store.get_many(places), strict=True):
        row = None if raw is None else decode_row(raw)
        if row is not None and row.size > room:
            left.append(key)
            continue
        consumed.add_table(read_units(row.size if row else 0, request.get("ConsistentRead", False)))
        if row is not None:
            room -= row.size
            answer["Responses"][table].append(projected(projection, row))
    if left:
        answer["UnprocessedKeys"][table] = {**request, "Keys": left}
    return consumed, room


def _place(layout: Layout, key: Item) -> bytes:
    layout.check_key(key)
    return layout.key.row_key(key)
