"""Deployment packages on their way in: from the request or from S3 into a blob, checked before anything refers to it.

In: the `Code` of an operation. Out: a `Code` record whose blob nobody keeps yet: the caller's transaction keeps it,
or the caller discards it. Must not know functions.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, TypeVar

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.fleet.code import check
from yobu.services.lambda_.model import errors, rules, state
from yobu.services.port import Parts
from yobu.store.port import StoreFull, Transaction, Tx

T = TypeVar("T")


class Packages:
    """Brings packages in, and counts which of a function's versions use them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def take(self, ctx: Context, code: Params, operation: str) -> state.Code:
        """The package as a blob. Its caller commits or discards it.

        InvalidParameterValueException for no source, a missing S3 object or a bad archive;
        RequestEntityTooLargeException for more than 50 MB in the request.
        """
        data = await self._source(ctx, code, operation)
        digest = hashlib.sha256()

        async def hashed() -> AsyncIterator[bytes]:
            size = 0
            async for chunk in data:
                size += len(chunk)
                if size > rules.UNZIPPED_BYTES:
                    raise errors.unzipped_too_large()
                digest.update(chunk)
                yield chunk

        blob = await self._parts.blobs.add(hashed())
        try:
            await asyncio.to_thread(check, self._parts.blobs.path(blob.id))
        except AwsError as error:
            await self._parts.blobs.discard(blob.id)
            raise errors.invalid(error.message) from error
        return state.Code(blob.id, digest.hexdigest(), blob.size)

    async def commit(self, code: state.Code, change: Transaction[T]) -> T:
        """The result of the transaction that keeps the package; where it surely failed, the package is discarded."""
        try:
            return await self._parts.store.write(change)
        except (AwsError, StoreFull, ValueError):
            # After any other failure the commit may stand: the sweep at the next start decides.
            await self.discard(code)
            raise

    async def discard(self, code: state.Code) -> None:
        """Nothing refers to the package."""
        await self._parts.blobs.discard(code.blob)

    async def keep(self, tx: Tx, function_id: int, code: state.Code) -> None:
        """One version more of the function uses the package."""
        count = await state.PACKAGES.get(tx, function_id, code.blob)
        if not count:
            self._parts.blobs.keep(tx, code.blob)
        state.PACKAGES.put(tx, (function_id, code.blob), (count or 0) + 1)

    async def release(self, tx: Tx, function_id: int, code: state.Code) -> None:
        """One version fewer uses the package; the last one frees it."""
        count = await state.PACKAGES.get(tx, function_id, code.blob) or 0
        if count > 1:
            state.PACKAGES.put(tx, (function_id, code.blob), count - 1)
        else:
            state.PACKAGES.delete(tx, function_id, code.blob)
            self._parts.blobs.release(tx, code.blob)

    async def _source(self, ctx: Context, code: Params, operation: str) -> AsyncIterable[bytes]:
        """The package's bytes, from wherever they come."""
        archive, bucket = code.get("ZipFile"), code.get("S3Bucket")
        if archive is not None and (bucket or code.get("S3Key")):
            raise errors.invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
        if archive is not None:
            if len(archive) > rules.ZIP_BYTES:
                raise errors.package_too_large(operation)
            return _once(archive)
        if not bucket or not code.get("S3Key"):
            raise errors.invalid("Please provide a source for function code.")
        wanted = {"Bucket": bucket, "Key": code["S3Key"]}
        if code.get("S3ObjectVersion"):
            wanted["VersionId"] = code["S3ObjectVersion"]
        try:
            found = await self._parts.call(ctx, "s3", "GetObject", wanted)
        except AwsError as error:
            raise errors.invalid(
                f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
            ) from error
        body: Any = found.get("Body", b"")
        return _once(body) if isinstance(body, bytes) else body


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
