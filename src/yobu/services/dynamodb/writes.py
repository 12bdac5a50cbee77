"""PutItem, UpdateItem, DeleteItem: one item, one transaction.

In: parameters as AWS names them. Out: answers. A write is prepared outside the transaction (everything that can be
checked without the item is), then meets the item inside it: condition, new item, index rows. `Write.run` is the part
that batches and transactions share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb import model
from yobu.services.dynamodb.capacity import Consumed, consumed_member, write_units
from yobu.services.dynamodb.directory import Stale
from yobu.services.dynamodb.expressions.compiled import Bindings, Compiled
from yobu.services.dynamodb.expressions.conditions import Test
from yobu.services.dynamodb.expressions.paths import projector
from yobu.services.dynamodb.expressions.scope import Values
from yobu.services.dynamodb.expressions.updates import Update
from yobu.services.dynamodb.machine import Machine, check_parameters
from yobu.services.dynamodb.schema import Entry, IndexLayout, Layout, Row, decode_row, encode_row, index_changes
from yobu.services.dynamodb.values import Item, depth, item_size, kind, take_item
from yobu.store.port import Tx

_PUT_EXPRESSIONS = ("ConditionExpression",)
_PUT_LEGACY = ("Expected", "ConditionalOperator")
_UPDATE_EXPRESSIONS = ("UpdateExpression", "ConditionExpression")
_UPDATE_LEGACY = ("AttributeUpdates", "Expected", "ConditionalOperator")

Next = Callable[[Row | None], Row | None]
"""What a write makes of the row that is there; None: nothing stays."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A condition and the values behind it; `show` where its failure shows the item."""

    test: Test
    values: Values
    show: bool

    def check(self, old: Row | None) -> None:
        """Raise ConditionalCheckFailedException where the condition does not hold."""
        if not self.test(old.item if old is not None else {}, self.values):
            raise model.conditional_failed(old.item if self.show and old is not None else None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a write found and left."""

    old: Row | None
    new: Row | None
    consumed: Consumed


@dataclass(frozen=True, slots=True)
class Write:
    """A prepared write of the item at `key` (the store's)."""

    layout: Layout
    home: bytes
    key: bytes
    guard: Guard | None
    next: Next

    async def run(self, machine: Machine, tx: Tx) -> Outcome:
        """Do it. Raises ConditionalCheckFailedException, ValidationException."""
        raw = await tx.get(self.key)
        old = None if raw is None else decode_row(raw)
        if self.guard is not None:
            self.guard.check(old)
        new = self.next(old)
        consumed = Consumed(self.layout)
        consumed.add_table(write_units(old.size if old else 0, new.size if new else 0))
        if new is not None:
            tx.put(self.key, encode_row(new))
        elif old is not None:
            tx.delete(self.key)
        tx.after_commit(partial(machine.sizes.changed, self.layout.key.prefix, self.key, old, new))
        for index, gone, comes in index_changes(self.layout, old, new):
            _write_index(tx, index, gone, comes, consumed)
            if gone is not None:
                tx.after_commit(partial(machine.sizes.changed, index.prefix, *gone, None))
            if comes is not None:
                tx.after_commit(partial(machine.sizes.changed, index.prefix, comes[0], None, comes[1]))
        return Outcome(old, new, consumed)


def _write_index(tx: Tx, index: IndexLayout, gone: Entry | None, comes: Entry | None, consumed: Consumed) -> None:
    """Replace one index's row of an item."""
    moved = gone is not None and (comes is None or comes[0] != gone[0])
    if gone is not None and moved:
        tx.delete(gone[0])
        consumed.add_index(index, write_units(gone[1].size))
    if comes is not None:
        tx.put(comes[0], encode_row(comes[1]))
        before = 0 if gone is None or moved else gone[1].size
        consumed.add_index(index, write_units(before, comes[1].size))


async def commit(machine: Machine, ctx: Context, name: str, prepare: Callable[[Layout], Write]) -> Outcome:
    """Prepare a write for the table as it is, and run it; prepare it again where the table changed meanwhile."""
    while True:
        write = prepare(await machine.layout(ctx, name))

        async def transaction(tx: Tx, write: Write = write) -> Outcome:
            await machine.tables.confirm(tx, write.layout)
            return await write.run(machine, tx)

        try:
            return await machine.store.write(transaction, write.home)
        except Stale as stale:
            machine.tables.drop(stale.name)


# -- preparing


def put(item: Item, size: int, guard: Guard | None) -> Callable[[Layout], Write]:
    """A write that puts a checked item."""
    row = Row(size, item)

    def prepare(layout: Layout) -> Write:
        layout.check_item(item)
        return Write(layout, *layout.key.places(item), guard, lambda old: row)

    return prepare


def delete(key: Item, guard: Guard | None) -> Callable[[Layout], Write]:
    """A write that removes the item with a checked key."""

    def prepare(layout: Layout) -> Write:
        layout.check_key(key)
        return Write(layout, *layout.key.places(key), guard, lambda old: None)

    return prepare


def change(
    key: Item, update: Compiled[Update] | None, values: Values, guard: Guard | None
) -> Callable[[Layout], Write]:
    """A write that updates the item with a checked key, or makes it."""

    def prepare(layout: Layout) -> Write:
        layout.check_key(key)
        if update is not None:
            _check_update(layout, update, values)
        return Write(layout, *layout.key.places(key), guard, lambda old: _updated(layout, key, update, values, old))

    return prepare


def _check_update(layout: Layout, update: Compiled[Update], values: Values) -> None:
    for steps in update.does.paths:
        if steps[0] in layout.key.names:
            raise model.key_updated(str(steps[0]))
    if not layout.indexes:
        return
    for name in sorted(layout.index_keys & update.nested):
        raise model.index_key_nested(name)
    for name, placeholder in update.does.direct:
        for index in layout.indexes:
            index.check({name: values[placeholder]})


def _updated(layout: Layout, key: Item, update: Compiled[Update] | None, values: Values, old: Row | None) -> Row:
    item = old.item if old is not None else key
    if update is None:
        return Row(old.size if old is not None else item_size(key), item)
    new = update.does.apply(item, values)
    size = item_size(new)
    if size > model.MAX_ITEM:
        raise model.update_too_large()
    for steps in update.does.paths:
        value = new.get(str(steps[0]))
        if value is not None and ("M" in value or "L" in value) and depth(value) > model.MAX_DEPTH:
            raise model.too_deep()
    if layout.indexes:
        _check_index_keys(layout, new)
    return Row(size, new)


def _check_index_keys(layout: Layout, new: Item) -> None:
    for index in layout.indexes:
        for attribute in index.attributes:
            value = new.get(attribute.name)
            if value is not None and kind(value) != attribute.type:
                raise model.index_key_update()
        index.check(new)


# -- operations


def _guard(params: Mapping[str, Any], bindings: Bindings) -> Guard | None:
    condition = bindings.condition("ConditionExpression")
    if condition is None:
        return None
    return Guard(condition.does, bindings.values, params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


def _check_returns(params: Mapping[str, Any]) -> None:
    if params.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise model.validation("ReturnValues can only be ALL_OLD or NONE")


def checked_item(item: Item) -> tuple[Item, int]:
    """An item to put, checked and normalised, and its size. Raises ValidationException."""
    taken, size = take_item(item)
    if size > model.MAX_ITEM:
        raise model.item_too_large()
    return taken, size


async def put_item(machine: Machine, ctx: Context, params: Params) -> Params:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html ."""
    check_parameters(params, _PUT_EXPRESSIONS, _PUT_LEGACY)
    item, size = checked_item(params["Item"])
    _check_returns(params)
    bindings = Bindings(machine.expressions, params)
    guard = _guard(params, bindings)
    bindings.check_used()
    outcome = await commit(machine, ctx, params["TableName"], put(item, size, guard))
    return _answer(params, outcome)


async def delete_item(machine: Machine, ctx: Context, params: Params) -> Params:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteItem.html ."""
    check_parameters(params, _PUT_EXPRESSIONS, _PUT_LEGACY)
    key, _ = take_item(params["Key"])
    _check_returns(params)
    bindings = Bindings(machine.expressions, params)
    guard = _guard(params, bindings)
    bindings.check_used()
    outcome = await commit(machine, ctx, params["TableName"], delete(key, guard))
    return _answer(params, outcome)


async def update_item(machine: Machine, ctx: Context, params: Params) -> Params:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html ."""
    check_parameters(params, _UPDATE_EXPRESSIONS, _UPDATE_LEGACY)
    key, _ = take_item(params["Key"])
    bindings = Bindings(machine.expressions, params)
    update = bindings.update()
    guard = _guard(params, bindings)
    bindings.check_used()
    outcome = await commit(machine, ctx, params["TableName"], change(key, update, bindings.values, guard))
    return _answer(params, outcome, update.does if update is not None else None)


def _answer(params: Mapping[str, Any], outcome: Outcome, update: Update | None = None) -> Params:
    answer = consumed_member(params, outcome.consumed)
    attributes = _returned(params.get("ReturnValues", "NONE"), outcome, update)
    if attributes:
        answer["Attributes"] = attributes
    if params.get("ReturnItemCollectionMetrics") == "SIZE":
        answer.update(collection_metrics(outcome))
    return answer


def _returned(wanted: str, outcome: Outcome, update: Update | None) -> Item | None:
    if wanted == "NONE":
        return None
    row = outcome.old if wanted.endswith("OLD") else outcome.new
    if row is None:
        return None
    if wanted.startswith("ALL"):
        return row.item
    return projector(update.paths)(row.item) if update is not None else None


def collection_metrics(outcome: Outcome) -> dict[str, Any]:
    """ItemCollectionMetrics, for tables with local indexes: collections are not measured, so the range is AWS's
    first gigabyte.
    """
    layout = outcome.consumed.layout
    row = outcome.new or outcome.old
    if row is None or not any(index.local for index in layout.indexes):
        return {}
    key = {layout.key.hash.name: row.item[layout.key.hash.name]}
    return {"ItemCollectionMetrics": {"ItemCollectionKey": key, "SizeEstimateRangeGB": [0.0, 1.0]}}
