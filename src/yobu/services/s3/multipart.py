"""Multipart uploads. In: context and parameters; out: answers. Completing one copies no byte: its parts stay.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.s3 import conditions, faults, rules
from yobu.services.s3.bodies import Gone, Received, receive
from yobu.services.s3.checksums import ALGORITHMS, DEFAULT, read_claim
from yobu.services.s3.conditions import Span
from yobu.services.s3.copying import Sources
from yobu.services.s3.depot import Depot, Leftover, checksum_members
from yobu.services.s3.listing import encoder, page_size
from yobu.services.s3.model import (
    OBJECTS,
    PARTS,
    UPLOADS,
    Bucket,
    Object,
    Part,
    Upload,
    find_bucket,
    owner_id,
    upload_id,
)
from yobu.services.s3.notify import Happening
from yobu.services.s3.objects import written_fields
from yobu.services.s3.parts import Assembly, assemble
from yobu.services.s3.walk import Page, Walk, list_page
from yobu.store.keys import after
from yobu.store.port import MAX_SCAN, Reader, Tx

_LOOKS = 8


class Multipart:
    """Uploads in parts."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._sources = Sources(depot)

    async def create_multipart_upload(self, ctx: Context, params: Params) -> Params:
        """Begin an upload."""
        fields = written_fields(ctx, params)
        algorithm, kind = _checksum_kind(params)
        key, salt, now_ms = params["Key"], self._depot.ids.hex(80), self._depot.clock.now_ms()

        async def commit(tx: Tx) -> str:
            bucket = await find_bucket(tx, ctx, params)
            stamp = tx.stamp()
            upload = Upload(stamp, now_ms, stamp, algorithm=algorithm, checksum_type=kind, **fields)
            UPLOADS.put(tx, (bucket.id, key, upload_id(stamp, salt)), upload)
            return upload_id(stamp, salt)

        output: Params = {
            "Bucket": params["Bucket"],
            "Key": key,
            "UploadId": await self._depot.store.write(commit),
            "ServerSideEncryption": rules.ENCRYPTION,
        }
        if params.get("ChecksumAlgorithm"):
            output |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
        return output

    async def upload_part(self, ctx: Context, params: Params) -> Params:
        """Store a part; a part that was there under its number is replaced."""
        _check_number(params["PartNumber"])
        rules.refuse_customer_keys(params)
        claim = read_claim(params)
        _, upload = await self._find(self._depot.store, ctx, params)
        if upload.algorithm and claim.algorithm not in (None, upload.algorithm):
            raise _mismatch(upload.algorithm, claim.algorithm)
        received = await receive(self._depot.blobs, params.get("Body"), claim, (upload.algorithm or DEFAULT,))
        if upload.algorithm and received.chosen and received.algorithm != upload.algorithm:
            await received.discard(self._depot.blobs)
            raise _mismatch(upload.algorithm, received.algorithm)
        part = await self._keep(ctx, params, received, upload)
        shown = received.algorithm if received.chosen else upload.algorithm or DEFAULT
        return {
            "ETag": part.quoted_etag,
            "ServerSideEncryption": rules.ENCRYPTION,
            f"Checksum{shown}": received.checksums[shown],
        }

    async def upload_part_copy(self, ctx: Context, params: Params) -> Params:
        """Store a part that is (a range of) another object."""
        _check_number(params["PartNumber"])
        rules.refuse_customer_keys(params)
        _, upload = await self._find(self._depot.store, ctx, params)
        for _ in range(_LOOKS):
            _, _, source = await self._sources.find(ctx, params)
            text = params.get("CopySourceRange")
            span = Span(0, source.size) if text is None else conditions.copy_range(text, source.size)
            try:
                received = await self._sources.receive(source, span, (upload.algorithm or DEFAULT,))
            except Gone:
                continue
            part = await self._keep(ctx, params, received, upload)
            result: Params = {"ETag": part.quoted_etag, "LastModified": part.modified_ms // 1000}
            if upload.algorithm:
                result[f"Checksum{upload.algorithm}"] = received.checksums[upload.algorithm]
            return {"CopyPartResult": result, "ServerSideEncryption": rules.ENCRYPTION}
        raise AwsError("InternalError", "We encountered an internal error. Please try again.", 500)

    async def complete_multipart_upload(self, ctx: Context, params: Params) -> Params:
        """Make the listed parts an object, in one commit with its notifications."""
        conditions.check_write_headers(params)
        wanted: list[dict[str, Any]] = (params.get("MultipartUpload") or {}).get("Parts") or []
        if not wanted:
            raise faults.malformed_xml()
        origin = self._depot.origin(ctx)
        key = params["Key"]
        new: Object | None = None
        while new is None:
            bucket, upload = await self._find(self._depot.store, ctx, params)
            present = await self._all_parts(upload)
            made = assemble(params, wanted, upload, present)

            async def commit(tx: Tx, upload: Upload = upload, made: Assembly = made) -> Object | None:
                bucket, now = await self._find(tx, ctx, params)
                if now.revision != upload.revision:
                    return None  # a part came in between: look again
                old = await OBJECTS.get(tx, bucket.id, key)
                conditions.check_write(params, key, None if old is None else old.etag)
                found = Object(
                    stamp=tx.stamp(),
                    size=made.size,
                    etag=made.etag,
                    modified_ms=int(origin.now * 1000),
                    upload=upload.stamp,
                    runs=made.runs,
                    content_type=upload.content_type,
                    headers=upload.headers,
                    metadata=upload.metadata,
                    checksums=made.checksums,
                    checksum_type=made.checksum_type,
                    storage_class=upload.storage_class,
                    tags=upload.tags,
                )
                UPLOADS.delete(tx, bucket.id, key, params["UploadId"])
                if made.extra:
                    self._depot.leave(tx, Leftover(upload.stamp, made.runs))
                await self._depot.place(tx, bucket, key, found, old)
                happening = Happening("ObjectCreated:CompleteMultipartUpload", key, found.size, found.etag)
                await self._depot.announce(tx, bucket, happening, origin, found.stamp)
                return found

            new = await self._depot.store.write(commit)
        return {
            "Location": f"{ctx.scheme}://{ctx.host}/{bucket.name}/{quote(key)}",
            "Bucket": bucket.name,
            "Key": key,
            "ETag": new.quoted_etag,
            "ServerSideEncryption": rules.ENCRYPTION,
            **checksum_members(new),
        }

    async def abort_multipart_upload(self, ctx: Context, params: Params) -> Params:
        """Drop an upload; its parts go soon after."""

        async def commit(tx: Tx) -> None:
            bucket, upload = await self._find(tx, ctx, params)
            UPLOADS.delete(tx, bucket.id, params["Key"], params["UploadId"])
            self._depot.leave(tx, Leftover(upload.stamp))

        await self._depot.store.write(commit)
        return {}

    async def list_parts(self, ctx: Context, params: Params) -> Params:
        """The parts of an upload so far, by number."""
        limit = page_size(params.get("MaxParts"), "max-parts")
        marker = _marker(params.get("PartNumberMarker"))
        bucket, upload = await self._find(self._depot.store, ctx, params)
        rest = PARTS.range(upload.stamp)._replace(start=PARTS.key(upload.stamp, marker + 1))
        found = await PARTS.scan(self._depot.store, rest, limit)
        more = bool(found) and bool(
            await PARTS.scan(self._depot.store, rest._replace(start=after(PARTS.key(*found[-1][0]))), 1)
        )
        owner = {"ID": owner_id(bucket.account)}
        output: Params = {
            "Bucket": bucket.name,
            "Key": params["Key"],
            "UploadId": params["UploadId"],
            "PartNumberMarker": marker,
            "NextPartNumberMarker": found[-1][0][1] if found else 0,
            "MaxParts": limit,
            "IsTruncated": more,
            "Parts": [_shown_part(parts[1], part, upload) for parts, part in found],
            "Initiator": owner,
            "Owner": owner,
            "StorageClass": upload.storage_class,
        }
        if upload.algorithm:
            output |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type}
        return output

    async def list_multipart_uploads(self, ctx: Context, params: Params) -> Params:
        """The uploads under way, by key and then by age."""
        limit = page_size(params.get("MaxUploads"), "max-uploads")
        encode = encoder(params)
        bucket = await find_bucket(self._depot.store, ctx, params)
        key_marker = params.get("KeyMarker") or ""
        upload_marker = (params.get("UploadIdMarker") or "") if key_marker else ""
        walk = Walk(
            bucket.id, params.get("Prefix") or "", params.get("Delimiter") or "", key_marker, True, limit, upload_marker
        )

        async def look(read: Reader) -> Page[Upload]:
            return await list_page(read, UPLOADS, walk)

        page = await self._depot.store.read(look)
        owner = {"ID": owner_id(bucket.account)}
        output: Params = {
            "Bucket": bucket.name,
            "KeyMarker": encode(key_marker),
            "UploadIdMarker": upload_marker,
            "Prefix": encode(walk.prefix),
            "MaxUploads": limit,
            "IsTruncated": page.truncated,
            "Uploads": [
                {
                    "Key": encode(key),
                    "UploadId": upload,
                    "Initiated": begun.initiated_ms // 1000,
                    "StorageClass": begun.storage_class,
                    "Owner": owner,
                    "Initiator": owner,
                }
                for (key, upload), begun in page.rows
            ],
            "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
        }
        if page.truncated:
            output["NextKeyMarker"] = encode(page.last)
            output["NextUploadIdMarker"] = page.rows[-1][0][1] if page.rows and page.rows[-1][0][0] == page.last else ""
        for name in ("Delimiter", "EncodingType"):
            if params.get(name):
                output[name] = params[name]
        return output

    async def _find(self, read: Reader, ctx: Context, params: Params) -> tuple[Bucket, Upload]:
        """Bucket and upload. Raises NoSuchUpload."""
        bucket = await find_bucket(read, ctx, params)
        upload = await UPLOADS.get(read, bucket.id, params["Key"], params["UploadId"])
        if upload is None:
            raise faults.no_such_upload(params["UploadId"])
        return bucket, upload

    async def _keep(self, ctx: Context, params: Params, received: Received, upload: Upload) -> Part:
        """Record a part whose body has come in, in place of an earlier one."""
        number, now_ms = params["PartNumber"], self._depot.clock.now_ms()
        algorithm = upload.algorithm or DEFAULT

        async def commit(tx: Tx) -> Part:
            bucket, current = await self._find(tx, ctx, params)
            old = await PARTS.get(tx, current.stamp, number)
            part = Part(
                stamp=tx.stamp(),
                size=received.size,
                etag=received.etag,
                modified_ms=now_ms,
                blob=received.blob_id,
                checksums={algorithm: received.checksums[algorithm]},
            )
            received.keep(tx, self._depot.blobs, part.stamp)
            PARTS.put(tx, (current.stamp, number), part)
            where = (bucket.id, params["Key"], params["UploadId"])
            UPLOADS.put(tx, where, msgspec.structs.replace(current, revision=part.stamp))
            if old is not None:
                self._depot.release(tx, old)
            return part

        return await self._depot.commit(received, commit)

    async def _all_parts(self, upload: Upload) -> dict[int, Part]:
        """Every part of the upload, by number."""
        found: dict[int, Part] = {}
        rest = PARTS.range(upload.stamp)
        while True:
            rows = await PARTS.scan(self._depot.store, rest, MAX_SCAN)
            found.update({parts[1]: part for parts, part in rows})
            if len(rows) < MAX_SCAN:
                return found
            rest = rest._replace(start=after(PARTS.key(*rows[-1][0])))


