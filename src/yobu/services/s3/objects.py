"""PutObject, GetObject, HeadObject, DeleteObject, DeleteObjects. In: context and parameters; out: answers.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from yobu.aws.http import Answer, Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.invoke.values import Delivery
from yobu.services.s3 import conditions, faults, rules
from yobu.services.s3.bodies import Gone, receive
from yobu.services.s3.checksums import read_claim
from yobu.services.s3.conditions import Span
from yobu.services.s3.depot import Depot, checksum_members
from yobu.services.s3.model import OBJECTS, Bucket, Object, check_version, find_bucket, find_object, part_spans
from yobu.services.s3.notify import Happening, Origin, deliveries
from yobu.store.port import Tx

MAX_DELETES = 1000
_DELETES_AT_ONCE = 50
_LOOKS = 8
"""How often a reader looks again when the object is replaced under its hands."""

_OVERRIDES = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Expires")


class Objects:
    """Single objects: written, read, deleted."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def put_object(self, ctx: Context, params: Params) -> Params:
        """Store an object: body, record and notifications in one commit."""
        key = params["Key"]
        fields = written_fields(ctx, params)
        conditions.check_write_headers(params)
        claim = read_claim(params)
        await find_bucket(self._depot.store, ctx, params)
        received = await receive(self._depot.blobs, params.get("Body"), claim)
        origin = self._depot.origin(ctx)

        async def commit(tx: Tx) -> Object:
            bucket = await find_bucket(tx, ctx, params)
            old = await OBJECTS.get(tx, bucket.id, key)
            conditions.check_write(params, key, None if old is None else old.etag)
            new = Object(
                stamp=tx.stamp(),
                size=received.size,
                etag=received.etag,
                modified_ms=int(origin.now * 1000),
                blob=received.blob_id,
                checksums={received.algorithm: received.checksums[received.algorithm]},
                **fields,
            )
            received.keep(tx, self._depot.blobs, new.stamp)
            await self._depot.place(tx, bucket, key, new, old)
            await self._depot.announce(
                tx, bucket, Happening("ObjectCreated:Put", key, new.size, new.etag), origin, new.stamp
            )
            return new

        new = await self._depot.commit(received, commit)
        return {"ETag": new.quoted_etag, "ServerSideEncryption": rules.ENCRYPTION, **checksum_members(new)}

    async def get_object(self, ctx: Context, params: Params) -> Answer:
        """An object, or a range or part of it, as it was at one moment."""
        for _ in range(_LOOKS):
            answer, found, span = await self._look(ctx, params)
            if span is None:
                return answer
            try:
                answer.output["Body"] = await self._depot.bodies.open(found, span)
            except Gone:
                continue
            return answer
        raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)

    async def head_object(self, ctx: Context, params: Params) -> Answer:
        """The same answer without its body."""
        answer, _, _ = await self._look(ctx, params)
        return answer

    async def _look(self, ctx: Context, params: Params) -> tuple[Answer, Object, Span | None]:
        """The answer's head, the object, and the bytes to send (None: no body)."""
        rules.refuse_customer_keys(params)
        bucket = await find_bucket(self._depot.store, ctx, params)
        found = await find_object(self._depot.store, bucket, params)
        if conditions.check_read(params, found.etag, found.modified_s) == "not modified":
            return Answer({"ETag": found.quoted_etag, "LastModified": found.modified_s}, status=304), found, None
        part = _chosen_part(params, found)
        span = part or conditions.find_range(params.get("Range"), found.size)
        output = shown(found, params)
        if params.get("ChecksumMode") == "ENABLED" and span is None:
            output |= checksum_members(found)
        if params.get("PartNumber") is not None and found.runs:
            output["PartsCount"] = sum(run.count for run in found.runs)
        if span is None:
            output["ContentLength"] = found.size
            return Answer(output), found, Span(0, found.size)
        output["ContentLength"] = span.end - span.start
        output["ContentRange"] = f"bytes {span.start}-{span.end - 1}/{found.size}"
        return Answer(output, status=206), found, span

    async def delete_object(self, ctx: Context, params: Params) -> Params:
        """Delete an object; deleting what is not there is no error."""
        _refuse_directory_conditions(params)
        check_version(params.get("VersionId"))
        origin = self._depot.origin(ctx)

        async def commit(tx: Tx) -> None:
            bucket = await find_bucket(tx, ctx, params)
            await self._depot.send(tx, await self._delete(tx, bucket, params["Key"], params.get("IfMatch"), origin))

        await self._depot.store.write(commit)
        return {}

    async def delete_objects(self, ctx: Context, params: Params) -> Params:
        """Delete up to 1,000 objects; each succeeds or fails by itself."""
        request: Mapping[str, Any] = params.get("Delete") or {}
        wanted: Sequence[Mapping[str, Any]] = request.get("Objects") or ()
        if not 0 < len(wanted) <= MAX_DELETES or any(not entry.get("Key") for entry in wanted):
            raise faults.malformed_xml()
        origin = self._depot.origin(ctx)
        deleted: list[Params] = []
        failed: list[Params] = []
        for at in range(0, len(wanted), _DELETES_AT_ONCE):
            some = wanted[at : at + _DELETES_AT_ONCE]

            async def commit(tx: Tx, some: Sequence[Mapping[str, Any]] = some) -> list[AwsError | None]:
                bucket = await find_bucket(tx, ctx, params)
                sent: list[Delivery] = []
                errors = [await self._try_delete(tx, bucket, entry, origin, sent) for entry in some]
                await self._depot.send(tx, sent)
                return errors

            for entry, error in zip(some, await self._depot.store.write(commit), strict=True):
                named = {name: entry[name] for name in ("Key", "VersionId") if entry.get(name)}
                if error is None:
                    deleted.append(named)
                else:
                    failed.append({**named, "Code": error.code, "Message": error.message})
        output: Params = {}
        if deleted and not request.get("Quiet"):
            output["Deleted"] = deleted
        if failed:
            output["Errors"] = failed
        return output

    async def _try_delete(
        self, tx: Tx, bucket: Bucket, entry: Mapping[str, Any], origin: Origin, sent: list[Delivery]
    ) -> AwsError | None:
        try:
            check_version(entry.get("VersionId"))
            _refuse_directory_conditions(entry)
            sent += await self._delete(tx, bucket, entry["Key"], entry.get("ETag"), origin)
        except AwsError as error:
            return error
        return None

    async def _delete(self, tx: Tx, bucket: Bucket, key: str, if_match: str | None, origin: Origin) -> list[Delivery]:
        """Drop the record and let the body go; what is to be sent. Raises before the first write, or not at all."""
        rules.check_key(key)
        old = await OBJECTS.get(tx, bucket.id, key)
        if if_match is not None and (old is None or not conditions.etag_matches(if_match, old.etag)):
            raise faults.precondition_failed("If-Match")
        if old is None:
            return []
        OBJECTS.delete(tx, bucket.id, key)
        self._depot.release(tx, old)
        return deliveries(bucket, Happening("ObjectRemoved:Delete", key), origin, tx.stamp())


