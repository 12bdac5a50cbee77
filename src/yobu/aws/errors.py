"""An AwsError as each protocol puts it on the wire. The only place where errors are serialised.

In come an AwsError and the service's model; out goes a response: status, code with its prefix, members, headers.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec

from yobu.aws import cbor, times
from yobu.aws.http import Request, Response
from yobu.aws.protocols.json_tree import Encoder
from yobu.aws.protocols.rest import one_line, to_text
from yobu.aws.protocols.rest_xml import host_id
from yobu.aws.protocols.rpc_cbor import CborWriter
from yobu.aws.protocols.xml_tree import Writer, escape
from yobu.aws.shapes import ServiceModel, Shape, wire_name
from yobu.base.errors import AwsError

_encode = msgspec.json.Encoder(decimal_format="number").encode

# Errors that AWS's service framework raises before the service sees the request: DynamoDB shows where from.
_CORAL_SERVICE = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InternalFailure",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "NotImplemented",
        "SerializationException",
        "UnknownOperationException",
        "UnrecognizedClientException",
    }
)

# The codes that SQS's errors had in its query protocol, which clients still catch. Its model lost them when the
# service went over to JSON; where none stands here, code and shape have the same name.
_SQS = "AWS.SimpleQueueService"
_SQS_CODES = {
    "QueueDoesNotExist": f"{_SQS}.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
} | {
    name: f"{_SQS}.{name}"
    for name in (
        *("BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId"),
        *("MessageNotInflight", "PurgeQueueInProgress", "QueueDeletedRecently", "TooManyEntriesInBatchRequest"),
        "UnsupportedOperation",
    )
}

Headers = list[tuple[str, str]]


class Errors:
    """The error answers of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._s3 = model.service_name == "s3"
        self._dynamodb = model.service_name in ("dynamodb", "dynamodbstreams")
        self._prefix = f"com.amazonaws.dynamodb.v{model.api_version.replace('-', '')}#"
        self._json_type = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.0')}"
        self._encoder = Encoder()
        self._writer = Writer(times.iso8601)
        self._cbor = CborWriter()
        older = _SQS_CODES if model.service_name == "sqs" else {}
        self._shapes: dict[str, Shape] = {}
        self._codes: dict[str, str] = {}
        for shape in model.error_shapes:
            self._codes[shape.name] = older.get(shape.name, shape.error_code)
            self._shapes.setdefault(self._codes[shape.name], shape)
            self._shapes.setdefault(shape.name, shape)

    def status(self, error: AwsError) -> int:
        """The HTTP status: the model's where the error has only the default 400."""
        shape = self._shapes.get(error.code)
        if error.status == 400 and shape is not None:
            default = 500 if shape.metadata.get("fault") else 400
            modelled: int = shape.metadata.get("error", {}).get("httpStatusCode", default)
            return modelled
        return error.status

    def render(self, protocol: str, error: AwsError, request_id: str, request: Request) -> Response:
        """The error's response in one of the service's protocols."""
        if protocol == "json":
            return self._rpc_json(error, request_id)
        if protocol == "rest-json":
            return self._rest_json(error, request_id, request)
        if protocol == "smithy-rpc-v2-cbor":
            return self._rpc_cbor(error, request_id)
        if self._s3:
            return self._bare_xml(error, request_id, request)
        return self._xml(error, request_id, request)

    def _rpc_json(self, error: AwsError, request_id: str) -> Response:
        """json 1.0 and 1.1: `__type` and the message."""
        shape = self._shapes.get(error.code)
        body: dict[str, Any] = {"__type": self._type(error.code, shape)}
        if error.message:
            body[_message_key(error.code, shape)] = error.message
        body.update(self._members(error, shape))
        data = _encode(body)
        headers = [("x-amzn-requestid", request_id), ("content-type", self._json_type)]
        if self._dynamodb:
            headers.append(("x-amz-crc32", str(crc32(data))))
        self._query_compatible(error, shape, headers)
        headers.extend(error.headers.items())
        return Response(self.status(error), headers, data)

    def _type(self, code: str, shape: Shape | None) -> str:
        if self._dynamodb:
            if code in _CORAL_SERVICE:
                return f"com.amazon.coral.service#{code}"
            if code == "ValidationException":
                return f"com.amazon.coral.validate#{code}"
            return self._prefix + code
        name = code if shape is None else shape.name
        # Where the query protocol's code stands in x-amzn-query-error, here stands the shape with its namespace.
        return f"com.amazonaws.{self._model.service_name}#{name}" if self._model.is_query_compatible else name

    def _members(self, error: AwsError, shape: Shape | None) -> dict[str, Any]:
        """Members beside the message as JSON, without those that stand in headers."""
        if shape is None:
            return dict(error.members)
        known = {n: v for n, v in error.members.items() if n in shape.members and not _in_header(shape.members[n])}
        rest = {n: v for n, v in error.members.items() if n not in shape.members}
        return {**self._encoder.get(shape)(known), **rest}

    def _query_compatible(self, error: AwsError, shape: Shape | None, headers: Headers) -> None:
        if self._model.is_query_compatible:
            code = self._codes[shape.name] if shape is not None else error.code
            headers.append(("x-amzn-query-error", f"{code};{_fault(shape, self.status(error))}"))

    def _rpc_cbor(self, error: AwsError, request_id: str) -> Response:
        """rpc-v2-cbor: as json, in CBOR."""
        shape = self._shapes.get(error.code)
        body: dict[str, Any] = {"__type": shape.name if shape is not None else error.code}
        if error.message:
            body[_message_key(error.code, shape)] = error.message
        if shape is not None:
            body.update(self._cbor.get(shape)({n: v for n, v in error.members.items() if n in shape.members}))
        headers = [
            ("x-amzn-requestid", request_id),
            ("smithy-protocol", "rpc-v2-cbor"),
            ("content-type", "application/cbor"),
        ]
        self._query_compatible(error, shape, headers)
        headers.extend(error.headers.items())
        return Response(self.status(error), headers, cbor.encode(body))

    def _rest_json(self, error: AwsError, request_id: str, request: Request) -> Response:
        """rest-json: the code in x-amzn-errortype, the members in body and headers."""
        shape = self._shapes.get(error.code)
        body = self._members(error, shape)
        if error.message:
            body.setdefault(_message_key(error.code, shape), error.message)
        headers = [
            ("x-amzn-requestid", request_id),
            ("content-type", "application/json"),
            ("x-amzn-errortype", shape.name if shape is not None else error.code),
            *_header_members(error, shape),
            *error.headers.items(),
        ]
        return Response(self.status(error), headers, b"" if request.method == "HEAD" else _encode(body))

    def _bare_xml(self, error: AwsError, request_id: str, request: Request) -> Response:
        """S3: a bare Error. The answer to a HEAD and a 304 have no body."""
        status = self.status(error)
        second = host_id(request_id)
        headers = [("x-amz-request-id", request_id), ("x-amz-id-2", second), *error.headers.items()]
        if request.method == "HEAD" or status == 304:
            return Response(status, headers)
        members: dict[str, Any] = {"Code": error.code, "Message": error.message, **error.members}
        # S3 names the resource by its path unless it names bucket or key by themselves.
        if not error.members.keys() & {"BucketName", "Key", "Resource", "ArgumentName"}:
            members["Resource"] = request.path
        members |= {"RequestId": request_id, "HostId": second}
        out = ['<?xml version="1.0" encoding="UTF-8"?>\n<Error>']
        out.extend(f"<{name}>{escape(_plain(value))}</{name}>" for name, value in members.items() if value is not None)
        out.append("</Error>")
        headers.append(("content-type", "application/xml"))
        return Response(status, headers, "".join(out).encode())

    def _xml(self, error: AwsError, request_id: str, request: Request) -> Response:
        """query, and rest-xml but for S3: ErrorResponse with Type, Code and Message."""
        shape = self._shapes.get(error.code)
        code = self._codes[shape.name] if shape is not None else error.code
        status = self.status(error)
        namespace = self._model.metadata.get("xmlNamespace", "")
        out = [f'<ErrorResponse xmlns="{namespace}">' if namespace else "<ErrorResponse>"]
        out.append(f"<Error><Type>{_fault(shape, status)}</Type><Code>{escape(code)}</Code>")
        out.append(f"<Message>{escape(error.message)}</Message>")
        if shape is not None and error.members:
            names = (n for n in shape.members if n.lower() != "message" and not _in_header(shape.members[n]))
            self._writer.structure(shape, tuple(names))(out, dict(error.members))
        out.append(f"</Error><RequestId>{escape(request_id)}</RequestId></ErrorResponse>")
        headers = [("x-amzn-requestid", request_id), ("content-type", "text/xml")]
        headers += [*_header_members(error, shape), *error.headers.items()]
        return Response(status, headers, b"" if request.method == "HEAD" else "".join(out).encode())


def _in_header(member: Shape) -> bool:
    return bool(member.serialization.get("location") == "header")


def _header_members(error: AwsError, shape: Shape | None) -> Headers:
    if shape is None:
        return []
    return [
        (wire_name(member, name).lower(), one_line(to_text(member)(error.members[name])))
        for name, member in shape.members.items()
        if _in_header(member) and error.members.get(name) is not None
    ]


def _message_key(code: str, shape: Shape | None) -> str:
    """Whether the service spells it `message` or `Message`."""
    if shape is not None:
        for name in ("message", "Message"):
            if name in shape.members:
                return name
    return "Message" if code in ("SerializationException", "AccessDeniedException") else "message"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _fault(shape: Shape | None, status: int) -> str:
    """`Sender` or `Receiver`: whose mistake it was."""
    modelled = shape.metadata.get("error", {}) if shape is not None else {}
    if "senderFault" in modelled:
        return "Sender" if modelled["senderFault"] else "Receiver"
    if shape is not None and shape.metadata.get("fault"):
        return "Receiver"
    return "Receiver" if status >= 500 else "Sender"
