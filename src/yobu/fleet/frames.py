"""Messages between the node and an environment, without I/O: bytes in, messages out.

A message is: length of the rest (4 bytes, big-endian), length of the header (4 bytes), header (JSON), body. The body
travels as it is: a payload is never encoded a second time. runtimes/python/bootstrap.py holds the other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

import msgspec

# A reply is at most 6 MB; an error's trace may be longer than any payload, but not without end.
MESSAGE_LIMIT_BYTES = 16 << 20

_LENGTHS = Struct(">II")


class BadMessage(Exception):
    """What came is no message."""


class Request(msgspec.Struct, omit_defaults=True):
    """The header of an event. Times in milliseconds."""

    id: str
    arn: str
    timeout_ms: int
    trace: str | None = None
    client: str | None = None


class Answer(msgspec.Struct):
    """The header of what an environment says.

    `id` is the event's, `type` the error's, `memory_kb` the process's highest use so far.
    """

    kind: str
    id: str = ""
    memory_kb: int = 0
    type: str | None = None


_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder(Answer).decode


def message(request: Request, body: bytes) -> bytes:
    """The bytes of an event on its way to an environment."""
    header = _ENCODE(request)
    return b"".join((_LENGTHS.pack(4 + len(header) + len(body), len(header)), header, body))


class Decoder:
    """Cuts what an environment sends into messages, however the bytes arrive."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._held = 0
        self._needed = 8

    @property
    def waiting(self) -> bool:
        """Whether a message has begun and is not whole yet."""
        return self._held > 0

    def feed(self, data: bytes) -> Iterator[tuple[Answer, bytes]]:
        """The messages that `data` completes. Raises BadMessage."""
        self._parts.append(data)
        self._held += len(data)
        # Nothing is joined before a message is whole: a long body costs one copy.
        while self._held >= self._needed:
            whole = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            rest, top = _LENGTHS.unpack_from(whole)
            if rest > MESSAGE_LIMIT_BYTES or top + 4 > rest:
                raise BadMessage(f"a message of {rest} bytes with a header of {top}")
            end = 4 + rest
            if len(whole) < end:
                self._parts, self._needed = [whole], end
                return
            self._parts, self._held, self._needed = [whole[end:]], len(whole) - end, 8
            yield _answer(whole[8 : 8 + top]), whole[8 + top : end]


def _answer(header: bytes) -> Answer:
    try:
        return _DECODE(header)
    except msgspec.MsgspecError as error:
        raise BadMessage(str(error)) from None
