"""ListObjectsV2 and ListObjects. In: context and parameters; out: answers, at the cost of their page.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from functools import partial
from urllib.parse import quote_plus

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.s3 import faults
from yobu.services.s3.depot import Depot
from yobu.services.s3.model import OBJECTS, Bucket, Object, find_bucket, owner_id
from yobu.services.s3.walk import Page, Walk, list_page
from yobu.store.port import MAX_SCAN, Reader


class Listing:
    """Both versions of the listing of objects."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def list_objects_v2(self, ctx: Context, params: Params) -> Params:
        """A page of keys; the next one follows by an opaque token."""
        encode = encoder(params)
        token = params.get("ContinuationToken")
        start_after = params.get("StartAfter") or ""
        after = start_after if token is None else read_token(token)
        bucket, page, limit = await self._page(ctx, params, after, token is not None)
        output = _described(params, page, limit, encode)
        output["KeyCount"] = len(page.rows) + len(page.prefixes)
        output["Contents"] = [
            _entry(parts[0], found, encode, bucket if params.get("FetchOwner") else None) for parts, found in page.rows
        ]
        if token is not None:
            output["ContinuationToken"] = token
        if start_after:
            output["StartAfter"] = encode(start_after)
        if page.truncated:
            output["NextContinuationToken"] = make_token(page.last)
        return output

    async def list_objects(self, ctx: Context, params: Params) -> Params:
        """Version 1: the next page follows by the last key, or by NextMarker where a delimiter rolls up."""
        encode = encoder(params)
        marker = params.get("Marker") or ""
        bucket, page, limit = await self._page(ctx, params, marker, True)
        output = _described(params, page, limit, encode)
        output["Marker"] = encode(marker)
        output["Contents"] = [_entry(parts[0], found, encode, bucket) for parts, found in page.rows]
        if page.truncated and params.get("Delimiter"):
            output["NextMarker"] = encode(page.last)
        return output

    async def _page(self, ctx: Context, params: Params, after: str, told: bool) -> tuple[Bucket, Page[Object], int]:
        limit = page_size(params.get("MaxKeys"), "maxKeys")
        bucket = await find_bucket(self._depot.store, ctx, params)
        walk = Walk(bucket.id, params.get("Prefix") or "", params.get("Delimiter") or "", after, told, limit)

        async def look(read: Reader) -> Page[Object]:
            return await list_page(read, OBJECTS, walk)

        return bucket, await self._depot.store.read(look), limit


def page_size(asked: int | None, name: str) -> int:
    """How many entries a page may have: what was asked for, at most 1,000."""
    if asked is not None and not 0 <= asked < 2**31:
        raise faults.invalid_argument(f"Argument {name} must be an integer between 0 and 2147483647", name, asked)
    return MAX_SCAN if asked is None else min(asked, MAX_SCAN)


def encoder(params: Params) -> Callable[[str], str]:
    """How names are written: as they are, or for URLs (with `encoding-type=url`, which XML's limits ask for)."""
    kind = params.get("EncodingType")
    if kind not in (None, "url"):
        raise faults.invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return str if kind is None else partial(quote_plus, safe="/*")


def make_token(last: str) -> str:
    """An opaque continuation token: the page goes on behind `last`."""
    return urlsafe_b64encode(b"1" + last.encode()).decode()


def read_token(token: str) -> str:
    """What `make_token` was given. Raises InvalidArgument."""
    try:
        raw = urlsafe_b64decode(token.encode())
        if raw[:1] == b"1":
            return raw[1:].decode()
    except (Base64Error, ValueError):
        raw = b""
    raise faults.invalid_argument("The continuation token provided is incorrect", "continuation-token", token)


def _described(params: Params, page: Page[Object], limit: int, encode: Callable[[str], str]) -> Params:
    """What both versions say of a page."""
    output: Params = {
        "IsTruncated": page.truncated,
        "Name": params["Bucket"],
        "Prefix": encode(params.get("Prefix") or ""),
        "MaxKeys": limit,
    }
    if params.get("Delimiter"):
        output["Delimiter"] = encode(params["Delimiter"])
    if params.get("EncodingType"):
        output["EncodingType"] = params["EncodingType"]
    if page.prefixes:
        output["CommonPrefixes"] = [{"Prefix": encode(prefix)} for prefix in page.prefixes]
    return output


def _entry(key: str, found: Object, encode: Callable[[str], str], owned: Bucket | None) -> Params:
    entry: Params = {
        "Key": encode(key),
        "LastModified": found.modified_s,
        "ETag": found.quoted_etag,
        "ChecksumAlgorithm": list(found.checksums),
        "ChecksumType": found.checksum_type,
        "Size": found.size,
        "StorageClass": found.storage_class,
    }
    if owned is not None:
        entry["Owner"] = {"ID": owner_id(owned.account)}
    return entry
