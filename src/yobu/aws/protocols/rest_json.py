"""The rest-json protocol: members in path, query, headers and a JSON body.

In come requests; out go params, and back. https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec

from yobu.aws import eventstream
from yobu.aws.http import Body, Params, Request, Response
from yobu.aws.protocols.json import decode_json, json_body, serialization_error
from yobu.aws.protocols.json_tree import Decoder, Encoder
from yobu.aws.protocols.port import Parse, Reply, Serialise
from yobu.aws.protocols.rest import BadValue, Inputs, Outputs
from yobu.aws.routes import Router
from yobu.aws.shapes import OperationModel, ServiceModel, Shape
from yobu.base.errors import AwsError

_encode = msgspec.json.Encoder(decimal_format="number").encode


def no_route() -> AwsError:
    """How AWS's REST services refuse a path or method that none of their operations has."""
    return AwsError("AccessDeniedException", "Unable to determine service/operation name to be authorized", 403)


class RestJsonCodec:
    """One service's wire in rest-json."""

    def __init__(self, model: ServiceModel) -> None:
        # Lambda says of every payload that it is JSON.
        self._blob_type = "application/json" if model.service_name == "lambda" else "application/octet-stream"
        self._router = Router(model.operation_model(name) for name in model.operation_names)
        self._decoder = Decoder()
        self._encoder = Encoder()

    def route(self, request: Request, body: bytes) -> str:
        """The operation that method and path mean."""
        name = self._router.find(request)
        if not isinstance(name, str):
            raise no_route()
        return name

    def parser(self, operation: OperationModel) -> Parse:
        """Compile the way in."""
        inputs = Inputs(operation)
        fill = self._body(operation, inputs)

        def parse(request: Request, body: bytes | Body) -> Params:
            try:
                params = inputs.read(request)
            except BadValue as error:
                raise serialization_error(f"Invalid value for {error.name}: {error.value}") from error
            if fill is not None:
                fill(params, body)
            return params

        return parse

    def _body(self, operation: OperationModel, inputs: Inputs) -> Any:
        """The closure that puts the body's members into the params, or None where there is no body."""
        shape = operation.input_shape
        if shape is None:
            return None
        payload = shape.serialization.get("payload")
        if payload is not None:
            return self._payload(payload, shape.members[payload])
        if not inputs.body:
            return None
        convert = self._decoder.structure(shape, inputs.body)

        def fill(params: Params, body: bytes) -> None:
            if body:
                params.update(decode_json(body, convert))

        return fill

    def _payload(self, name: str, shape: Shape) -> Any:
        if shape.type_name == "blob" or shape.serialization.get("eventstream"):
            streaming = shape.serialization.get("streaming")

            def fill(params: Params, body: bytes | Body) -> None:
                if body or streaming:
                    params[name] = body

        elif shape.type_name == "string":

            def fill(params: Params, body: bytes | Body) -> None:
                if body:
                    params[name] = _text(cast(bytes, body))

        else:
            convert = self._decoder.get(shape)

            def fill(params: Params, body: bytes | Body) -> None:
                if body:
                    params[name] = decode_json(cast(bytes, body), convert)

        return fill

    def serialiser(self, operation: OperationModel) -> Serialise:
        """Compile the way out."""
        outputs = Outputs(operation)
        make = self._make_body(operation, outputs)

        def serialise(reply: Reply) -> Response:
            headers = [("x-amzn-requestid", reply.request_id)]
            status, length = outputs.write(reply.output, headers)
            content_type, body = make(reply.output)
            status = reply.status or status
            if status in (204, 304):
                return Response(status, headers)
            if content_type and not any(name == "content-type" for name, _ in headers):
                headers.append(("content-type", content_type))
            return Response(status, headers, body, length)

        return serialise

    def _make_body(self, operation: OperationModel, outputs: Outputs) -> Any:
        """The closure from an output to content type and body."""
        shape = operation.output_shape
        if shape is None:
            return lambda output: ("", b"")
        payload = shape.serialization.get("payload")
        if payload is None:
            if not outputs.body:
                return lambda output: ("", b"")
            if shape.event_stream_name:
                return self._events(shape.event_stream_name, shape.members[shape.event_stream_name])
            convert = self._encoder.structure(shape, outputs.body)
            return lambda output: ("application/json", _encode(convert(output)))
        member = shape.members[payload]
        if member.serialization.get("eventstream"):
            return self._events(payload, member)
        if member.type_name in ("blob", "string"):
            kind = self._blob_type if member.type_name == "blob" else "text/plain"
            return lambda output: (kind, raw(output.get(payload)))
        convert = self._encoder.get(member)

        def body(output: Params) -> tuple[str, bytes]:
            value = output.get(payload)
            return "application/json", b"" if value is None else _encode(convert(value))

        return body

    def _events(self, name: str, shape: Shape) -> Any:
        frames = eventstream.Events(shape, json_body(self._encoder), "application/json")
        return lambda output: (eventstream.CONTENT_TYPE, frames.stream(cast(AsyncIterator[Params], output[name])))


def raw(value: Any) -> Any:
    """A blob or string payload as a body: bytes, a stream, or nothing."""
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else value


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise serialization_error("The request body is not valid UTF-8") from error
