"""DynamoDB's operations: each hands its parameters to the file that does it.

In: parameters as dispatch has parsed them, their model's constraints checked. Out: answers.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.dynamodb import batches, reads, tables, tags, writes
from yobu.services.dynamodb.directory import Directory
from yobu.services.dynamodb.expressions.compiled import Expressions
from yobu.services.dynamodb.machine import Machine
from yobu.services.dynamodb.query import query
from yobu.services.dynamodb.scan import scan
from yobu.services.dynamodb.sizes import Sizes
from yobu.services.dynamodb.sweep import Sweeper
from yobu.services.port import Parts, Room


class Api(Room):
    """The room of DynamoDB."""

    services = ("dynamodb",)

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        store = parts.store
        self._machine = Machine(store, parts.clock, parts.ids, Directory(store), Expressions(), Sizes(store))
        self.sweeper = Sweeper(store, parts.clock)

    async def start(self) -> None:
        """Sweep what deleted tables left."""
        self.sweeper.start()

    async def stop(self) -> None:
        """Leave the rest of the sweeping to the next start."""
        await self.sweeper.stop()

    def reset(self) -> None:
        """Forget tables and counts; compiled expressions stay true."""
        self._machine.tables.reset()
        self._machine.sizes.reset()
        self.sweeper.reset()

    # -- tables

    async def create_table(self, ctx: Context, params: Params) -> Params:
        """CreateTable."""
        return await tables.create_table(self._machine, ctx, params)

    async def describe_table(self, ctx: Context, params: Params) -> Params:
        """DescribeTable."""
        return await tables.describe_table(self._machine, ctx, params)

    async def list_tables(self, ctx: Context, params: Params) -> Params:
        """ListTables."""
        return await tables.list_tables(self._machine, ctx, params)

    async def update_table(self, ctx: Context, params: Params) -> Params:
        """UpdateTable."""
        return await tables.update_table(self._machine, ctx, params)

    async def delete_table(self, ctx: Context, params: Params) -> Params:
        """DeleteTable."""
        return await tables.delete_table(self._machine, self.sweeper, ctx, params)

    async def describe_time_to_live(self, ctx: Context, params: Params) -> Params:
        """DescribeTimeToLive."""
        return await tables.describe_time_to_live(self._machine, ctx, params)

    async def describe_continuous_backups(self, ctx: Context, params: Params) -> Params:
        """DescribeContinuousBackups."""
        return await tables.describe_continuous_backups(self._machine, ctx, params)

    async def describe_limits(self, ctx: Context, params: Params) -> Params:
        """DescribeLimits."""
        return tables.describe_limits()

    async def tag_resource(self, ctx: Context, params: Params) -> Params:
        """TagResource."""
        return await tags.tag_resource(self._machine, ctx, params)

    async def untag_resource(self, ctx: Context, params: Params) -> Params:
        """UntagResource."""
        return await tags.untag_resource(self._machine, ctx, params)

    async def list_tags_of_resource(self, ctx: Context, params: Params) -> Params:
        """ListTagsOfResource."""
        return await tags.list_tags_of_resource(self._machine, ctx, params)

    # -- items

    async def put_item(self, ctx: Context, params: Params) -> Params:
        """PutItem."""
        return await writes.put_item(self._machine, ctx, params)

    async def update_item(self, ctx: Context, params: Params) -> Params:
        """UpdateItem."""
        return await writes.update_item(self._machine, ctx, params)

    async def delete_item(self, ctx: Context, params: Params) -> Params:
        """DeleteItem."""
        return await writes.delete_item(self._machine, ctx, params)

    async def get_item(self, ctx: Context, params: Params) -> Params:
        """GetItem."""
        return await reads.get_item(self._machine, ctx, params)

    async def query(self, ctx: Context, params: Params) -> Params:
        """Query."""
        return await query(self._machine, ctx, params)

    async def scan(self, ctx: Context, params: Params) -> Params:
        """Scan."""
        return await scan(self._machine, ctx, params)

    async def batch_write_item(self, ctx: Context, params: Params) -> Params:
        """BatchWriteItem."""
        return await batches.batch_write_item(self._machine, ctx, params)

    async def batch_get_item(self, ctx: Context, params: Params) -> Params:
        """BatchGetItem."""
        return await batches.batch_get_item(self._machine, ctx, params)
