"""The aws-chunked coding of S3 uploads: signed, signed with trailers, unsigned with trailers.

In come the bytes of a request's body, however they are cut; out go the pieces of payload, then trailers. No I/O,
and no more is kept than the line or digest at hand.
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import sha256
from typing import Protocol

from yobu.aws.refusals import S3_MISMATCH
from yobu.base.errors import AwsError

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

MAX_LINE = 1024
MAX_TRAILER = 8 * 1024
MIN_CHUNK = 8192

_HEAD = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\Z")
_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+\Z")


class Chain(Protocol):
    """What checks the signatures (sigv4.ChunkChain)."""

    def sign(self, digest: str) -> str:
        """The signature of the next chunk."""
        ...

    def sign_trailer(self, digest: str) -> str:
        """The signature of the trailer."""
        ...


class _State(Enum):
    HEAD = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class Coding:
    """How a body is coded: x-amz-content-sha256, the decoded length, and the trailers that were announced.

    `chain` checks the signatures of a signed coding; None leaves them unchecked.
    """

    name: str
    length: int
    trailers: frozenset[str] = frozenset()
    chain: Chain | None = None


def coding(name: str, decoded_length: str, announced: str = "", chain: Chain | None = None) -> Coding:
    """From the headers x-amz-content-sha256, x-amz-decoded-content-length and x-amz-trailer. Raises AwsError."""
    if name not in (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER):
        raise AwsError(
            "InvalidRequest",
            "The value of x-amz-content-sha256 header is invalid.",
            members={"ArgumentName": "x-amz-content-sha256", "ArgumentValue": name},
        )
    if not (decoded_length.isascii() and decoded_length.isdigit()):
        raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", 411)
    names = frozenset(part.strip().lower() for part in announced.split(",") if part.strip())
    return Coding(name, int(decoded_length[:20]), names, chain)


class Decoder:
    """Decodes one body. `feed` until `done`; then `finish`, which also says whether the transfer was cut off."""

    def __init__(self, how: Coding) -> None:
        self.trailers: dict[str, str] = {}
        self.received = 0
        self._how = how
        self._signed = how.name != UNSIGNED_TRAILER
        self._state = _State.HEAD
        self._buffer = bytearray()
        self._left = 0
        self._size = 0
        self._number = 0
        self._small = False
        self._signature = ""
        self._digest = sha256()
        self._trailer_size = 0
        self._trailer_digest = sha256()

    @property
    def done(self) -> bool:
        """Whether the last chunk and the trailers are read."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> list[bytes]:
        """The payload in `data`. Raises AwsError where coding, length or a signature is wrong."""
        pieces: list[bytes] = []
        view = memoryview(data)
        while len(view):
            if self._state is _State.DATA:
                view = self._data(view, pieces)
            elif self._state is _State.DONE:
                # AWS's own examples end with one empty line too many.
                if bytes(view).strip(b"\r\n"):
                    raise _malformed("data after the last chunk")
                break
            else:
                line, view = self._line(view)
                if line is not None:
                    self._take_line(line)
        return pieces

    def finish(self) -> None:
        """Say that the transfer is over. Raises AwsError IncompleteBody where the body was cut off."""
        if self._state is _State.TRAILER and not self._buffer and self._complete():
            # Some clients leave the last empty line out.
            self._end()
        if self._state is not _State.DONE:
            raise AwsError("IncompleteBody", "The request body terminated unexpectedly")

    def _needs_trailer(self) -> bool:
        return self._how.name == SIGNED_TRAILER and self._how.chain is not None

    def _data(self, view: memoryview, pieces: list[bytes]) -> memoryview:
        piece = bytes(view[: self._left])
        self._left -= len(piece)
        self.received += len(piece)
        if self.received > self._how.length:
            raise _wrong_length()
        if self._how.chain is not None and self._signed:
            self._digest.update(piece)
        pieces.append(piece)
        if self._left == 0:
            self._state = _State.DATA_END
        return view[len(piece) :]

    def _line(self, view: memoryview) -> tuple[bytes | None, memoryview]:
        """The next whole line without its end, or None where it goes on in the next feed."""
        data = bytes(view[: MAX_LINE + 2])
        at = data.find(b"\n")
        part = data if at < 0 else data[:at]
        if len(self._buffer) + len(part) > MAX_LINE + 1:
            raise _malformed("a line is too long")
        self._buffer += part
        if at < 0:
            return None, view[len(part) :]
        line = bytes(self._buffer).removesuffix(b"\r")
        self._buffer.clear()
        return line, view[at + 1 :]

    def _take_line(self, line: bytes) -> None:
        if self._state is _State.HEAD:
            self._head(line)
        elif self._state is _State.DATA_END:
            if line:
                raise _malformed("a chunk is longer than its size")
            self._check_chunk()
            self._state = _State.HEAD
        elif line or (self._trailer_size and not self._complete()):
            self._trailer(line)
        else:
            self._end()

    def _complete(self) -> bool:
        """Whether the trailer's signature, or every announced trailer where there is none, has come."""
        if self._how.name == SIGNED_TRAILER:
            return "x-amz-trailer-signature" in self.trailers
        return self._how.trailers <= self.trailers.keys()

    def _head(self, line: bytes) -> None:
        match = _HEAD.match(line)
        if match is None or (self._signed and match[2] is None):
            raise _malformed("a chunk's head is malformed")
        size = int(match[1], 16)
        self._number += 1
        if size and self._small:
            members = {"Chunk": str(self._number), "BadChunkSize": str(self._size)}
            message = f"Only the last chunk is allowed to have a size less than {MIN_CHUNK} bytes"
            raise AwsError("InvalidChunkSizeError", message, 403, members=members)
        self._small = size < MIN_CHUNK
        self._size = self._left = size
        self._signature = (match[2] or b"").decode()
        self._digest = sha256()
        if size:
            self._state = _State.DATA
            return
        self._check_chunk()
        if self.received != self._how.length:
            raise _wrong_length()
        self._state = _State.TRAILER

    def _check_chunk(self) -> None:
        chain = self._how.chain
        if chain is None or not self._signed:
            return
        expected = chain.sign(self._digest.hexdigest())
        if not hmac.compare_digest(expected, self._signature):
            raise AwsError("SignatureDoesNotMatch", S3_MISMATCH, 403)

    def _trailer(self, line: bytes) -> None:
        self._trailer_size += len(line) + 2
        if self._trailer_size > MAX_TRAILER or self._how.name == SIGNED:
            raise _malformed_trailer()
        if not line:
            return
        try:
            name, colon, value = line.decode("ascii").partition(":")
        except UnicodeDecodeError as error:
            raise _malformed_trailer() from error
        name, value = name.strip().lower(), value.strip()
        if not colon or not _NAME.match(name) or name in self.trailers:
            raise _malformed_trailer()
        if name != "x-amz-trailer-signature":
            if name not in self._how.trailers:
                raise _malformed_trailer()
            self._trailer_digest.update(f"{name}:{value}\n".encode())
        self.trailers[name] = value

    def _end(self) -> None:
        signature = self.trailers.pop("x-amz-trailer-signature", None)
        if self._how.trailers != self.trailers.keys():
            raise _malformed_trailer()
        if self._needs_trailer() and self._how.chain is not None:
            expected = self._how.chain.sign_trailer(self._trailer_digest.hexdigest())
            if signature is None or not hmac.compare_digest(expected.encode(), signature.encode()):
                raise AwsError("SignatureDoesNotMatch", S3_MISMATCH, 403)
        self._state = _State.DONE


def encode(chunks: Iterable[bytes], chain: Chain | None = None) -> bytes:
    """A body as STREAMING-AWS4-HMAC-SHA256-PAYLOAD (with a chain) or with bare chunk sizes, for tests and benches."""
    out = bytearray()
    for chunk in (*chunks, b""):
        head = f"{len(chunk):x}"
        if chain is not None:
            head += f";chunk-signature={chain.sign(sha256(chunk).hexdigest())}"
        out += head.encode() + b"\r\n" + (chunk + b"\r\n" if chunk else b"")
    return bytes(out + b"\r\n")


def _malformed(detail: str) -> AwsError:
    return AwsError("InvalidRequest", f"The aws-chunked body is malformed: {detail}")


def _malformed_trailer() -> AwsError:
    return AwsError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )


def _wrong_length() -> AwsError:
    return AwsError(
        "IncompleteBody",
        "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header",
    )
