"""Bodies on their way in and out: short ones in the store, long ones in files, multipart objects as lists of parts.

In: a request's stream, or an object's record and a span. Out: a `Received` to be kept in a transaction, or bytes
and streams. Memory stays within a few blocks, however long a body is. It must not know operations.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace

from yobu.aws.http import Body
from yobu.services.s3 import faults
from yobu.services.s3.checksums import DEFAULT, Claim, Digest, check_md5, trailing
from yobu.services.s3.conditions import Span
from yobu.services.s3.model import BODIES, INLINE, PARTS, Object, Part, part_spans
from yobu.store.blobs import Blob, Blobs, Draft
from yobu.store.port import Store, Tx

_BLOCK = 1024 * 1024
"""What is written and hashed at once, in threads, while the next block comes in."""

_PARTS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Received:
    """A body that has come in whole and true to its claims: `data`, or the file `blob`.

    `algorithm` is the checksum that the client chose, or the default; `checksums` holds its value and those of the
    algorithms that were asked for besides.
    """

    size: int
    md5: bytes
    checksums: dict[str, str]
    algorithm: str
    chosen: bool
    data: bytes = b""
    blob: Blob | None = None

    @property
    def etag(self) -> str:
        """The MD5 in hexadecimal."""
        return self.md5.hex()

    @property
    def blob_id(self) -> str:
        """The file's id, or nothing."""
        return self.blob.id if self.blob is not None else ""

    def keep(self, tx: Tx, blobs: Blobs, stamp: int) -> None:
        """Keep the body, in the transaction of the record that names it."""
        if self.blob is not None:
            blobs.keep(tx, self.blob.id)
        elif self.size:
            BODIES.put(tx, (stamp,), self.data)

    async def discard(self, blobs: Blobs) -> None:
        """The transaction was refused: the file goes."""
        if self.blob is not None:
            await blobs.discard(self.blob.id)


async def receive(blobs: Blobs, body: Body | bytes | None, claim: Claim, also: Iterable[str] = ()) -> Received:
    """Take a body in and hold it to `claim`; `also` are further checksums to compute.

    Raises BadDigest, InvalidRequest, EntityTooLarge, and whatever the stream raises; then nothing is left behind.
    """
    length = len(body) if isinstance(body, bytes) else body.length if body is not None else 0
    if length is not None and length > faults.MAX_PUT_BYTES:
        raise faults.entity_too_large(length)
    intake = _Intake(body, claim, Digest({claim.algorithm or DEFAULT, *also}))
    return await intake.run(blobs)


@dataclass(slots=True)
class _Intake:
    """One body coming in."""

    body: Body | bytes | None
    claim: Claim
    digest: Digest
    size: int = 0
    value: str | None = None
    pieces: list[bytes] = field(default_factory=list)

    async def run(self, blobs: Blobs) -> Received:
        stream = aiter(_whole(self.body) if isinstance(self.body, bytes | None) else self.body)
        if not await self._fill(stream, INLINE):
            data = b"".join(self.pieces)
            self.digest.update(data)
            received = self._received(data)
            await self._check_late(received, _whole(data))
            return received
        async with await blobs.draft() as draft:
            await self._pour(draft, stream)
            received = self._received()
            blob = await draft.finish()
        try:
            await self._check_late(received, blobs.read(blob.id))
        except BaseException:
            await blobs.discard(blob.id)
            raise
        return replace(received, blob=blob)

    async def _fill(self, stream: AsyncIterator[bytes], most: int) -> bool:
        """Gather chunks until there are more than `most` bytes; whether there may be more to come."""
        held = sum(map(len, self.pieces))
        async for chunk in stream:
            self.pieces.append(chunk)
            held += len(chunk)
            self.size += len(chunk)
            if self.size > faults.MAX_PUT_BYTES:
                raise faults.entity_too_large(self.size)
            if held > most:
                return True
        return False

    async def _pour(self, draft: Draft, stream: AsyncIterator[bytes]) -> None:
        """Write and hash block after block, in threads, each while the next one comes in."""
        hashing: asyncio.Future[None] | None = None
        more = True
        try:
            while more:
                more = await self._fill(stream, _BLOCK)
                block = b"".join(self.pieces)
                self.pieces.clear()
                await draft.write(block)
                if hashing is not None:
                    await hashing
                hashing = asyncio.ensure_future(asyncio.to_thread(self.digest.update, block))
        finally:
            if hashing is not None:
                await hashing

    def _received(self, data: bytes = b"") -> Received:
        """The body as far as it is known, held to what was said of it."""
        md5, values = self.digest.md5, self.digest.values()
        check_md5(self.claim, md5)
        algorithm, self.value = self._said()
        if algorithm in values and self.value not in (None, values[algorithm]):
            raise faults.bad_checksum(algorithm)
        return Received(self.size, md5, values, algorithm or DEFAULT, algorithm is not None, data)

    def _said(self) -> tuple[str | None, str | None]:
        """Algorithm and value of the client's checksum, from headers or trailers."""
        algorithm, value = self.claim.algorithm, self.claim.value
        if value is not None or self.body is None or isinstance(self.body, bytes):
            return algorithm, value
        trailer = trailing(self.body.trailers)
        if trailer is None and algorithm is not None:
            raise faults.invalid_request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found."
            )
        if trailer is not None and algorithm not in (None, trailer[0]):
            raise faults.invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
        return trailer or (None, None)

    async def _check_late(self, received: Received, chunks: AsyncIterator[bytes]) -> None:
        """A trailer that nothing announced: read the body once more for its checksum."""
        algorithm = received.algorithm
        if algorithm in received.checksums:
            return
        late = Digest((algorithm,))
        async for chunk in chunks:
            late.update(chunk)
        received.checksums.update(late.values())
        if self.value != received.checksums[algorithm]:
            raise faults.bad_checksum(algorithm)


