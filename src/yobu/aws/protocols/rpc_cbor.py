"""The rpc-v2-cbor protocol: the path names the operation, CBOR both ways.

In come requests; out go params, and back. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any, cast

from yobu.aws import cbor, eventstream, times
from yobu.aws.http import Body, Params, Request, Response
from yobu.aws.protocols.json import serialization_error, unknown_operation
from yobu.aws.protocols.json_tree import WrongType, wrong
from yobu.aws.protocols.port import Parse, Reply, Serialise
from yobu.aws.shapes import FLOATS, INTEGERS, Memo, OperationModel, ServiceModel, Shape, wire_name
from yobu.base.errors import YobuError

Convert = Callable[[Any], Any]


class CborReader:
    """Closures from decoded CBOR to params, by shape. They raise WrongType."""

    def __init__(self) -> None:
        self._memo: Memo[Convert] = Memo(self._build)

    def get(self, shape: Shape) -> Convert:
        """The closure that turns a data item into the shape's value."""
        return self._memo.get(shape)

    def _build(self, shape: Shape) -> Convert:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape)
        if kind == "list":
            return self._list(shape)
        if kind == "map":
            return self._map(shape)
        if kind == "timestamp":
            return _timestamp
        if kind in FLOATS:
            return _float
        if kind in INTEGERS:
            return _typed(int, "a Long" if kind == "long" else "an Integer")
        if kind == "boolean":
            return _typed(bool, "a Boolean")
        return _typed(bytes, "a Blob") if kind == "blob" else _typed(str, "a String")

    def _structure(self, shape: Shape) -> Convert:
        members = {wire_name(m, name): (name, self._memo.get(m)) for name, m in shape.members.items()}

        def read(value: Any) -> Params:
            if type(value) is not dict:
                raise wrong(value, "structure")
            out = {}
            for wire, item in value.items():
                if item is not None and wire in members:
                    name, convert = members[wire]
                    out[name] = convert(item)
            return out

        return read

    def _list(self, shape: Shape) -> Convert:
        convert = self._memo.get(shape.member)

        def read(value: Any) -> list[Any]:
            if type(value) is not list:
                raise wrong(value, "list")
            return [None if item is None else convert(item) for item in value]

        return read

    def _map(self, shape: Shape) -> Convert:
        convert = self._memo.get(shape.value)

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise wrong(value, "map")
            return {key: convert(item) for key, item in value.items() if item is not None}

        return read


def _typed(wanted: type, words: str) -> Convert:
    def read(value: Any) -> Any:
        if type(value) is not wanted:
            raise wrong(value, words)
        return value

    return read


def _float(value: Any) -> float:
    if type(value) not in (int, float):
        raise wrong(value, "a Double")
    try:
        return float(value)
    except OverflowError as error:
        raise WrongType("Numeric value out of range of double") from error


def _timestamp(value: Any) -> Any:
    if type(value) is not cbor.Tag or value.number != 1 or type(value.value) not in (int, float):
        raise WrongType("A timestamp must be epoch seconds with tag 1")
    try:
        return times.from_epoch(value.value)
    except ValueError as error:
        raise WrongType(str(error)) from error


class CborWriter:
    """Closures from params to encodable values, by shape. Members that are None are left out."""

    def __init__(self) -> None:
        self._memo: Memo[Convert] = Memo(self._build)

    def get(self, shape: Shape) -> Convert:
        """The closure that turns the shape's value into what cbor.encode takes."""
        return self._memo.get(shape)

    def structure(self, shape: Shape, names: tuple[str, ...]) -> Convert:
        """As `get`, for only the members `names`; others in the value are passed over."""
        write = self._structure(shape, names)
        wanted = frozenset(names)
        return lambda value: write({name: item for name, item in value.items() if name in wanted})

    def _build(self, shape: Shape) -> Convert:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape, tuple(shape.members))
        if kind == "list":
            convert = self._memo.get(shape.member)
            return lambda value: [None if item is None else convert(item) for item in value]
        if kind == "map":
            convert = self._memo.get(shape.value)
            return lambda value: {key: None if item is None else convert(item) for key, item in value.items()}
        if kind == "timestamp":
            return lambda value: cbor.Tag(1, float(times.epoch(value)))
        if kind in FLOATS:
            return float
        if kind == "blob":
            return lambda value: value.encode() if isinstance(value, str) else value
        return lambda value: int(value) if isinstance(value, Decimal) else value

    def _structure(self, shape: Shape, names: tuple[str, ...]) -> Convert:
        owner = shape.name
        members = {name: (wire_name(shape.members[name], name), self._memo.get(shape.members[name])) for name in names}

        def write(value: Params) -> dict[str, Any]:
            out = {}
            for name, item in value.items():
                if item is None:
                    continue
                if name not in members:
                    raise YobuError(f"{owner} has no member {name}")
                wire, convert = members[name]
                out[wire] = convert(item)
            return out

        return write


class CborCodec:
    """One service's wire in rpc-v2-cbor."""

    def __init__(self, model: ServiceModel) -> None:
        self._operations = frozenset(model.operation_names)
        self._reader = CborReader()
        self._writer = CborWriter()

    def route(self, request: Request, body: bytes) -> str:
        """The operation of `/service/<prefix>/operation/<name>`."""
        name = request.path.rpartition("/")[2]
        if name not in self._operations:
            raise unknown_operation()
        return name

    def parser(self, operation: OperationModel) -> Parse:
        """Compile the way in."""
        shape = operation.input_shape
        if shape is None:
            return lambda request, body: {}
        convert = self._reader.get(shape)

        def parse(request: Request, body: bytes | Body) -> Params:
            try:
                return cast(Params, convert(cbor.decode(cast(bytes, body)) if body else {}))
            except WrongType as error:
                raise serialization_error(str(error)) from error
            except cbor.MalformedCbor as error:
                raise serialization_error(f"Malformed CBOR: {error}") from error

        return parse

    def serialiser(self, operation: OperationModel) -> Serialise:
        """Compile the way out."""
        shape = operation.output_shape
        if shape is None:
            return lambda reply: Response(reply.status or 200, _headers(reply.request_id, ""))
        if shape.event_stream_name is not None:
            return self._streaming(shape, shape.event_stream_name)
        convert = self._writer.get(shape)

        def serialise(reply: Reply) -> Response:
            body = cbor.encode(convert(reply.output))
            return Response(reply.status or 200, _headers(reply.request_id, "application/cbor"), body)

        return serialise

    def _streaming(self, shape: Shape, member: str) -> Serialise:
        first = self._writer.structure(shape, tuple(name for name in shape.members if name != member))
        frames = eventstream.Events(shape.members[member], self._event_body, "application/cbor")

        def serialise(reply: Reply) -> Response:
            events = cast(AsyncIterator[Params], reply.output[member])
            headers = _headers(reply.request_id, eventstream.CONTENT_TYPE)
            return Response(reply.status or 200, headers, frames.stream(events, cbor.encode(first(reply.output))))

        return serialise

    def _event_body(self, shape: Shape, names: tuple[str, ...]) -> Callable[[Any], bytes]:
        structured = shape.type_name == "structure"
        convert = self._writer.structure(shape, names) if structured else self._writer.get(shape)
        return lambda value: cbor.encode(convert(value))


def _headers(request_id: str, content_type: str) -> list[tuple[str, str]]:
    headers = [("x-amzn-requestid", request_id), ("smithy-protocol", "rpc-v2-cbor")]
    if content_type:
        headers.append(("content-type", content_type))
    return headers
