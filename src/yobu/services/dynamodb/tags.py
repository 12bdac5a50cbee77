"""TagResource, UntagResource, ListTagsOfResource: tags lie in the table's record.

In: parameters as AWS names them. Out: answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

from yobu.aws.http import Params
from yobu.base.arn import parse_arn
from yobu.base.context import Context
from yobu.services.dynamodb import model
from yobu.services.dynamodb.machine import Machine
from yobu.services.dynamodb.schema import TableName
from yobu.store.port import Tx

MAX_TAGS = 50


def checked_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags by key. Raises ValidationException for too many of them."""
    checked = {tag["Key"]: tag["Value"] for tag in tags}
    if len(checked) > MAX_TAGS:
        raise model.validation("Too many tags: a resource can have at most 50")
    return checked


async def tag_resource(machine: Machine, ctx: Context, params: Params) -> Params:
    """Add tags, or give them other values."""
    added = checked_tags(params["Tags"])
    await _change(machine, ctx, params["ResourceArn"], lambda tags: {**tags, **added})
    return {}


async def untag_resource(machine: Machine, ctx: Context, params: Params) -> Params:
    """Remove tags."""
    gone = frozenset(params["TagKeys"])
    await _change(
        machine, ctx, params["ResourceArn"], lambda tags: {key: value for key, value in tags.items() if key not in gone}
    )
    return {}


async def list_tags_of_resource(machine: Machine, ctx: Context, params: Params) -> Params:
    """All tags; there are never more than one page of them."""
    arn = params["ResourceArn"]
    layout = await machine.tables.find(_table(ctx, arn))
    if layout is None:
        raise model.no_such_resource(arn)
    return {"Tags": [{"Key": key, "Value": value} for key, value in layout.record.tags.items()]}


def _table(ctx: Context, text: str) -> TableName:
    try:
        arn = parse_arn(text)
    except ValueError:
        raise model.validation(f"Invalid TableArn: Invalid ResourceArn provided as input {text}") from None
    kind, _, name = arn.resource.partition("/")
    if kind != "table" or not name or (arn.account, arn.region) != (ctx.account, ctx.region):
        raise model.no_such_resource(text)
    return TableName(ctx.account, ctx.region, name)


async def _change(machine: Machine, ctx: Context, arn: str, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    name = _table(ctx, arn)

    async def transaction(tx: Tx) -> None:
        layout = await machine.tables.read(tx, name)
        if layout is None:
            raise model.no_such_resource(arn)
        tags = change(layout.record.tags)
        if len(tags) > MAX_TAGS:
            raise model.validation("Too many tags: a resource can have at most 50")
        machine.tables.put(tx, name, msgspec.structs.replace(layout.record, tags=tags))

    await machine.store.write(transaction)