def _checksum_kind(params: Params) -> tuple[str, str]:
    """Algorithm (empty: the default) and type of a new upload's checksum."""
    named, kind = params.get("ChecksumAlgorithm"), params.get("ChecksumType")
    if named is None:
        if kind is not None:
            raise faults.invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return "", "FULL_OBJECT"
    algorithm = ALGORITHMS.get(named.upper())
    if algorithm is None:
        raise faults.invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            f"[{', '.join(ALGORITHMS)}]"
        )
    kind = kind or algorithm.default_type
    if kind not in ("COMPOSITE", "FULL_OBJECT"):
        raise faults.invalid_request("Value for x-amz-checksum-type header is invalid.")
    if not (algorithm.composite if kind == "COMPOSITE" else algorithm.full_object):
        raise faults.invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.name.lower()} checksum algorithm."
        )
    return algorithm.name, kind


def _check_number(number: int) -> None:
    if not 1 <= number <= faults.MAX_PART_NUMBER:
        raise faults.invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive", "partNumber", number
        )


def _marker(text: str | int | None) -> int:
    """The number behind which a list of parts begins."""
    if text is None:
        return 0
    if not str(text).isascii() or not str(text).isdigit() or len(str(text)) > 10:
        raise faults.invalid_argument(
            "Argument part-number-marker must be an integer between 0 and 2147483647", "part-number-marker", text
        )
    return int(text)


def _mismatch(expected: str, actual: str | None) -> AwsError:
    return faults.invalid_request(
        f"Checksum Type mismatch occurred, expected checksum Type: {expected.lower()}, actual checksum Type: "
        f"{(actual or 'null').lower()}"
    )


def _shown_part(number: int, part: Part, upload: Upload) -> Params:
    shown: Params = {
        "PartNumber": number,
        "LastModified": part.modified_ms // 1000,
        "ETag": part.quoted_etag,
        "Size": part.size,
    }
    if upload.algorithm:
        shown[f"Checksum{upload.algorithm}"] = part.checksums[upload.algorithm]
    return shown
