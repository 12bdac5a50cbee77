"""Request bodies: from the listener's pieces to bytes or a stream, decoded and checked on the way.

In: ASGI receive, the lengths and codings that the headers state. Out: bytes up to a limit, or a stream that reads
only as fast as it is read. Truncated, stalled, over-long and falsified bodies raise AwsError. Knows no operation.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Mapping
from hashlib import sha256

from yobu.aws.chunked import Decoder
from yobu.aws.http import Request
from yobu.base.errors import AwsError
from yobu.server.asgi import Message, Receive

IDLE_S = 60.0
"""How long a client may pause in the middle of a body."""

HashCheck = Callable[[str], "AwsError | None"]


class Incoming:
    """A request's body as it arrives. Read once, by `collect` or `chunks`.

    `length` is the Content-Length, None where the client did not say it; `touched` whether reading has begun (a
    client that waits for 100 Continue sends nothing before).
    """

    __slots__ = ("_ended", "_idle_s", "_receive", "length", "stalled", "touched")

    def __init__(self, receive: Receive, length: int | None, *, idle_s: float = IDLE_S) -> None:
        self._receive = receive
        self._idle_s = idle_s
        self.length = length
        self.touched = False
        self.stalled = False
        self._ended = length == 0

    @property
    def ended(self) -> bool:
        """Whether the whole body was read."""
        return self._ended

    async def collect(self, limit: int, too_large: Callable[[], AwsError]) -> bytes:
        """The whole body. Raises what `too_large` words above `limit` bytes, as soon as that is known."""
        if self._ended:
            return b""
        if self.length is not None and self.length > limit:
            raise too_large()
        body, more = await self._next()
        if more:
            gathered = bytearray(body)
            while more and len(gathered) <= limit:
                piece, more = await self._next()
                gathered += piece
            body = bytes(gathered)
        if len(body) > limit:
            raise too_large()
        return body

    async def chunks(self) -> AsyncIterator[bytes]:
        """The pieces as they come. Raises AwsError IncompleteBody or RequestTimeout."""
        more = not self._ended
        while more:
            chunk, more = await self._next()
            if chunk:
                yield chunk

    async def drain(self, limit: int) -> None:
        """Read and forget up to `limit` bytes of what is left."""
        more = not self._ended
        while more and limit > 0:
            try:
                chunk, more = await self._next()
            except AwsError:
                return
            limit -= len(chunk)

    async def _next(self) -> tuple[bytes, bool]:
        """The next piece, and whether more follow."""
        if self.touched:
            message = await self._in_time()
        else:
            # Nearly always it is here already. Where not, the listener hangs up on a client that sends nothing.
            self.touched = True
            message = await self._receive()
        if message["type"] != "http.request":
            raise AwsError(
                "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"
            )
        self._ended = not message["more_body"]
        return message["body"], message["more_body"]

    async def _in_time(self) -> Message:
        try:
            async with asyncio.timeout(self._idle_s):
                return await self._receive()
        except TimeoutError:
            self.stalled = True
            raise AwsError(
                "RequestTimeout",
                "Your socket connection to the server was not read from or written to within the timeout period. Idle "
                "connections will be closed.",
            ) from None


def incoming(request: Request, receive: Receive) -> Incoming:
    """The body of a request as its headers announce it."""
    stated = request.header("content-length")
    if stated:
        return Incoming(receive, int(stated) if stated.isdecimal() else None)
    chunked = request.http_version.startswith("2") or bool(request.header("transfer-encoding"))
    return Incoming(receive, None if chunked else 0)


class StreamedBody:
    """A body for an operation that takes a stream (aws.http.Body): decoded, counted and checked.

    `check` gets the SHA-256 (hex) of the whole payload at its end.
    """

    def __init__(
        self, source: Incoming, length: int | None, decoder: Decoder | None = None, check: HashCheck | None = None
    ) -> None:
        self.length = length
        self._source = source
        self._decoder = decoder
        self._check = check
        self.trailers: Mapping[str, str] = decoder.trailers if decoder is not None else {}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The payload, once."""
        pieces = self._source.chunks() if self._decoder is None else self._decoded(self._decoder)
        if self._check is None:
            async for piece in pieces:
                yield piece
            return
        digest = sha256()
        async for piece in pieces:
            digest.update(piece)
            yield piece
        wrong = self._check(digest.hexdigest())
        if wrong is not None:
            raise wrong

    async def _decoded(self, decoder: Decoder) -> AsyncIterator[bytes]:
        async for chunk in self._source.chunks():
            for piece in decoder.feed(chunk):
                yield piece
        decoder.finish()


async def gather(body: StreamedBody, limit: int, too_large: Callable[[], AwsError]) -> bytes:
    """A decoded body as bytes, for operations that take it whole. Raises what `too_large` words above `limit`."""
    if body.length is not None and body.length > limit:
        raise too_large()
    gathered = bytearray()
    async for piece in body:
        gathered += piece
        if len(gathered) > limit:
            raise too_large()
    return bytes(gathered)


def gunzip(body: bytes, limit: int, too_large: Callable[[], AwsError]) -> bytes:
    """A body under `Content-Encoding: gzip`, unpacked; above `limit` what `too_large` words, so that no bomb explodes.

    https://smithy.io/2.0/spec/behavior-traits.html#requestcompression-trait
    """
    unpacker = zlib.decompressobj(wbits=31)
    try:
        plain = unpacker.decompress(body, limit + 1)
    except zlib.error:
        raise _not_gzip() from None
    if len(plain) > limit:
        raise too_large()
    if not unpacker.eof or unpacker.unused_data:
        raise _not_gzip()
    return plain


def _not_gzip() -> AwsError:
    return AwsError("SerializationException", "The body does not match its Content-Encoding: gzip")
