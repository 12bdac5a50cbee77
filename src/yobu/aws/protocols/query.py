"""The query protocol: a form with Action and Version in, XML out.

In come requests (form bodies, or the query string of a GET); out go params, and back.
https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import unquote_plus

from yobu.aws import times
from yobu.aws.http import Body, Params, Request, Response
from yobu.aws.protocols.port import Parse, Reply, Serialise
from yobu.aws.protocols.rest import from_text
from yobu.aws.protocols.xml_tree import Writer, escape
from yobu.aws.routes import query_pairs
from yobu.aws.shapes import Memo, OperationModel, ServiceModel, Shape, wire_name
from yobu.base.errors import AwsError

Form = dict[str, Any]
"""A form as a tree: `A.member.1=x` is {"A": {"member": {"1": {"": "x"}}}}; a value stands under the empty name."""
Read = Callable[[Form], Any]

MAX_DEPTH = 64


class BadField(Exception):
    """A form field that does not fit its shape."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def form_pairs(request: Request, body: bytes) -> list[tuple[str, str]]:
    """The fields of a request, those of the query string first. Raises AwsError for bytes that are no text."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise AwsError("MalformedInput", "The request body is not valid UTF-8") from error
    pairs = query_pairs(request.query)
    for part in text.split("&") if text else ():
        key, _, value = part.strip().partition("=")
        if key:
            pairs.append((unquote_plus(key), unquote_plus(value)))
    return pairs


def tree(pairs: list[tuple[str, str]]) -> Form:
    """The fields as a tree by the dots of their names."""
    root: Form = {}
    for key, value in pairs:
        node = root
        parts = key.split(".")
        if len(parts) > MAX_DEPTH:
            raise AwsError("MalformedInput", f"Unexpected list structure: {key[:64]}")
        for part in parts:
            node = node.setdefault(part, {}) if part else node
        node[""] = value
    return root


class FormReader:
    """Closures from form trees to params, by shape. They raise BadField."""

    def __init__(self) -> None:
        self._memo: Memo[Read] = Memo(self._build)

    def get(self, shape: Shape) -> Read:
        """The closure that turns a node into the shape's value."""
        return self._memo.get(shape)

    def _build(self, shape: Shape) -> Read:
        kind = shape.type_name
        if kind == "structure":
            return self._structure(shape)
        if kind == "list":
            return self._list(shape)
        return self._map(shape) if kind == "map" else _scalar(shape)

    def _structure(self, shape: Shape) -> Read:
        members: list[tuple[str, str, Read]] = []
        for name, member in shape.members.items():
            wire = wire_name(member, name)
            flattened = member.type_name == "list" and member.serialization.get("flattened")
            if flattened and "name" not in member.serialization:
                # A flattened list without a name of its own is named after its items.
                wire = wire_name(member.member, wire)
            members.append((wire, name, self._memo.get(member)))

        def read(node: Form) -> Params:
            return {name: convert(node[wire]) for wire, name, convert in members if wire in node}

        return read

    def _list(self, shape: Shape) -> Read:
        convert = self._memo.get(shape.member)
        item = "" if shape.serialization.get("flattened") else wire_name(shape.member, "member")
        return lambda node: [convert(child) for child in _numbered(node.get(item, {}) if item else node)]

    def _map(self, shape: Shape) -> Read:
        key_name, value_name = wire_name(shape.key, "key"), wire_name(shape.value, "value")
        key_of, value_of = self._memo.get(shape.key), self._memo.get(shape.value)
        entry = "" if shape.serialization.get("flattened") else "entry"

        def read(node: Form) -> dict[Any, Any]:
            found = {}
            for child in _numbered(node.get(entry, {}) if entry else node):
                if key_name not in child or value_name not in child:
                    raise BadField("Unexpected map structure: an entry lacks its key or value")
                found[key_of(child[key_name])] = value_of(child[value_name])
            return found

        return read


def _numbered(node: Form) -> list[Form]:
    """A node's children by number. The empty value of `Name=` is an empty list."""
    try:
        return [child for _, child in sorted((int(key), child) for key, child in node.items() if key)]
    except ValueError as error:
        raise BadField(f"Unexpected list structure: {next(iter(node))}") from error
    except TypeError as error:
        raise BadField("Duplicate list index") from error


def _scalar(shape: Shape) -> Read:
    if shape.type_name == "blob":
        convert: Callable[[str], Any] = _blob
    else:
        convert = from_text(shape, "iso8601")

    def read(node: Form) -> Any:
        text = node.get("")
        if text is None:
            raise BadField("Unexpected structure where a value is expected")
        try:
            return convert(text)
        except ValueError as error:
            raise BadField(f"Value ({text}) is not a valid {shape.type_name}") from error

    return read


def _blob(text: str) -> bytes:
    return b64decode(text, validate=True)


class QueryCodec:
    """One service's wire in the query protocol."""

    def __init__(self, model: ServiceModel) -> None:
        self._operations = frozenset(model.operation_names)
        self._namespace = model.metadata.get("xmlNamespace", "")
        self._reader = FormReader()
        self._writer = Writer(times.iso8601)

    def route(self, request: Request, body: bytes) -> str:
        """The operation that the field Action names."""
        pairs = dict(form_pairs(request, body))
        action = pairs.get("Action", "")
        if action in self._operations:
            return action
        if not action:
            raise AwsError("MissingAction", "The request must contain the parameter Action")
        version = pairs.get("Version") or "NO_VERSION_SPECIFIED"
        raise AwsError("InvalidAction", f"Could not find operation {action} for version {version}")

    def parser(self, operation: OperationModel) -> Parse:
        """Compile the way in."""
        shape = operation.input_shape
        if shape is None:
            return lambda request, body: {}
        read = self._reader.get(shape)

        def parse(request: Request, body: bytes | Body) -> Params:
            try:
                return cast(Params, read(tree(form_pairs(request, cast(bytes, body)))))
            except BadField as error:
                raise AwsError("MalformedInput", error.text) from error

        return parse

    def serialiser(self, operation: OperationModel) -> Serialise:
        """Compile the way out."""
        shape = operation.output_shape
        name = operation.name
        begin = f'<{name}Response xmlns="{self._namespace}">' if self._namespace else f"<{name}Response>"
        end = f"</{name}Response>"
        wrapper = shape.serialization.get("resultWrapper", f"{name}Result") if shape is not None else ""
        content = self._writer.structure(shape, tuple(shape.members)) if shape is not None else None

        def serialise(reply: Reply) -> Response:
            out = [begin]
            if content is not None:
                out.append(f"<{wrapper}>")
                content(out, reply.output)
                out.append(f"</{wrapper}>")
            out.append(f"<ResponseMetadata><RequestId>{escape(reply.request_id)}</RequestId></ResponseMetadata>")
            out.append(end)
            headers = [("x-amzn-requestid", reply.request_id), ("content-type", "text/xml")]
            return Response(reply.status or 200, headers, "".join(out).encode())

        return serialise
