"""What Query and Scan have in common: where they read, what they show, where the next page starts.

In: their parameters. Out: the index (or the table) at hand, the items as they are shown, LastEvaluatedKey.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from yobu.aws.http import Params
from yobu.base.errors import AwsError
from yobu.services.dynamodb import model
from yobu.services.dynamodb.capacity import Consumed, consumed_member, read_units
from yobu.services.dynamodb.expressions.compiled import Compiled, Projection
from yobu.services.dynamodb.expressions.conditions import Test
from yobu.services.dynamodb.expressions.scope import Values
from yobu.services.dynamodb.machine import Machine
from yobu.services.dynamodb.paging import Page
from yobu.services.dynamodb.schema import IndexLayout, KeySchema, Layout, Row, decode_row
from yobu.services.dynamodb.values import Item, take_item


def check_select(params: Mapping[str, Any]) -> None:
    """Refuse a Select that does not go with the other parameters."""
    select = params.get("Select")
    if select == "ALL_PROJECTED_ATTRIBUTES" and params.get("IndexName") is None:
        raise model.invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    shown = params.get("ProjectionExpression")
    if select == "SPECIFIC_ATTRIBUTES" and shown is None:
        raise model.invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if shown is not None and select in ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT"):
        words = {"ALL_ATTRIBUTES": "ALL_ATTRIBUTES", "COUNT": "only the Count"}.get(select, select)
        raise model.validation(f"Cannot specify the ProjectionExpression when choosing to get {words}")


def start_key(params: Mapping[str, Any]) -> Item | None:
    """ExclusiveStartKey, checked as attribute values are."""
    key = params.get("ExclusiveStartKey")
    if key is None:
        return None
    try:
        return take_item(key)[0]
    except AwsError as error:
        raise model.bad_start_key(error.message) from None


def source_of(layout: Layout, params: Mapping[str, Any], projection: Compiled[Projection] | None) -> KeySchema:
    """The index that the request names, or the table; what the index cannot give is refused."""
    name = params.get("IndexName")
    if name is None:
        return layout.key
    index = layout.index(name)
    if index.local:
        return index
    if params.get("ConsistentRead"):
        raise model.consistent_index()
    if index.projected is not None:
        if params.get("Select") == "ALL_ATTRIBUTES":
            raise model.select_not_projected(index.name)
        lacking = sorted(projection.attributes - index.projected) if projection is not None else []
        if lacking:
            raise model.index_lacks(index.name, lacking)
    return index


def bound(test: Compiled[Test] | None, values: Values) -> Callable[[Item], bool] | None:
    """A filter with a request's values behind it."""
    if test is None:
        return None
    does = test.does
    return lambda item: does(item, values)


def start_names(source: KeySchema) -> frozenset[str]:
    """The attributes of an ExclusiveStartKey."""
    return source.start_names if isinstance(source, IndexLayout) else source.names


def is_start_key(layout: Layout, source: KeySchema, key: Item) -> bool:
    """Whether every attribute of a start key with the right names has the right type."""
    attributes = {attribute.name: attribute.type for attribute in (*source.attributes, *layout.key.attributes)}
    return all(type in key[name] for name, type in attributes.items())


async def answer_of(
    machine: Machine,
    layout: Layout,
    source: KeySchema,
    params: Mapping[str, Any],
    page: Page,
    projection: Compiled[Projection] | None,
) -> Params:
    """The answer that shows a page."""
    consistent = params.get("ConsistentRead", False)
    consumed = Consumed(layout)
    if isinstance(source, IndexLayout):
        consumed.add_index(source, read_units(page.size, consistent))
    else:
        consumed.add_table(read_units(page.size, consistent))
    answer: Params = {"Count": len(page.rows), "ScannedCount": page.scanned}
    if params.get("Select") != "COUNT":
        rows = page.rows
        if isinstance(source, IndexLayout) and _needs_table(source, params, projection):
            rows = await _fetched(machine, layout, rows)
            for row in rows:
                consumed.add_table(read_units(row.size, consistent))
        items = [row.item for row in rows]
        answer["Items"] = items if projection is None else [projection.does.apply(item) for item in items]
    if page.last is not None:
        last = page.last
        answer["LastEvaluatedKey"] = {name: last[name] for name in sorted(start_names(source))}
    answer.update(consumed_member(params, consumed))
    return answer


def _needs_table(index: IndexLayout, params: Mapping[str, Any], projection: Compiled[Projection] | None) -> bool:
    """Whether a local index must fetch what it does not hold from the table."""
    if index.projected is None:
        return False
    if projection is not None:
        return not projection.attributes <= index.projected
    return params.get("Select") == "ALL_ATTRIBUTES"


async def _fetched(machine: Machine, layout: Layout, rows: list[Row]) -> list[Row]:
    raws = await machine.store.get_many([layout.key.row_key(row.item) for row in rows])
    return [row if raw is None else decode_row(raw) for row, raw in zip(rows, raws, strict=True)]
