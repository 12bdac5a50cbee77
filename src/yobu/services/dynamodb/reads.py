"""GetItem, and the projection that every read shares.

In: parameters as AWS names them. Out: answers. Reads see the last durable state, so every read is consistent;
ConsistentRead only doubles what is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb.capacity import Consumed, consumed_member, read_units
from yobu.services.dynamodb.expressions.compiled import Bindings, Compiled, Projection
from yobu.services.dynamodb.machine import Machine, check_parameters
from yobu.services.dynamodb.schema import Row, decode_row
from yobu.services.dynamodb.values import Item, take_item

_EXPRESSIONS = ("ProjectionExpression",)
_LEGACY = ("AttributesToGet",)


def projection_of(machine: Machine, params: Mapping[str, Any]) -> Compiled[Projection] | None:
    """The projection of a request that has no other expression, checked."""
    check_parameters(params, _EXPRESSIONS, _LEGACY)
    if params.get("ProjectionExpression") is None:
        return None
    bindings = Bindings(machine.expressions, params)
    projection = bindings.projection()
    bindings.check_used()
    return projection


def projected(projection: Compiled[Projection] | None, row: Row) -> Item:
    """What of an item is shown."""
    return row.item if projection is None else projection.does.apply(row.item)


async def get_item(machine: Machine, ctx: Context, params: Params) -> Params:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html ."""
    key, _ = take_item(params["Key"])
    projection = projection_of(machine, params)
    layout = await machine.layout(ctx, params["TableName"])
    layout.check_key(key)
    raw = await machine.store.get(layout.key.row_key(key))
    row = None if raw is None else decode_row(raw)
    answer: Params = {} if row is None else {"Item": projected(projection, row)}
    if params.get("ReturnConsumedCapacity") is not None:
        consumed = Consumed(layout)
        consumed.add_table(read_units(row.size if row else 0, params.get("ConsistentRead", False)))
        answer.update(consumed_member(params, consumed))
    return answer
