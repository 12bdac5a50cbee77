"""The wire of AWS's services: from a request to an operation and its params, from an output or error to a response.

In come requests (S3's in path style) and outputs; out go params and responses. No I/O but the first load of a
service's model. Knows nothing of rooms, signatures or accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from yobu.aws import models
from yobu.aws.constraints import Constraints
from yobu.aws.errors import Errors
from yobu.aws.http import Answer, Body, Params, Request, Response
from yobu.aws.protocols.json import JsonCodec
from yobu.aws.protocols.port import Codec, Parse, Reply, Serialise
from yobu.aws.protocols.query import QueryCodec
from yobu.aws.protocols.rest_json import RestJsonCodec
from yobu.aws.protocols.rest_xml import RestXmlCodec
from yobu.aws.protocols.rpc_cbor import CborCodec
from yobu.aws.shapes import OperationModel, ServiceModel
from yobu.base.errors import AwsError, YobuError

_CODECS: dict[str, Callable[[Any], Codec]] = {
    "json": JsonCodec,
    "query": QueryCodec,
    "rest-json": RestJsonCodec,
    "rest-xml": RestXmlCodec,
    "smithy-rpc-v2-cbor": CborCodec,
}


class Service:
    """One AWS service. Closures are compiled at the first use of an operation and direction."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self.name: str = model.service_name
        self.protocol: str = self.model.protocol
        self.signing_name: str = self.model.signing_name
        self.api_version: str = self.model.api_version
        offered = self.model.metadata.get("protocols") or [self.protocol]
        self._protocols = tuple(p for p in offered if p in _CODECS)
        if not self._protocols:
            raise YobuError(f"{self.name} speaks {self.protocol}, which yobu does not")
        self._operations = frozenset(self.model.operation_names)
        self._codecs: dict[str, Codec] = {}
        self._parsers: dict[tuple[str, str], Parse] = {}
        self._serialisers: dict[tuple[str, str], Serialise] = {}
        self._streams: dict[str, bool] = {}
        self._models: dict[str, OperationModel] = {}
        self._errors = Errors(self.model)
        self._constraints = Constraints(not_null=self.name == "lambda")

    def operation(self, name: str) -> OperationModel:
        """The model of an operation. Raises KeyError."""
        found = self._models.get(name)
        if found is None:
            if name not in self._operations:
                raise KeyError(name)
            found = self._models[name] = self.model.operation_model(name)
        return found

    def speaks(self, request: Request) -> str:
        """The protocol of a request, among those that the service offers."""
        protocols: tuple[str, ...] = self._protocols
        if len(protocols) == 1:
            return protocols[0]
        if request.header("smithy-protocol") and "smithy-rpc-v2-cbor" in protocols:
            return "smithy-rpc-v2-cbor"
        if request.header("x-amz-target") and "json" in protocols:
            return "json"
        return "query" if "query" in protocols else protocols[0]

    def _codec(self, protocol: str) -> Codec:
        codec = self._codecs.get(protocol)
        if codec is None:
            codec = self._codecs[protocol] = _CODECS[protocol](self.model)
        return codec

    def route(self, request: Request, body: bytes) -> str:
        """The operation's name. Raises AwsError, in the service's own words, where there is none."""
        return self._codec(self.speaks(request)).route(request, body)

    def streams_input(self, operation: str) -> bool:
        """Whether the operation's payload is a streaming blob, so that `parse` takes a Body."""
        found = self._streams.get(operation)
        if found is None:
            found = self._streams[operation] = self.operation(operation).has_streaming_input
        return found

    def parse(self, operation: str, request: Request, body: bytes | Body) -> Params:
        """The operation's input. Raises AwsError where the request does not fit the model."""
        key = (self.speaks(request), operation)
        parser = self._parsers.get(key)
        if parser is None:
            parser = self._parsers[key] = self._codec(key[0]).parser(self.operation(operation))
        return parser(request, body)

    def constraints(self, operation: str, params: Params) -> list[str]:
        """What the params break of the model's constraints, each in AWS's words, in AWS's order."""
        return self._constraints.check(self.operation(operation).input_shape, params)

    def serialise(self, operation: str, answer: Params | Answer, request_id: str, request: Request) -> Response:
        """The response of a success. Raises YobuError for a member that the model does not have."""
        key = (self.speaks(request), operation)
        serialiser = self._serialisers.get(key)
        if serialiser is None:
            serialiser = self._serialisers[key] = self._codec(key[0]).serialiser(self.operation(operation))
        if not isinstance(answer, Answer):
            return serialiser(Reply(answer, None, request_id, request))
        response = serialiser(Reply(answer.output, answer.status, request_id, request))
        if answer.headers:
            own = {name.lower() for name, _ in answer.headers}
            response.headers = [pair for pair in response.headers if pair[0] not in own] + answer.headers
        return response

    def error(self, error: AwsError, operation: str | None, request_id: str, request: Request) -> Response:
        """The response of a failure."""
        return self._errors.render(self.speaks(request), error, request_id, request)


class Catalogue:
    """All services of the installed botocore, each loaded at first use. `names` restricts it to some of them."""

    def __init__(self, names: Iterable[str] | None = None) -> None:
        self._source = models.loader()
        self._names = tuple(names) if names is not None else None
        self._services: dict[str, Service] = {}
        self._index: models.Index | None = None

    def service(self, name: str) -> Service:
        """A service by botocore's name. Raises UnknownService."""
        found = self._services.get(name)
        if found is None:
            found = self._services[name] = Service(models.load(self._source, name))
        return found

    @property
    def index(self) -> models.Index:
        """The services by target prefix, signing name and endpoint; made at first use."""
        if self._index is None:
            self._index = models.Index(self._source, self._names)
        return self._index

    def candidates(self, request: Request, signing_name: str | None) -> list[str]:
        """The services that a request may mean, the likeliest first.

        `signing_name`: the service of the signature's scope, where there is one. Of several candidates the first
        whose `route` finds an operation is meant.
        """
        return self.index.candidates(request, signing_name)
