"""The rest-xml protocol, S3's among them: members in path, query, headers and an XML body.

In come requests (S3's already in path style); out go params, and back.
https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from hashlib import sha512
from typing import Any, cast

from yobu.aws import eventstream, times
from yobu.aws.http import Body, Params, Request, Response
from yobu.aws.protocols.port import Parse, Reply, Serialise
from yobu.aws.protocols.rest import BadValue, Inputs, Outputs
from yobu.aws.protocols.rest_json import raw
from yobu.aws.protocols.xml_tree import Malformed, Read, Reader, Writer, attribute_writer, local, parse_xml
from yobu.aws.routes import Miss, Router
from yobu.aws.shapes import OperationModel, ServiceModel, Shape, wire_name
from yobu.base.errors import AwsError

Fill = Callable[[Params, "bytes | Body"], None]
"""Puts the members of a body into the params."""

S3_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"

# botocore's model does not carry the root elements of S3's answers (its own parser never looks at them), but
# other clients do. From the API reference's response syntax of each operation.
_S3_ROOTS = {
    "CompleteMultipartUpload": "CompleteMultipartUploadResult",
    "CreateMultipartUpload": "InitiateMultipartUploadResult",
    "CreateSession": "CreateSessionResult",
    "DeleteObjects": "DeleteResult",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketAcl": "AccessControlPolicy",
    "GetBucketCors": "CORSConfiguration",
    "GetBucketLifecycle": "LifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketLogging": "BucketLoggingStatus",
    "GetBucketNotification": "NotificationConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
    "GetBucketRequestPayment": "RequestPaymentConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketWebsite": "WebsiteConfiguration",
    "GetObjectAcl": "AccessControlPolicy",
    "GetObjectAttributes": "GetObjectAttributesResponse",
    "GetObjectTagging": "Tagging",
    "ListBucketAnalyticsConfigurations": "ListBucketAnalyticsConfigurationResult",
    "ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsOutput",
    "ListBucketInventoryConfigurations": "ListInventoryConfigurationsResult",
    "ListBucketMetricsConfigurations": "ListMetricsConfigurationsResult",
    "ListBuckets": "ListAllMyBucketsResult",
    "ListDirectoryBuckets": "ListAllMyDirectoryBucketsResult",
    "ListMultipartUploads": "ListMultipartUploadsResult",
    "ListObjects": "ListBucketResult",
    "ListObjectsV2": "ListBucketResult",
    "ListObjectVersions": "ListVersionsResult",
    "ListParts": "ListPartsResult",
}
# GetBucketLocation's one member is the root element's text.
_S3_TEXT_ROOTS = {"GetBucketLocation": "LocationConstraint"}

_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def host_id(request_id: str) -> str:
    """S3's second request id: opaque to clients, so here derived from the first."""
    return b64encode(sha512(request_id.encode()).digest()).decode()


