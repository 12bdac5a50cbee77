"""Event stream messages: AWS's binary frames, and the events of an operation's output as frames.

In come events (params of one member each) or bytes; out go frames or messages. No I/O.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html and
https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zlib import crc32

from yobu.aws import times
from yobu.aws.http import Params
from yobu.aws.shapes import Shape
from yobu.base.errors import AwsError, YobuError

CONTENT_TYPE = "application/vnd.amazon.eventstream"
MAX_HEADERS = 128 * 1024
MAX_PAYLOAD = 24 * 1024 * 1024

HeaderValue = bool | int | str | bytes | datetime | UUID
BodyMaker = Callable[[Shape, tuple[str, ...]], Callable[[Any], bytes]]
"""Compiles the encoder of an event's body: of a structure's members `names`, or of a whole payload member."""

_PRELUDE = struct.Struct(">III")
_FIXED = {2: ">b", 3: ">h", 4: ">i", 5: ">q"}


@dataclass(frozen=True, slots=True)
class Message:
    """One frame: its headers and payload."""

    headers: Mapping[str, HeaderValue]
    payload: bytes


class MalformedFrame(Exception):
    """Bytes that are no event stream message: a wrong checksum, length or header."""


def _header(name: str, value: HeaderValue) -> bytes:
    start = bytes([len(name)]) + name.encode()
    if isinstance(value, bool):
        return start + (b"\0" if value else b"\1")
    if isinstance(value, int):
        return start + (struct.pack(">Bi", 4, value) if -(1 << 31) <= value < 1 << 31 else struct.pack(">Bq", 5, value))
    if isinstance(value, str):
        text = value.encode()
        return start + struct.pack(">BH", 7, len(text)) + text
    if isinstance(value, bytes):
        return start + struct.pack(">BH", 6, len(value)) + value
    if isinstance(value, datetime):
        return start + struct.pack(">Bq", 8, round(times.epoch(value) * 1000))
    return start + b"\x09" + value.bytes


def encode(headers: Mapping[str, HeaderValue], payload: bytes = b"") -> bytes:
    """One frame."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    frame = b"".join((lengths, struct.pack(">I", crc32(lengths)), head, payload))
    return frame + struct.pack(">I", crc32(frame))


class FrameDecoder:
    """Takes bytes as they come and gives whole messages. Raises MalformedFrame."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are complete now."""
        self._buffer += data
        messages = []
        while len(self._buffer) >= 12:
            total, head, checksum = _PRELUDE.unpack_from(self._buffer)
            if crc32(self._buffer[:8]) != checksum:
                raise MalformedFrame("the prelude's checksum is wrong")
            if head > MAX_HEADERS or total < 16 + head or total - 16 - head > MAX_PAYLOAD:
                raise MalformedFrame("a length is out of bounds")
            if len(self._buffer) < total:
                break
            frame = bytes(self._buffer[:total])
            del self._buffer[:total]
            if crc32(frame[:-4]) != struct.unpack(">I", frame[-4:])[0]:
                raise MalformedFrame("the message's checksum is wrong")
            messages.append(Message(_headers(frame[12 : 12 + head]), frame[12 + head : -4]))
        return messages

    @property
    def pending(self) -> int:
        """Bytes of a message that is not complete yet."""
        return len(self._buffer)


def _headers(data: bytes) -> dict[str, HeaderValue]:
    found: dict[str, HeaderValue] = {}
    at = 0
    try:
        while at < len(data):
            end = at + 1 + data[at]
            name = data[at + 1 : end].decode()
            found[name], at = _value(data, data[end], end + 1)
    except (IndexError, struct.error, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise MalformedFrame("a header is malformed") from error
    if at != len(data):
        raise MalformedFrame("a header is cut off")
    return found


def _value(data: bytes, kind: int, at: int) -> tuple[HeaderValue, int]:
    if kind in (0, 1):
        return kind == 0, at
    if kind in _FIXED:
        form = _FIXED[kind]
        return struct.unpack_from(form, data, at)[0], at + struct.calcsize(form)
    if kind in (6, 7):
        end = at + 2 + struct.unpack_from(">H", data, at)[0]
        content = data[at + 2 : end]
        return (content if kind == 6 else content.decode()), end
    if kind == 8:
        return times.from_epoch(struct.unpack_from(">q", data, at)[0] / 1000), at + 8
    if kind == 9:
        return UUID(bytes=data[at : at + 16]), at + 16
    raise ValueError("unknown header type")


class Events:
    """The events of one output member as frames, compiled from its union shape."""

    def __init__(self, shape: Shape, body: BodyMaker, content_type: str) -> None:
        self._owner = shape.name
        self._content_type = content_type
        self._frames = {name: self._frame(name, event, body) for name, event in shape.members.items()}

    def _frame(self, name: str, event: Shape, body: BodyMaker) -> Callable[[Params], bytes]:
        exception = bool(event.metadata.get("exception"))
        kind: dict[str, HeaderValue] = (
            {":message-type": "exception", ":exception-type": name}
            if exception
            else {":message-type": "event", ":event-type": name}
        )
        in_head = tuple(n for n, m in event.members.items() if m.serialization.get("eventheader"))
        payload = next((n for n, m in event.members.items() if m.serialization.get("eventpayload")), None)
        rest = tuple(n for n in event.members if n not in in_head)
        content, make = self._payload(event, payload, rest, body)

        def frame(value: Params) -> bytes:
            headers = dict(kind)
            if content and (payload is None or value.get(payload) is not None):
                headers[":content-type"] = content
            headers.update((n, value[n]) for n in in_head if value.get(n) is not None)
            return encode(headers, make(value))

        return frame

    def _payload(
        self, event: Shape, payload: str | None, rest: tuple[str, ...], body: BodyMaker
    ) -> tuple[str, Callable[[Params], bytes]]:
        """The content type and the maker of an event's payload."""
        if payload is None:
            return (self._content_type, body(event, rest)) if rest else ("", lambda value: b"")
        member = event.members[payload]
        if member.type_name == "blob":
            return "application/octet-stream", lambda value: value.get(payload) or b""
        if member.type_name == "string":
            return "text/plain", lambda value: (value.get(payload) or "").encode()
        whole = body(member, tuple(member.members))
        return self._content_type, lambda value: b"" if value.get(payload) is None else whole(value[payload])

    def event(self, event: Params) -> bytes:
        """The frame of one event, a dict of one member."""
        if len(event) != 1:
            raise YobuError(f"an event of {self._owner} has exactly one member")
        ((name, value),) = event.items()
        return self._frames[name](value)

    def failure(self, error: AwsError) -> bytes:
        """The frame of an error in mid-stream: a modelled exception's, or an error message."""
        name = next((n for n in self._frames if n.lower() == error.code.lower()), None)
        if name is not None:
            return self._frames[name]({"message": error.message, **error.members})
        return encode({":message-type": "error", ":error-code": error.code, ":error-message": error.message})

    async def stream(self, events: AsyncIterator[Params], initial: bytes | None = None) -> AsyncIterator[bytes]:
        """The frames of all events; an AwsError becomes the last frame.

        `initial`: the body of the first frame of an RPC protocol, with the output's other members.
        """
        if initial is not None:
            yield encode(
                {":message-type": "event", ":event-type": "initial-response", ":content-type": self._content_type},
                initial,
            )
        try:
            async for event in events:
                yield self.event(event)
        except AwsError as error:
            yield self.failure(error)
