"""The json 1.0 and 1.1 protocols: one path, X-Amz-Target names the operation, JSON both ways.

In come requests; out go params, and back. https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, cast
from zlib import crc32

import msgspec

from yobu.aws import eventstream
from yobu.aws.http import Body, Params, Request, Response
from yobu.aws.protocols.json_tree import Convert, Decoder, Encoder, WrongType
from yobu.aws.protocols.port import Parse, Reply, Serialise
from yobu.aws.shapes import OperationModel, ServiceModel, Shape
from yobu.base.errors import AwsError

_encode = msgspec.json.Encoder(decimal_format="number").encode
_decode = msgspec.json.Decoder().decode


def serialization_error(message: str) -> AwsError:
    """The refusal of a body that does not fit the operation's input."""
    return AwsError("SerializationException", message)


def unknown_operation() -> AwsError:
    """The refusal of a missing or unknown X-Amz-Target. AWS sends no message."""
    return AwsError("UnknownOperationException", "")


def decode_json(body: bytes, convert: Convert) -> Any:
    """A body through a closure of json_tree. Raises AwsError SerializationException."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise serialization_error("") from error
    try:
        return convert(value)
    except WrongType as error:
        # Of a bare scalar AWS says as little as of what is no JSON.
        raise serialization_error(str(error) if isinstance(value, dict | list) else "") from error


def json_body(encoder: Encoder) -> eventstream.BodyMaker:
    """How an event's members become the JSON body of its frame."""

    def make(shape: Shape, names: tuple[str, ...]) -> Callable[[Any], bytes]:
        convert = encoder.structure(shape, names) if shape.type_name == "structure" else encoder.get(shape)
        return lambda value: _encode(convert(value))

    return make


class JsonCodec:
    """One service's wire in json 1.0 or 1.1."""

    def __init__(self, model: ServiceModel) -> None:
        self._operations = frozenset(model.operation_names)
        self.content_type = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"
        self._checksum = model.service_name in ("dynamodb", "dynamodbstreams")
        self._decoder = Decoder()
        self._encoder = Encoder()

    def route(self, request: Request, body: bytes) -> str:
        """The operation after the last dot of X-Amz-Target."""
        name = request.header("x-amz-target").rpartition(".")[2]
        if name not in self._operations:
            raise unknown_operation()
        return name

    def parser(self, operation: OperationModel) -> Parse:
        """Compile the way in."""
        shape = operation.input_shape
        if shape is None:
            return lambda request, body: {}
        convert = self._decoder.get(shape)

        def parse(request: Request, body: bytes | Body) -> Params:
            return cast(Params, decode_json(cast(bytes, body), convert))

        return parse

    def serialiser(self, operation: OperationModel) -> Serialise:
        """Compile the way out."""
        shape = operation.output_shape
        if shape is None:
            return lambda reply: self._response(reply, b"{}" if reply.output is not None else b"")
        if shape.event_stream_name is not None:
            return self._streaming(shape, shape.event_stream_name)
        convert = self._encoder.get(shape)
        return lambda reply: self._response(reply, _encode(convert(reply.output)))

    def _response(self, reply: Reply, body: bytes) -> Response:
        headers = [("x-amzn-requestid", reply.request_id), ("content-type", self.content_type)]
        if self._checksum:
            headers.append(("x-amz-crc32", str(crc32(body))))
        return Response(reply.status or 200, headers, body)

    def _streaming(self, shape: Shape, member: str) -> Serialise:
        first = self._encoder.structure(shape, tuple(name for name in shape.members if name != member))
        frames = eventstream.Events(shape.members[member], json_body(self._encoder), self.content_type)

        def serialise(reply: Reply) -> Response:
            headers = [("x-amzn-requestid", reply.request_id), ("content-type", eventstream.CONTENT_TYPE)]
            initial = _encode(first(reply.output))
            events = cast(AsyncIterator[Params], reply.output[member])
            return Response(reply.status or 200, headers, frames.stream(events, initial))

        return serialise
