"""CreateBucket, HeadBucket, ListBuckets, DeleteBucket, GetBucketLocation. In: context and parameters; out: answers.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""

from __future__ import annotations

import re

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.port import not_built
from yobu.services.s3 import faults, rules
from yobu.services.s3.depot import Depot, Leftover
from yobu.services.s3.listing import make_token, read_token
from yobu.services.s3.model import BUCKET_TAGS, BUCKETS, OBJECTS, OWNED, UPLOADS, Bucket, find_bucket, owner_id
from yobu.store.keys import after
from yobu.store.port import MAX_SCAN, Tx

MAX_BUCKETS = 10_000
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")


class Buckets:
    """Buckets themselves."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def create_bucket(self, ctx: Context, params: Params) -> Params:
        """Create a bucket. In us-east-1 creating one's own bucket again is no error, as on AWS."""
        name = params["Bucket"]
        rules.check_bucket_name(name)
        location = _location(ctx, params)
        _refuse_unbuilt(params)
        tags = rules.check_tags(
            [(tag["Key"], tag["Value"]) for tag in (params.get("CreateBucketConfiguration") or {}).get("Tags") or ()],
            rules.MAX_BUCKET_TAGS,
            "Bucket",
        )
        now_ms = self._depot.clock.now_ms()

        async def commit(tx: Tx) -> Bucket:
            old = await BUCKETS.get(tx, name)
            if old is not None:
                if old.account != ctx.account:
                    raise faults.bucket_taken(name)
                if old.region != "us-east-1" or ctx.region != "us-east-1" or location:
                    raise faults.bucket_yours(name)
                return old
            bucket = Bucket(tx.stamp(), name, ctx.account, location, now_ms)
            BUCKETS.put(tx, (name,), bucket)
            OWNED.put(tx, (ctx.account, name), bucket.id)
            if tags:
                BUCKET_TAGS.put(tx, (bucket.id,), tags)
            return bucket

        bucket = await self._depot.store.write(commit)
        place = f"/{name}" if bucket.region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"
        return {"Location": place, "BucketArn": bucket.arn}

    async def head_bucket(self, ctx: Context, params: Params) -> Params:
        """Whether the bucket is there and may be used, and its region."""
        bucket = await find_bucket(self._depot.store, ctx, params)
        return {"BucketRegion": bucket.region, "BucketArn": bucket.arn, "AccessPointAlias": False}

    async def get_bucket_location(self, ctx: Context, params: Params) -> Params:
        """The location constraint; none for us-east-1."""
        bucket = await find_bucket(self._depot.store, ctx, params)
        return {"LocationConstraint": bucket.location} if bucket.location else {}

    async def list_buckets(self, ctx: Context, params: Params) -> Params:
        """The account's buckets in all regions, by name."""
        limit = params.get("MaxBuckets")
        if limit is not None and not 1 <= limit <= MAX_BUCKETS:
            raise faults.invalid_argument(
                "Argument max-buckets must be an integer between 1 and 10000", "max-buckets", limit
            )
        limit = limit or MAX_BUCKETS
        token, prefix, region = (params.get(name) for name in ("ContinuationToken", "Prefix", "BucketRegion"))
        rest = OWNED.starting(ctx.account, prefix or "")
        if token is not None:
            rest = rest._replace(start=max(rest.start, after(OWNED.key(ctx.account, read_token(token)))))
        found: list[Bucket] = []
        more = True
        while more and len(found) <= limit:
            rows = await OWNED.scan(self._depot.store, rest, MAX_SCAN)
            more = len(rows) == MAX_SCAN
            buckets = await BUCKETS.get_many(self._depot.store, [(parts[1],) for parts, _ in rows])
            found += [one for one in buckets if one is not None and region in (None, one.region)]
            if more:
                rest = rest._replace(start=after(OWNED.key(*rows[-1][0])))
        output: Params = {
            "Buckets": [
                {
                    "Name": one.name,
                    "CreationDate": one.created_ms // 1000,
                    "BucketRegion": one.region,
                    "BucketArn": one.arn,
                }
                for one in found[:limit]
            ],
            "Owner": {"ID": owner_id(ctx.account)},
        }
        if prefix:
            output["Prefix"] = prefix
        if len(found) > limit:
            output["ContinuationToken"] = make_token(found[limit - 1].name)
        return output

    async def delete_bucket(self, ctx: Context, params: Params) -> Params:
        """Delete an empty bucket; multipart uploads under way are aborted with it."""

        async def commit(tx: Tx) -> None:
            bucket = await find_bucket(tx, ctx, params)
            if await OBJECTS.scan(tx, OBJECTS.range(bucket.id), 1):
                raise faults.bucket_not_empty(bucket.name)
            BUCKETS.delete(tx, bucket.name)
            OWNED.delete(tx, bucket.account, bucket.name)
            BUCKET_TAGS.delete(tx, bucket.id)
            if await UPLOADS.scan(tx, UPLOADS.range(bucket.id), 1):
                self._depot.leave(tx, Leftover(bucket=bucket.id))

        await self._depot.store.write(commit)
        return {}


def _location(ctx: Context, params: Params) -> str:
    """The location to make the bucket in (empty for us-east-1), as the endpoint of `ctx.region` judges it."""
    constraint: str = (params.get("CreateBucketConfiguration") or {}).get("LocationConstraint") or ""
    if constraint and constraint != "EU" and (constraint == "us-east-1" or not _REGION.fullmatch(constraint)):
        raise faults.invalid_location(constraint)
    if ctx.region == "us-east-1":
        return constraint
    if constraint != ctx.region and not (constraint == "EU" and ctx.region == "eu-west-1"):
        raise faults.illegal_location(constraint or "unspecified")
    return constraint


def _refuse_unbuilt(params: Params) -> None:
    """Refuse what would make another kind of bucket."""
    configuration = params.get("CreateBucketConfiguration") or {}
    if configuration.get("Location") or configuration.get("Bucket"):
        raise not_built("directory buckets")
    if params.get("BucketNamespace") not in (None, "global"):
        raise not_built("account-regional bucket namespaces")
    if params.get("ObjectLockEnabledForBucket"):
        raise not_built("object lock")
    if params.get("ObjectOwnership") not in (None, "BucketOwnerEnforced"):
        raise not_built(f"ObjectOwnership {params['ObjectOwnership']}")
    grants = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
    if params.get("ACL") not in (None, "private") or any(params.get(name) for name in grants):
        raise AwsError(
            "InvalidBucketAclWithObjectOwnership",
            "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
        )
