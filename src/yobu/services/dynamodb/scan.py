"""Scan: a whole table or index, or one of its segments.

In: parameters as AWS names them. Out: answers.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb import keys, model
from yobu.services.dynamodb.expressions.compiled import Bindings
from yobu.services.dynamodb.machine import Machine, check_parameters
from yobu.services.dynamodb.paging import Wanted, read_page
from yobu.services.dynamodb.schema import IndexLayout, KeySchema, Layout
from yobu.services.dynamodb.selecting import (
    answer_of,
    bound,
    check_select,
    is_start_key,
    source_of,
    start_key,
    start_names,
)
from yobu.services.dynamodb.values import Item
from yobu.store import keys as store_keys
from yobu.store.port import Range

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression")
_LEGACY = ("AttributesToGet", "ScanFilter", "ConditionalOperator")


async def scan(machine: Machine, ctx: Context, params: Params) -> Params:
    """One page of a scan."""
    check_parameters(params, _EXPRESSIONS, _LEGACY)
    start = start_key(params)
    check_select(params)
    _check_segments(params)
    bindings = Bindings(machine.expressions, params)
    filter = bindings.condition("FilterExpression")
    projection = bindings.projection()
    bindings.check_used()
    layout = await machine.layout(ctx, params["TableName"])
    source = source_of(layout, params, projection)
    run = _segment(source, params)
    if start is not None:
        place = _start_place(layout, source, start)
        if not run.start <= place < run.end:
            raise model.bad_start_key(
                "Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. "
                f"TotalSegments: {params.get('TotalSegments', 1)} Segment: {params.get('Segment', 0)}"
            )
        run = Range(store_keys.after(place), run.end)
    test = bound(filter, bindings.values)
    page = await read_page(machine.store, Wanted(run, False, params.get("Limit"), test))
    return await answer_of(machine, layout, source, params, page, projection)


def _check_segments(params: Mapping[str, Any]) -> None:
    segment, total = params.get("Segment"), params.get("TotalSegments")
    if segment is not None and total is None:
        raise model.validation(
            "The TotalSegments parameter is required but was not present in the request when Segment parameter is "
            "present"
        )
    if segment is None and total is not None:
        raise model.validation(
            "The Segment parameter is required but was not present in the request when parameter TotalSegments is "
            "present"
        )
    if segment is not None and total is not None and segment >= total:
        raise model.validation(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )


def _segment(source: KeySchema, params: Mapping[str, Any]) -> Range:
    total = params.get("TotalSegments")
    if total is None:
        return source.everything
    return keys.segment(source.prefix, params["Segment"], total)


def _start_place(layout: Layout, source: KeySchema, start: Item) -> bytes:
    index = isinstance(source, IndexLayout)
    if start.keys() != start_names(source):
        raise model.bad_start_key(None if index else model.key_schema_mismatch().message)
    if not is_start_key(layout, source, start):
        raise model.key_schema_mismatch() if index else model.bad_start_key(model.key_schema_mismatch().message)
    return source.row_key(start)