async def _whole(data: bytes | None) -> AsyncGenerator[bytes, None]:
    if data:
        yield data


class Gone(Exception):
    """The body was replaced between the look at its record and the opening: look again."""


class Readers:
    """Which multipart objects are being read: their parts must not go meanwhile. One node's memory."""

    def __init__(self) -> None:
        self._count: Counter[int] = Counter()

    def enter(self, upload: int) -> None:
        """A reader of the upload's parts begins."""
        self._count[upload] += 1

    def leave(self, upload: int) -> None:
        """It ends."""
        self._count[upload] -= 1
        if self._count[upload] <= 0:  # below, for a reader from before a reset
            del self._count[upload]

    def busy(self, upload: int) -> bool:
        """Whether anybody reads them."""
        return upload in self._count

    def clear(self) -> None:
        """Forget all readers."""
        self._count.clear()


class OpenBody:
    """A body as a stream, already open: its first chunk is here. Close it with `aclose` unless it is exhausted."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes, None], left: Callable[[], None]) -> None:
        self._first: bytes | None = first
        self._rest = rest
        self._left: Callable[[], None] | None = left

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks, once."""
        return self

    async def __anext__(self) -> bytes:
        """The next chunk."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        try:
            return await anext(self._rest)
        except BaseException:
            self._leave()
            raise

    async def aclose(self) -> None:
        """Let the files go."""
        self._first = None
        await self._rest.aclose()
        self._leave()

    def __del__(self) -> None:
        # An answer that nobody ever sent.
        self._leave()

    def _leave(self) -> None:
        left, self._left = self._left, None
        if left is not None:
            left()


@dataclass(frozen=True, slots=True)
class Bodies:
    """Opens the bodies of objects."""

    store: Store
    blobs: Blobs
    readers: Readers

    async def open(self, found: Object, span: Span) -> bytes | OpenBody:
        """The bytes `span` of the object: whole where they are inline, else a stream that holds its files.

        Raises Gone where the object has been replaced since its record was read.
        """
        if span.start == span.end:
            return b""
        if found.runs or found.blob:
            return await self._open_stream(found, span)
        data = await BODIES.get(self.store, found.stamp)
        if data is None:
            raise Gone
        return data if span == (0, len(data)) else data[span.start : span.end]

    async def _open_stream(self, found: Object, span: Span) -> OpenBody:
        self.readers.enter(found.upload)
        try:
            pieces = await self._pieces(found, span)
            stream = self._chunks(pieces)
            first = await anext(stream)
        except BaseException as error:
            self.readers.leave(found.upload)
            if isinstance(error, FileNotFoundError):
                raise Gone from None
            raise
        return OpenBody(first, stream, lambda: self.readers.leave(found.upload))

    async def _pieces(self, found: Object, span: Span) -> list[tuple[Part, Span]]:
        """The files that hold `span`, and the bytes of each."""
        if not found.runs:
            return [(Part(found.stamp, found.size, found.etag, found.modified_ms, found.blob), span)]
        wanted = [
            (number, Span(max(span.start, part.start) - part.start, min(span.end, part.end) - part.start))
            for number, part in part_spans(found.runs)
            if part.start < span.end and span.start < part.end
        ]
        pieces: list[tuple[Part, Span]] = []
        for at in range(0, len(wanted), _PARTS_AT_ONCE):
            some = wanted[at : at + _PARTS_AT_ONCE]
            parts = await PARTS.get_many(self.store, [(found.upload, number) for number, _ in some])
            for part, (_, inner) in zip(parts, some, strict=True):
                if part is None:
                    raise Gone
                pieces.append((part, inner))
        return pieces

    async def _chunks(self, pieces: list[tuple[Part, Span]]) -> AsyncGenerator[bytes, None]:
        for part, span in pieces:
            if part.blob:
                async for chunk in self.blobs.read(part.blob, span.start, span.end):
                    yield chunk
            else:
                data = await BODIES.get(self.store, part.stamp)
                if data is None:
                    raise FileNotFoundError(part.stamp)
                yield data[span.start : span.end]


async def whole(body: bytes | OpenBody) -> AsyncGenerator[bytes, None]:
    """The chunks of an opened body, and its end."""
    if isinstance(body, bytes):
        if body:
            yield body
        return
    try:
        async for chunk in body:
            yield chunk
    finally:
        await body.aclose()
