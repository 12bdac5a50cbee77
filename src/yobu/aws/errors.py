"""An AwsError as each protocol puts it on the wire. The only place where errors are serialised.

In come an AwsError and the service's model; out goes a response: status, code with its prefix, members, headers.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import msgspec
from botocore.model import ServiceModel, Shape

from yobu.aws import cbor, times
from yobu.aws.http import Request, Response
from yobu.aws.protocols.json_tree import Encoder
from yobu.aws.protocols.rest_xml import host_id
from yobu.aws.protocols.rpc_cbor import CborWriter
from yobu.aws.protocols.xml_tree import Writer, escape
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


class Errors:
    """The error answers of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._s3 = model.service_name == "s3"
        self._dynamodb = model.service_name in ("dynamodb", "dynamodbstreams")
        self._prefix = f"com.amazonaws.dynamodb.v{model.api_version.replace('-', '')}#"
        self._shapes: dict[str, Shape] = {}
        for shape in model.error_shapes:
            self._shapes.setdefault(shape.error_code, shape)
            self._shapes.setdefault(shape.name, shape)

    def shape(self, code: str) -> Shape | None:
        """The modelled error of a code, whether spelt as its shape's name or as its wire code."""
        return self._shapes.get(code)

    def status(self, error: AwsError) -> int:
        """The HTTP status: the model's where the error has only the default 400."""
        shape = self._shapes.get(error.code)
        if error.status == 400 and shape is not None:
            modelled: int = shape.metadata.get("error", {}).get("httpStatusCode", 400)
            return modelled
        return error.status

    def _members(self, error: AwsError, encoder: Encoder) -> dict[str, Any]:
        """Further members as JSON."""
        shape = self._shapes.get(error.code)
        if shape is None or not error.members:
            return dict(error.members)
        known = {name: item for name, item in error.members.items() if name in shape.members}
        rest = {name: item for name, item in error.members.items() if name not in shape.members}
        return {**encoder.get(shape)(known), **rest}

    def render(self, protocol: str, error: AwsError, request_id: str, request: Request) -> Response:
        """The error's response in one of the service's protocols."""
        if protocol == "json":
            return self.json(error, request_id)
        if protocol == "rest-json":
            return self.rest_json(error, request_id, request)
        if protocol == "rest-xml":
            return self.rest_xml(error, request_id, request)
        if protocol == "smithy-rpc-v2-cbor":
            return self.cbor(error, request_id)
        return self.query(error, request_id)

    def json(self, error: AwsError, request_id: str) -> Response:
        """json 1.0 and 1.1: `__type` and the message."""
        shape = self._shapes.get(error.code)
        body: dict[str, Any] = {"__type": self._type(error.code, shape)}
        if error.message:
            body[self._message_key(error.code, shape)] = error.message
        body.update(self._members(error, Encoder()))
        data = _encode(body)
        version = self._model.metadata.get("jsonVersion", "1.0")
        headers = [("x-amzn-requestid", request_id), ("content-type", f"application/x-amz-json-{version}")]
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
        if self._model.is_query_compatible:
            # The query protocol's code is in x-amzn-query-error; here stands the shape with its namespace.
            return f"com.amazonaws.{self._model.service_name}#{shape.name if shape is not None else code}"
        return code if shape is None else shape.name

    def _message_key(self, code: str, shape: Shape | None) -> str:
        if shape is not None:
            for name in ("message", "Message"):
                if name in shape.members:
                    return name
        return "Message" if code in ("SerializationException", "AccessDeniedException") else "message"

    def _query_compatible(self, error: AwsError, shape: Shape | None, headers: list[tuple[str, str]]) -> None:
        if self._model.is_query_compatible:
            code = shape.error_code if shape is not None else error.code
            headers.append(("x-amzn-query-error", f"{code};{_fault(error, shape, self.status(error))}"))

    def cbor(self, error: AwsError, request_id: str) -> Response:
        """rpc-v2-cbor: as json, with the shape's absolute name as `__type`."""
        shape = self._shapes.get(error.code)
        body: dict[str, Any] = {"__type": shape.name if shape is not None else error.code}
        if error.message:
            body[self._message_key(error.code, shape)] = error.message
        known = {n: v for n, v in error.members.items() if shape is not None and n in shape.members}
        if shape is not None and known:
            body.update(CborWriter().get(shape)(known))
        headers = [
            ("x-amzn-requestid", request_id),
            ("smithy-protocol", "rpc-v2-cbor"),
            ("content-type", "application/cbor"),
        ]
        self._query_compatible(error, shape, headers)
        headers.extend(error.headers.items())
        return Response(self.status(error), headers, cbor.encode(body))

    def rest_json(self, error: AwsError, request_id: str, request: Request) -> Response:
        """rest-json: the code in x-amzn-errortype, the members in the body."""
        shape = self._shapes.get(error.code)
        key = self._message_key(error.code, shape)
        body = self._members(error, Encoder())
        if error.message:
            body.setdefault(key, error.message)
        code = shape.name if shape is not None else error.code
        headers = [
            ("x-amzn-requestid", request_id),
            ("content-type", "application/json"),
            ("x-amzn-errortype", code),
            *error.headers.items(),
        ]
        return Response(self.status(error), headers, b"" if request.method == "HEAD" else _encode(body))

    def rest_xml(self, error: AwsError, request_id: str, request: Request) -> Response:
        """rest-xml: S3's bare Error, the others' ErrorResponse. A HEAD or 304 has no body."""
        if not self._s3:
            return self.query(error, request_id)
        status = self.status(error)
        second = host_id(request_id)
        headers = [("x-amz-request-id", request_id), ("x-amz-id-2", second)]
        headers.extend(error.headers.items())
        if request.method == "HEAD" or status == 304:
            return Response(status, headers)
        out = ['<?xml version="1.0" encoding="UTF-8"?>\n<Error>']
        members: dict[str, Any] = {"Code": error.code, "Message": error.message, **error.members}
        # S3 names the resource by its path unless it names bucket or key by themselves.
        if not error.members.keys() & {"BucketName", "Key", "Resource", "ArgumentName"}:
            members["Resource"] = request.path
        members |= {"RequestId": request_id, "HostId": second}
        out.extend(f"<{name}>{escape(_plain(value))}</{name}>" for name, value in members.items() if value is not None)
        out.append("</Error>")
        headers.append(("content-type", "application/xml"))
        return Response(status, headers, "".join(out).encode())

    def query(self, error: AwsError, request_id: str) -> Response:
        """query: ErrorResponse with Type, Code and Message."""
        shape = self._shapes.get(error.code)
        code = shape.error_code if shape is not None else error.code
        status = self.status(error)
        namespace = self._model.metadata.get("xmlNamespace", "")
        out = [f'<ErrorResponse xmlns="{namespace}">' if namespace else "<ErrorResponse>"]
        out.append(f"<Error><Type>{_fault(error, shape, status)}</Type><Code>{escape(code)}</Code>")
        out.append(f"<Message>{escape(error.message)}</Message>")
        if shape is not None and error.members:
            known = {n: v for n, v in error.members.items() if n in shape.members and n.lower() != "message"}
            Writer(times.iso8601).structure(shape, tuple(known))(out, known)
        out.append(f"</Error><RequestId>{escape(request_id)}</RequestId></ErrorResponse>")
        headers = [("x-amzn-requestid", request_id), ("content-type", "text/xml"), *error.headers.items()]
        return Response(status, headers, "".join(out).encode())


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _fault(error: AwsError, shape: Shape | None, status: int) -> str:
    """`Sender` or `Receiver`: whose mistake it was."""
    modelled = shape.metadata.get("error", {}) if shape is not None else {}
    if "senderFault" in modelled:
        return "Sender" if modelled["senderFault"] else "Receiver"
    return "Receiver" if status >= 500 else "Sender"
