"""Query: one partition, a run of its sort keys.

In: parameters as AWS names them. Out: answers.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

from collections.abc import Callable

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb import keys, model
from yobu.services.dynamodb.expressions.compiled import Bindings
from yobu.services.dynamodb.expressions.keyconditions import KeyTest
from yobu.services.dynamodb.expressions.scope import Values
from yobu.services.dynamodb.machine import Machine, check_parameters
from yobu.services.dynamodb.paging import Wanted, read_page
from yobu.services.dynamodb.schema import KeyAttribute, KeySchema, Layout
from yobu.services.dynamodb.selecting import (
    answer_of,
    bound,
    check_select,
    is_start_key,
    source_of,
    start_key,
    start_names,
)
from yobu.services.dynamodb.values import Item, Value
from yobu.store import keys as store_keys
from yobu.store.port import Range

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression", "KeyConditionExpression")
_LEGACY = ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions")


async def query(machine: Machine, ctx: Context, params: Params) -> Params:
    """One page of a query."""
    check_parameters(params, _EXPRESSIONS, _LEGACY)
    start = start_key(params)
    check_select(params)
    if params.get("KeyConditionExpression") is None:
        raise model.no_key_condition()
    bindings = Bindings(machine.expressions, params)
    condition = bindings.key_condition()
    filter = bindings.condition("FilterExpression")
    projection = bindings.projection()
    assert condition is not None
    if condition.does.refusal is not None:
        raise model.validation(condition.does.refusal)
    bindings.check_used()
    layout = await machine.layout(ctx, params["TableName"])
    source = source_of(layout, params, projection)
    values = bindings.values
    place = None if start is None else _start_place(layout, source, start)
    partition, run = _bounds(source, condition.does.tests, values)
    if filter is not None:
        for attribute in source.attributes:
            if attribute.name in filter.attributes:
                raise model.filter_on_key(attribute.name)
    reverse = not params.get("ScanIndexForward", True)
    if place is not None:
        run = _beyond(place, partition, run, reverse)
    page = await read_page(machine.store, Wanted(run, reverse, params.get("Limit"), bound(filter, values)))
    return await answer_of(machine, layout, source, params, page, projection)


def _bounds(source: KeySchema, tests: tuple[KeyTest, ...], values: Values) -> tuple[Range, Range]:
    """The whole partition, and the run of it that the key condition means. Raises ValidationException."""
    by_name = {test.attribute: test for test in tests}
    hash_test = by_name.pop(source.hash.name, None)
    if hash_test is None:
        raise model.key_condition_missing(source.hash.name)
    if hash_test.operator != "=":
        raise model.key_condition_unsupported()
    range_test = by_name.pop(source.range.name, None) if source.range is not None else None
    if by_name:
        if source.range is None:
            raise model.key_condition_unsupported()
        raise model.key_condition_missing(source.range.name)
    first = source.partition_of(_key_value(source.hash, hash_test.values[0], values))
    partition = keys.whole(first)
    if range_test is None or source.range is None:
        return partition, partition
    operands = [_key_value(source.range, name, values) for name in range_test.values]
    return partition, _RUNS[range_test.operator](first, *operands)


def _key_value(attribute: KeyAttribute, name: str, values: Values) -> Value:
    value = values[name]
    if attribute.type not in value:
        raise model.key_condition_type()
    attribute.check_empty(value)
    attribute.check_size(value)
    return value


def _starting(first: bytes, value: Value) -> Range:
    inner = store_keys.starting((), keys.sort_part(value))
    return Range(first + inner.start, first + inner.end)


_RUNS: dict[str, Callable[..., Range]] = {
    "=": lambda first, value: keys.whole(first + keys.sort(value)),
    "<": lambda first, value: Range(first, first + keys.sort(value)),
    "<=": lambda first, value: Range(first, keys.whole(first + keys.sort(value)).end),
    ">": lambda first, value: Range(keys.whole(first + keys.sort(value)).end, keys.whole(first).end),
    ">=": lambda first, value: Range(first + keys.sort(value), keys.whole(first).end),
    "BETWEEN": lambda first, low, high: Range(first + keys.sort(low), keys.whole(first + keys.sort(high)).end),
    "begins_with": _starting,
}


def _start_place(layout: Layout, source: KeySchema, start: Item) -> bytes:
    if start.keys() != start_names(source) or not is_start_key(layout, source, start):
        raise model.bad_start_key()
    return source.row_key(start)


def _beyond(place: bytes, partition: Range, run: Range, reverse: bool) -> Range:
    """What of the run lies behind the start key."""
    if not partition.start <= place < partition.end:
        raise model.start_key_outside()
    if not run.start <= place < run.end:
        raise model.start_key_range()
    return Range(run.start, place) if reverse else Range(store_keys.after(place), run.end)
