"""What the room's operations share: the store, the tables' directory, compiled expressions, counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from yobu.base.clock import Clock
from yobu.base.context import Context
from yobu.base.ids import Ids
from yobu.services.dynamodb import model
from yobu.services.dynamodb.directory import Directory, table_name
from yobu.services.dynamodb.expressions.compiled import Expressions
from yobu.services.dynamodb.schema import Layout
from yobu.services.dynamodb.sizes import Sizes
from yobu.services.port import not_built
from yobu.store.port import Store


@dataclass(frozen=True, slots=True)
class Machine:
    """The parts that every operation works with."""

    store: Store
    clock: Clock
    ids: Ids
    tables: Directory
    expressions: Expressions
    sizes: Sizes

    async def layout(self, ctx: Context, name: str) -> Layout:
        """The table of an item operation. Raises ResourceNotFoundException."""
        layout = await self.tables.find(table_name(ctx, name))
        if layout is None:
            raise model.no_such_table()
        return layout

    async def table(self, ctx: Context, text: str) -> Layout:
        """The table of a table operation: the error names it. Raises ResourceNotFoundException."""
        name = table_name(ctx, text)
        layout = await self.tables.find(name)
        if layout is None:
            raise model.no_such_table_named(name.name)
        return layout


def check_parameters(params: Mapping[str, Any], expressions: tuple[str, ...], legacy: tuple[str, ...]) -> None:
    """Refuse what does not go together, and legacy parameters as such (they are not built).

    `expressions` and `legacy` are the operation's parameters in AWS's order.
    """
    old = [name for name in legacy if params.get(name) is not None]
    given = [name for name in expressions if params.get(name) is not None]
    if old and given:
        raise model.mixed_parameters(old, given)
    if params.get("ExpressionAttributeNames") is not None and not given:
        raise model.names_without_expression()
    if params.get("ExpressionAttributeValues") is not None:
        users = [name for name in expressions if name != "ProjectionExpression"]
        if all(params.get(name) is None for name in users):
            raise model.values_without_expression(users)
    if old:
        raise not_built(f"DynamoDB's legacy parameter {old[0]}; use the expression parameters")
