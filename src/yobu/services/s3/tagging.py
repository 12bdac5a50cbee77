"""Tags of objects and of buckets. In: context and parameters; out: answers.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.s3 import faults, rules
from yobu.services.s3.depot import Depot
from yobu.services.s3.model import BUCKET_TAGS, OBJECTS, find_bucket, find_object
from yobu.services.s3.notify import Happening
from yobu.store.port import Tx


class Tagging:
    """Reads, replaces and deletes tag sets."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def get_object_tagging(self, ctx: Context, params: Params) -> Params:
        """An object's tags; an empty set where it has none."""
        bucket = await find_bucket(self._depot.store, ctx, params)
        found = await find_object(self._depot.store, bucket, params)
        return {"TagSet": _shown(found.tags)}

    async def put_object_tagging(self, ctx: Context, params: Params) -> Params:
        """Replace an object's tags."""
        tags = rules.check_tags(_pairs(params), rules.MAX_OBJECT_TAGS, "Object")
        await self._retag(ctx, params, tags, "ObjectTagging:Put")
        return {}

    async def delete_object_tagging(self, ctx: Context, params: Params) -> Params:
        """Drop an object's tags."""
        await self._retag(ctx, params, {}, "ObjectTagging:Delete")
        return {}

    async def get_bucket_tagging(self, ctx: Context, params: Params) -> Params:
        """A bucket's tags. Raises NoSuchTagSet."""
        bucket = await find_bucket(self._depot.store, ctx, params)
        tags = await BUCKET_TAGS.get(self._depot.store, bucket.id)
        if not tags:
            raise faults.no_such_tag_set(bucket.name)
        return {"TagSet": _shown(tags)}

    async def put_bucket_tagging(self, ctx: Context, params: Params) -> Params:
        """Replace a bucket's tags."""
        tags = rules.check_tags(_pairs(params), rules.MAX_BUCKET_TAGS, "Bucket")

        async def commit(tx: Tx) -> None:
            bucket = await find_bucket(tx, ctx, params)
            BUCKET_TAGS.put(tx, (bucket.id,), tags)

        await self._depot.store.write(commit)
        return {}

    async def delete_bucket_tagging(self, ctx: Context, params: Params) -> Params:
        """Drop a bucket's tags."""

        async def commit(tx: Tx) -> None:
            bucket = await find_bucket(tx, ctx, params)
            BUCKET_TAGS.delete(tx, bucket.id)

        await self._depot.store.write(commit)
        return {}

    async def _retag(self, ctx: Context, params: Params, tags: dict[str, str], event: str) -> None:
        origin = self._depot.origin(ctx)

        async def commit(tx: Tx) -> None:
            bucket = await find_bucket(tx, ctx, params)
            found = await find_object(tx, bucket, params)
            OBJECTS.put(tx, (bucket.id, params["Key"]), msgspec.structs.replace(found, tags=tags))
            happening = Happening(event, params["Key"], etag=found.etag)
            await self._depot.announce(tx, bucket, happening, origin, tx.stamp())

        await self._depot.store.write(commit)


def _pairs(params: Params) -> list[tuple[str, str]]:
    tagging = params.get("Tagging")
    if tagging is None or tagging.get("TagSet") is None:
        raise faults.malformed_xml()
    return [(tag.get("Key", ""), tag.get("Value", "")) for tag in tagging["TagSet"]]


def _shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
