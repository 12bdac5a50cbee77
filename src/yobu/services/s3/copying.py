"""CopyObject, and the reading of a copy's source for UploadPartCopy too. In: context and parameters; out: answers.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.s3 import conditions, faults, rules
from yobu.services.s3.bodies import Gone, Received, receive, whole
from yobu.services.s3.checksums import ALGORITHMS, DEFAULT, Claim
from yobu.services.s3.conditions import Span
from yobu.services.s3.depot import Depot, checksum_members
from yobu.services.s3.model import OBJECTS, Bucket, Object, check_version, find_bucket, find_bucket_named
from yobu.services.s3.notify import Happening
from yobu.services.s3.objects import written_fields
from yobu.store.port import Tx

_LOOKS = 8


class _CopiedBody:
    """A body that comes from another object."""

    def __init__(self, chunks: AsyncIterator[bytes], length: int) -> None:
        self.length: int | None = length
        self.trailers: Mapping[str, str] = {}
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks


class Sources:
    """Reads the sources of copies."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def find(self, ctx: Context, params: Params) -> tuple[Bucket, str, Object]:
        """Bucket, key and record of the source. Raises NoSuchKey, PreconditionFailed and others."""
        name, key, version = rules.copy_source(params["CopySource"])
        check_version(version)
        store = self._depot.store
        bucket = await find_bucket_named(store, ctx, name, params.get("ExpectedSourceBucketOwner"))
        found = await OBJECTS.get(store, bucket.id, key)
        if found is None:
            raise faults.no_such_key(key)
        conditions.check_read(params, found.etag, found.modified_s, "CopySource")
        return bucket, key, found

    async def receive(self, found: Object, span: Span, algorithms: tuple[str, ...]) -> Received:
        """The bytes `span` of the source as a body of its own, with its checksums. Raises Gone."""
        opened = await self._depot.bodies.open(found, span)
        body = _CopiedBody(whole(opened), span.end - span.start)
        return await receive(self._depot.blobs, body, Claim(), algorithms)


class Copying:
    """CopyObject."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._sources = Sources(depot)

    async def copy_object(self, ctx: Context, params: Params) -> Params:
        """Copy an object's body; its metadata and tags come along or are replaced, as the directives say."""
        fields = written_fields(ctx, params)
        conditions.check_write_headers(params)
        for name in ("MetadataDirective", "TaggingDirective"):
            if params.get(name) not in (None, "COPY", "REPLACE"):
                raise faults.invalid_argument(f"Unknown {_words(name)} directive.", _header(name), params[name])
        await find_bucket(self._depot.store, ctx, params)
        for _ in range(_LOOKS):
            _, _, source = await self._sources.find(ctx, params)
            self._check_change(params, source)
            if source.size > faults.MAX_PUT_BYTES:
                raise faults.invalid_request(
                    f"The specified copy source is larger than the maximum allowable size for a copy source: "
                    f"{faults.MAX_PUT_BYTES}"
                )
            algorithm = _algorithm(params, source)
            try:
                received = await self._sources.receive(source, Span(0, source.size), (algorithm,))
            except Gone:
                continue
            new = await self._write(ctx, params, received, _merged(params, source, fields, algorithm, received))
            result = {"ETag": new.quoted_etag, "LastModified": new.modified_s, **checksum_members(new)}
            return {"CopyObjectResult": result, "ServerSideEncryption": rules.ENCRYPTION}
        raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)

    async def _write(self, ctx: Context, params: Params, received: Received, fields: dict[str, Any]) -> Object:
        origin = self._depot.origin(ctx)
        key = params["Key"]

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
                **fields,
            )
            received.keep(tx, self._depot.blobs, new.stamp)
            await self._depot.place(tx, bucket, key, new, old)
            happening = Happening("ObjectCreated:Copy", key, new.size, new.etag)
            await self._depot.announce(tx, bucket, happening, origin, new.stamp)
            return new

        return await self._depot.commit(received, commit)

    def _check_change(self, params: Params, source: Object) -> None:
        """A copy onto itself must change something."""
        bucket, key, _ = rules.copy_source(params["CopySource"])
        if (bucket, key) != (params["Bucket"], params["Key"]) or params.get("MetadataDirective") == "REPLACE":
            return
        storage_class = params.get("StorageClass")
        if (
            (storage_class and storage_class != source.storage_class)
            or params.get("WebsiteRedirectLocation")
            or params.get("ServerSideEncryption")
            or params.get("ChecksumAlgorithm")
        ):
            return
        raise faults.invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )


def _algorithm(params: Params, source: Object) -> str:
    """The checksum of the copy: the one asked for, else the source's."""
    named = params.get("ChecksumAlgorithm")
    if named is not None and named not in ALGORITHMS:
        raise faults.invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the "
            f"valid types: [{', '.join(ALGORITHMS)}]"
        )
    return named or next(iter(source.checksums), DEFAULT)


def _merged(
    params: Params, source: Object, fields: dict[str, Any], algorithm: str, received: Received
) -> dict[str, Any]:
    """The copy's fields: metadata and tags of the source unless they are replaced; never its storage class."""
    merged = {**fields, "checksums": {algorithm: received.checksums[algorithm]}}
    if params.get("MetadataDirective") != "REPLACE":
        merged |= {"content_type": source.content_type, "metadata": source.metadata}
        # The redirect is not copied: it is given with the copy, or there is none.
        headers = {name: value for name, value in source.headers.items() if name != "WebsiteRedirectLocation"}
        if params.get("WebsiteRedirectLocation"):
            headers["WebsiteRedirectLocation"] = params["WebsiteRedirectLocation"]
        merged["headers"] = headers
    if params.get("TaggingDirective") != "REPLACE":
        merged["tags"] = source.tags
    return merged


def _words(name: str) -> str:
    return "metadata" if name == "MetadataDirective" else "tagging"


def _header(name: str) -> str:
    return f"x-amz-{_words(name)}-directive"
