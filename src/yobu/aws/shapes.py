"""A service's model as the codecs ask it: operations, shapes, their traits; and closures by shape.

In comes the description in botocore's service-2 format; out go typed views of it, made as they are asked for.
botocore.model has the same views, but importing it takes 120 ms and 20 MB (HTTP client, signers, awscrt), which a
node that never sends a request should not pay. Names and meanings are botocore's; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Generic, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

INTEGERS = frozenset({"integer", "long", "short", "byte", "biginteger"})
FLOATS = frozenset({"float", "double", "bigdecimal"})
TEXTS = frozenset({"string", "character", "blob", "timestamp", "boolean"}) | INTEGERS | FLOATS

_SERIALIZATION = (
    *("locationName", "queryName", "flattened", "location", "payload", "streaming", "timestampFormat", "xmlNamespace"),
    *("resultWrapper", "xmlAttribute", "eventstream", "event", "eventheader", "eventpayload", "jsonvalue"),
)
_METADATA = (
    "required",
    "min",
    "max",
    "pattern",
    "sensitive",
    "enum",
    "error",
    "exception",
    "fault",
    "document",
    "union",
)


class Shape:
    """A shape, or a reference to one with the reference's own traits on top.

    `serialization` holds the traits of the wire (`locationName` under `name`), `metadata` those of constraints and
    errors. `type_name` is `structure`, `list`, `map`, `string`, `blob`, `timestamp`, `boolean` or a number's.
    """

    def __init__(self, name: str, traits: Mapping[str, Any], shapes: Mapping[str, Mapping[str, Any]]) -> None:
        self.name = name
        self.type_name: str = traits["type"]
        self.serialization: dict[str, Any] = {key: traits[key] for key in _SERIALIZATION if key in traits}
        if "locationName" in self.serialization:
            self.serialization["name"] = self.serialization.pop("locationName")
        self.metadata: dict[str, Any] = {key: traits[key] for key in _METADATA if key in traits}
        self._traits = traits
        self._shapes = shapes

    def __repr__(self) -> str:
        return f"<{self.type_name} {self.name}>"

    def _refer(self, reference: Mapping[str, Any]) -> Shape:
        return refer(reference, self._shapes)

    @cached_property
    def members(self) -> dict[str, Shape]:
        """A structure's members."""
        return {name: self._refer(reference) for name, reference in self._traits.get("members", {}).items()}

    @cached_property
    def member(self) -> Shape:
        """A list's items."""
        return self._refer(self._traits["member"])

    @cached_property
    def key(self) -> Shape:
        """A map's keys."""
        return self._refer(self._traits["key"])

    @cached_property
    def value(self) -> Shape:
        """A map's values."""
        return self._refer(self._traits["value"])

    @property
    def enum(self) -> list[str]:
        """A string's permitted values, or none."""
        found: list[str] = self.metadata.get("enum", [])
        return found

    @property
    def required_members(self) -> list[str]:
        """The members that a structure must have."""
        found: list[str] = self.metadata.get("required", [])
        return found

    @property
    def error_code(self) -> str:
        """An exception's code on the wire."""
        found: str = self.metadata.get("error", {}).get("code") or self.name
        return found

    @property
    def is_document_type(self) -> bool:
        """Whether a structure is any JSON."""
        return bool(self.metadata.get("document"))

    @property
    def is_tagged_union(self) -> bool:
        """Whether a structure has exactly one of its members."""
        return bool(self.metadata.get("union"))

    @cached_property
    def event_stream_name(self) -> str | None:
        """The member that is a stream of events, or None."""
        return next((name for name, member in self.members.items() if member.serialization.get("eventstream")), None)


def refer(reference: Mapping[str, Any], shapes: Mapping[str, Mapping[str, Any]]) -> Shape:
    """The shape that a reference names, with the reference's traits over its own."""
    name = reference["shape"]
    return Shape(name, {**shapes[name], **reference} if len(reference) > 1 else shapes[name], shapes)