def malformed() -> AwsError:
    """S3's refusal of a body that does not fit."""
    return AwsError(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


class RestXmlCodec:
    """One service's wire in rest-xml."""

    def __init__(self, model: ServiceModel) -> None:
        self._router = Router(model.operation_model(name) for name in model.operation_names)
        self._s3 = model.service_name == "s3"
        self._namespace = S3_NAMESPACE if self._s3 else model.metadata.get("xmlNamespace", "")
        self._reader = Reader()
        self._writer = Writer(times.iso8601_millis if self._s3 else times.iso8601)

    def route(self, request: Request, body: bytes) -> str:
        """The operation that method, path, query and headers mean."""
        name = self._router.find(request)
        if isinstance(name, str):
            return name
        if self._s3 or name is Miss.METHOD:
            raise AwsError(
                "MethodNotAllowed",
                "The specified method is not allowed against this resource.",
                405,
                members={
                    "Method": request.method,
                    "ResourceType": "OBJECT" if request.path.count("/") > 1 else "BUCKET",
                },
            )
        raise AwsError("UnknownOperationException", "", 404)

    def parser(self, operation: OperationModel) -> Parse:
        """Compile the way in."""
        inputs = Inputs(operation)
        fill = self._body(operation, inputs)

        def parse(request: Request, body: bytes | Body) -> Params:
            try:
                params = inputs.read(request)
                if fill is not None:
                    fill(params, body)
            except BadValue as error:
                raise _invalid(error) from error
            except Malformed as error:
                raise malformed() from error
            return params

        return parse

    def _body(self, operation: OperationModel, inputs: Inputs) -> Fill | None:
        shape = operation.input_shape
        if shape is None:
            return None
        payload = shape.serialization.get("payload")
        if payload is None:
            if not inputs.body:
                return None
            read = self._reader.structure(shape, inputs.body)

            def fill(params: Params, body: bytes | Body) -> None:
                if body:
                    params.update(read(parse_xml(cast(bytes, body))))

            return fill
        member = shape.members[payload]
        if member.type_name == "blob" or member.serialization.get("eventstream"):
            streaming = member.serialization.get("streaming")

            def fill(params: Params, body: bytes | Body) -> None:
                if body or streaming:
                    params[payload] = body

        elif member.type_name == "string":

            def fill(params: Params, body: bytes | Body) -> None:
                if body:
                    params[payload] = _text(cast(bytes, body))

        else:
            root = wire_name(member, member.name) if self._s3 else None
            return _element(payload, root, self._reader.get(member))
        return fill

    def serialiser(self, operation: OperationModel) -> Serialise:
        """Compile the way out."""
        outputs = Outputs(operation)
        make = self._make_body(operation, outputs)

        def serialise(reply: Reply) -> Response:
            headers = self._headers(reply.request_id)
            status, length = outputs.write(reply.output, headers)
            status = reply.status or status
            if status in (204, 304):
                return Response(status, headers)
            content_type, body = make(reply.output)
            if content_type and not any(name == "content-type" for name, _ in headers):
                headers.append(("content-type", content_type))
            return Response(status, headers, body, length)

        return serialise

    def _headers(self, request_id: str) -> list[tuple[str, str]]:
        if self._s3:
            return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]
        return [("x-amzn-requestid", request_id)]

    def _make_body(self, operation: OperationModel, outputs: Outputs) -> Callable[[Params], tuple[str, Any]]:
        """The closure from an output to content type and body."""
        shape = operation.output_shape
        if shape is None or operation.http["method"] == "HEAD":
            return _nothing
        payload = shape.serialization.get("payload")
        if payload is None:
            if not outputs.body:
                return _nothing
            if self._s3 and operation.name in _S3_TEXT_ROOTS:
                return self._text_root(shape, _S3_TEXT_ROOTS[operation.name])
            root = _S3_ROOTS.get(operation.name, shape.name) if self._s3 else wire_name(shape, shape.name)
            return self._document(shape, outputs.body, root)
        member = shape.members[payload]
        if member.serialization.get("eventstream"):
            return self._events(payload, member)
        if member.type_name in ("blob", "string"):
            kind = "binary/octet-stream" if member.type_name == "blob" else "text/plain"
            if self._s3 and operation.name == "GetBucketPolicy":
                kind = "application/json"
            return lambda output: (kind, raw(output.get(payload)))
        document = self._document(member, tuple(member.members), wire_name(member, member.name))

        def body(output: Params) -> tuple[str, Any]:
            value = output.get(payload)
            return ("", b"") if value is None else document(value)

        return body

    def _document(self, shape: Shape, names: tuple[str, ...], root: str) -> Callable[[Params], tuple[str, Any]]:
        content = self._writer.structure(shape, names)
        attributes = attribute_writer(shape)
        begin = f'{_DECLARATION}<{root} xmlns="{self._namespace}"' if self._namespace else f"{_DECLARATION}<{root}"
        end = f"</{root}>"

        def document(value: Params) -> tuple[str, Any]:
            out = [begin, f"{attributes(value)}>" if attributes else ">"]
            content(out, value)
            out.append(end)
            return "application/xml", "".join(out).encode()

        return document

    def _text_root(self, shape: Shape, member: str) -> Callable[[Params], tuple[str, Any]]:
        text = self._writer.text(shape.members[member])
        tag = wire_name(shape.members[member], member)

        def document(output: Params) -> tuple[str, Any]:
            content = "" if output.get(member) is None else text(output[member])
            xml = f'{_DECLARATION}<{tag} xmlns="{self._namespace}">{content}</{tag}>'
            return "application/xml", xml.encode()

        return document

    def _events(self, name: str, shape: Shape) -> Callable[[Params], tuple[str, Any]]:
        frames = eventstream.Events(shape, self._event_body, "text/xml")
        return lambda output: (eventstream.CONTENT_TYPE, frames.stream(cast(AsyncIterator[Params], output[name])))

    def _event_body(self, shape: Shape, names: tuple[str, ...]) -> Callable[[Any], bytes]:
        element = self._writer.element(shape, shape.name)

        def body(value: Any) -> bytes:
            out: list[str] = []
            element(out, value)
            return "".join(out).encode()

        return body


def _nothing(output: Params) -> tuple[str, Any]:
    return "", b""


def _element(name: str, root: str | None, read: Read) -> Fill:
    def fill(params: Params, body: bytes | Body) -> None:
        if not body:
            return
        element = parse_xml(cast(bytes, body))
        if root is not None and local(element.tag) != root:
            raise Malformed(f"{root} expected")
        params[name] = read(element)

    return fill


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise AwsError("InvalidRequest", "The request body is not valid UTF-8") from error


def _invalid(error: BadValue) -> AwsError:
    if error.name in ("Bucket", "Key"):
        return AwsError("InvalidURI", "Couldn't parse the specified URI.", members={"URI": error.value})
    members = {"ArgumentName": error.name, "ArgumentValue": error.value}
    return AwsError("InvalidArgument", f"Invalid value for {error.name}", members=members)