def written_fields(ctx: Context, params: Params) -> dict[str, Any]:
    """What a request that writes an object says of it, as fields of its record. Raises where S3 refuses it."""
    rules.check_key(params["Key"])
    rules.refuse_unbuilt(ctx, params)
    return {
        "content_type": params.get("ContentType") or "binary/octet-stream",
        "headers": rules.content_headers(params),
        "metadata": rules.user_metadata(params),
        "storage_class": rules.storage_class(ctx, params),
        "tags": rules.header_tags(params.get("Tagging")),
    }


def shown(found: Object, params: Params) -> Params:
    """What GetObject and HeadObject tell of an object, with the response-* overrides."""
    output: Params = {
        "AcceptRanges": "bytes",
        "LastModified": found.modified_s,
        "ETag": found.quoted_etag,
        "ContentType": found.content_type,
        "Metadata": found.metadata,
        "ServerSideEncryption": rules.ENCRYPTION,
        **found.headers,
    }
    if "Expires" in output:
        output["Expires"] = int(output["Expires"])
    if found.storage_class != "STANDARD":
        output["StorageClass"] = found.storage_class
    if found.tags:
        output["TagCount"] = len(found.tags)
    for name in _OVERRIDES:
        value = params.get(f"Response{name}")
        if value is not None:
            output[name] = value
    return output


def _chosen_part(params: Params, found: Object) -> Span | None:
    """The bytes of the part that PartNumber names. An object that was put at once is its own part 1."""
    number: int | None = params.get("PartNumber")
    if number is None:
        return None
    if params.get("Range"):
        raise faults.invalid_request("Cannot specify both Range header and partNumber query parameter")
    if not 1 <= number <= faults.MAX_PART_NUMBER:
        raise faults.invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive", "partNumber", number
        )
    if not found.runs:
        if number > 1:
            raise faults.invalid_part_number(number, 1)
        return Span(0, found.size) if found.size else None
    spans = [span for _, span in part_spans(found.runs)]
    if number > len(spans):
        raise faults.invalid_part_number(number, len(spans))
    return spans[number - 1]


def _refuse_directory_conditions(params: Mapping[str, Any]) -> None:
    """Conditions that AWS takes on directory buckets alone."""
    for name, header in (
        ("IfMatchLastModifiedTime", "x-amz-if-match-last-modified-time"),
        ("IfMatchSize", "x-amz-if-match-size"),
        ("LastModifiedTime", "LastModifiedTime"),
        ("Size", "Size"),
    ):
        if params.get(name) is not None:
            raise faults.not_implemented(header)