class OperationModel:
    """An operation: `http` holds `method`, `requestUri` and, where it is not 200, `responseCode`."""

    def __init__(self, name: str, description: Mapping[str, Any], shapes: Mapping[str, Mapping[str, Any]]) -> None:
        self.name = name
        self.http: Mapping[str, Any] = description["http"]
        self.deprecated = bool(description.get("deprecated"))
        self._description = description
        self._shapes = shapes

    def _shape(self, which: str) -> Shape | None:
        reference = self._description.get(which)
        return refer(reference, self._shapes) if reference else None

    @cached_property
    def input_shape(self) -> Shape | None:
        """The input's structure, or None where the operation takes nothing."""
        return self._shape("input")

    @cached_property
    def output_shape(self) -> Shape | None:
        """The output's structure, or None where the operation gives nothing."""
        return self._shape("output")

    @property
    def has_streaming_input(self) -> bool:
        """Whether the input's payload is a blob that may be streamed."""
        shape = self.input_shape
        payload = shape.members[shape.serialization["payload"]] if shape and "payload" in shape.serialization else None
        return payload is not None and payload.type_name == "blob" and bool(payload.serialization.get("streaming"))


class ServiceModel:
    """A service. `service_name` is botocore's name, such as `dynamodbstreams`."""

    def __init__(self, description: Mapping[str, Any], service_name: str) -> None:
        self.service_name = service_name
        self.metadata: Mapping[str, Any] = description["metadata"]
        self.protocol: str = self.metadata["protocol"]
        self.api_version: str = self.metadata["apiVersion"]
        self.signing_name: str = self.metadata.get("signingName", self.metadata["endpointPrefix"])
        self.is_query_compatible = "awsQueryCompatible" in self.metadata
        self._operations: Mapping[str, Mapping[str, Any]] = description["operations"]
        self._shapes: Mapping[str, Mapping[str, Any]] = description["shapes"]

    @property
    def operation_names(self) -> Iterable[str]:
        """All operations, in the model's order."""
        return self._operations.keys()

    def operation_model(self, name: str) -> OperationModel:
        """An operation. Raises KeyError."""
        return OperationModel(name, self._operations[name], self._shapes)

    @property
    def shape_names(self) -> Iterable[str]:
        """All shapes."""
        return self._shapes.keys()

    def shape_for(self, name: str) -> Shape:
        """A shape by its name. Raises KeyError."""
        return Shape(name, self._shapes[name], self._shapes)

    @cached_property
    def error_shapes(self) -> list[Shape]:
        """The exceptions."""
        return [self.shape_for(name) for name, traits in self._shapes.items() if traits.get("exception")]


def wire_name(shape: Shape, name: str) -> str:
    """A member's name on the wire."""
    found: str = shape.serialization.get("name", name)
    return found


def timestamp_format(shape: Shape, default: str) -> str:
    """`iso8601`, `rfc822` or `unixtimestamp`, in lower case."""
    found: str = shape.serialization.get("timestampFormat", default)
    return found.lower()


class Memo(Generic[F]):
    """Closures by shape, so that each is compiled once and a shape may hold itself.

    `build(shape)` makes a shape's closure and asks `get` for its members'. A shape that holds itself gets a
    forwarder to the closure that is still being made.
    """

    def __init__(self, build: Callable[[Shape], F]) -> None:
        self._build = build
        self._made: dict[str, F] = {}
        self._open: dict[str, list[F]] = {}

    def get(self, shape: Shape) -> F:
        """The shape's closure."""
        # A shape object is made anew for each reference, with the reference's own traits: those belong to the key.
        key = f"{shape.name} {sorted(shape.serialization.items(), key=str)}"
        if (made := self._made.get(key)) is not None:
            return made
        if (pending := self._open.get(key)) is not None:

            def forward(*args: Any) -> Any:
                return pending[0](*args)

            return forward  # type: ignore[return-value]
        cell = self._open[key] = []
        made = self._build(shape)
        cell.append(made)  # `forward`s that were handed out meanwhile now lead here
        del self._open[key]
        self._made[key] = made
        return made
