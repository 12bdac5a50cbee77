"""The two HTTP values that the wire code reads and makes. No I/O; bodies may be streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(slots=True)
class Request:
    """A request as it came: `path` and `query` are raw (percent-encoded, no `?`); header names lower-case.

    `headers` keeps every occurrence in order; `header(name)` gives the values joined by a comma.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    scheme: str = "http"
    peer: str = "127.0.0.1"
    http_version: str = "1.1"
    _index: dict[str, str] | None = field(default=None, repr=False)

    def header(self, name: str, default: str = "") -> str:
        """The value of the header `name` (lower-case), or `default`."""
        if self._index is None:
            index: dict[str, str] = {}
            for key, value in self.headers:
                index[key] = f"{index[key]},{value}" if key in index else value
            self._index = index
        return self._index.get(name, default)


@dataclass(slots=True)
class Response:
    """An answer: `body` is whole, or a stream of chunks.

    `length` is the body's length where the stream's is known; a stream without one is sent chunked. In the answer
    to a HEAD it is the length of the body that is not sent.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes | AsyncIterator[bytes] = b""
    length: int | None = None


Params = dict[str, Any]
"""An operation's input or output: AWS's member names, as in boto3 (timestamps: datetime or epoch seconds)."""


class Body(Protocol):
    """A request body as a stream of chunks, decoded from aws-chunked.

    `length` is the decoded length where the client said it; `trailers` (lower-case names) is filled at the end.
    Iterating raises AwsError where a chunk's signature, a length or the transfer is wrong.
    """

    length: int | None
    trailers: Mapping[str, str]

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The chunks, once."""
        ...


@dataclass(slots=True)
class Answer:
    """An operation's output where the members alone do not say it all (S3's 206 and 304, extra headers)."""

    output: Params
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
