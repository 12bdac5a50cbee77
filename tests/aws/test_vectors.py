"""botocore's own protocol test vectors, turned round: its client's cases are ours as the server.

The vectors come with botocore's source package only: `make vectors` puts them in place, or YOBU_VECTORS names the
folder `tests/unit/protocols` of an unpacked one.
"""

from __future__ import annotations

import base64
import json
import math
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from botocore import model as botocore_model
from botocore.awsrequest import HeadersDict
from botocore.parsers import create_parser

from yobu.aws.http import Request, Response
from yobu.aws.service import Service
from yobu.aws.shapes import ServiceModel
from yobu.base.errors import AwsError

ROOT = Path(__file__).parents[2]
FOLDER = Path(os.environ.get("YOBU_VECTORS") or ROOT / ".vectors")
FOUND = (FOLDER / "input").is_dir()

LOST = "the params cannot be told from the request: the client leaves them out or changes them"
COMPRESSED = "requests are decompressed before they get here; the case has no body"
HOST = "the host's prefix and the endpoint's path are the client's; the case has no X-Amz-Target"
SHAPE_NAMES = "botocore's model does not tell a target shape's XML name from its member's, and no service needs it"
# Input cases that do not hold for a server.
CLIENT_ONLY: dict[str, str] = {
    "AwsJson10EndpointTrait": HOST,
    "AwsJson10EndpointTraitWithHostLabel": HOST,
    "AwsJson10HostWithPath": HOST,
    "BodyWithXmlName": SHAPE_NAMES,
    "MediaTypeHeaderInputBase64": "botocore takes the decoded JSON value in params, the case its text",
    "QueryEmptyQueryMaps": LOST,
    "QueryIdempotencyTokenAutoFill": LOST,
    "QueryProtocolIdempotencyTokenAutoFill": LOST,
    "RestJsonHostWithPath": HOST,
    "RestJsonHttpWithEmptyStructurePayload": LOST,
    "RestJsonHttpWithHeadersButNoPayload": LOST,
    "RestJsonQueryIdempotencyTokenAutoFill": LOST,
    "RestJsonQueryPrecedence": LOST,
    "RestXmlQueryPrecedence": LOST,
}


def suites(direction: str) -> Iterator[Any]:
    ignored = json.loads((FOLDER / "protocol-tests-ignore-list.json").read_text())["protocols"]
    for path in sorted((FOLDER / direction).glob("*.json")):
        if path.stem == "ec2":
            continue
        # What botocore's own parser does not pass cannot be a measure of what it is given.
        skip = (
            CLIENT_ONLY
            if direction == "input"
            else dict.fromkeys(
                ignored.get(path.stem, {}).get("output", {}).get("cases", []), "botocore's parser does not pass it"
            )
        )
        for suite in json.loads(path.read_text()):
            for case in suite["cases"]:
                reason = COMPRESSED if "ContentEncoding" in suite["description"] else skip.get(case["id"])
                marks = [pytest.mark.skip(reason=reason)] if reason else []
                yield pytest.param(suite, case, id=f"{path.stem}:{case['id']}", marks=marks)


def described(suite: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    metadata = {"endpointPrefix": "vectors", "serviceId": "vectors", **suite["metadata"]}
    operation = case["given"]
    return {"metadata": metadata, "shapes": suite["shapes"], "operations": {operation["name"]: operation}}


def service(suite: dict[str, Any], case: dict[str, Any]) -> Service:
    return Service(ServiceModel(described(suite, case), "vectors"))


def plain(value: Any) -> Any:
    """Values as the vectors spell them: seconds for times, text for bytes, names for special floats."""
    if isinstance(value, datetime):
        seconds = value.timestamp()
        return int(seconds) if seconds == int(seconds) else seconds
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def special(value: Any) -> Any:
    """The named special floats as floats."""
    if isinstance(value, dict):
        return {key: special(item) for key, item in value.items()}
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def present(value: dict[str, Any]) -> dict[str, Any]:
    """Members without those that are the same on the wire as absent ones."""
    return {name: item for name, item in value.items() if item not in (None, "", [], {})}


def request(case: dict[str, Any], cbor: bool) -> tuple[Request, bytes]:
    sent = case["serialized"]
    path, _, query = sent.get("uri", "/").partition("?")
    body = sent.get("body", "")
    data = base64.b64decode(body) if cbor else body.encode()
    headers = [(name.lower(), value) for name, value in sent.get("headers", {}).items()]
    return Request(sent.get("method", case["given"]["http"]["method"]), path, query, headers), data


@pytest.mark.skipif(not FOUND, reason="no vectors: run `make vectors`")
@pytest.mark.parametrize(("suite", "case"), list(suites("input")) if FOUND else [])
def test_input(suite: dict[str, Any], case: dict[str, Any]) -> None:
    wire = service(suite, case)
    got, body = request(case, "cbor" in wire.protocol)
    operation = wire.route(got, body)
    assert operation == case["given"]["name"]
    expected = dict(case["params"])
    if "queryParamsMapOfStringList" in expected:
        # The map of all further query keys: what has a member of its own is not repeated in it.
        bound = {member.serialization.get("name") for member in wire.operation(operation).input_shape.members.values()}
        others = {key: value for key, value in expected["queryParamsMapOfStringList"].items() if key not in bound}
        expected["queryParamsMapOfStringList"] = others
    assert present(plain(wire.parse(operation, got, body))) == present(expected)


def answer(wire: Service, case: dict[str, Any], got: Request) -> Response:
    name = case["given"]["name"]
    if "errorCode" in case:
        members = dict(case.get("error", {}))
        message = members.pop("message", members.pop("Message", case.get("errorMessage", "")))
        status = case["response"].get("status_code", 400)
        return wire.error(AwsError(case["errorCode"], message, status, members=members), name, "request-id", got)
    return wire.serialise(name, special(case["result"]), "request-id", got)


@pytest.mark.skipif(not FOUND, reason="no vectors: run `make vectors`")
@pytest.mark.parametrize(("suite", "case"), list(suites("output")) if FOUND else [])
def test_output(suite: dict[str, Any], case: dict[str, Any]) -> None:
    wire = service(suite, case)
    got = Request(case["given"]["http"]["method"], "/", "", [])
    response = answer(wire, case, got)
    assert isinstance(response.body, bytes)
    model = botocore_model.ServiceModel(described(suite, case), "vectors")
    shape = model.operation_model(case["given"]["name"]).output_shape
    if "errorCode" in case:
        shape = model.shape_for_error_code(case["errorCode"])
    elif wire.protocol == "query" and shape is not None:
        # The vectors' shapes lack what every model's have.
        shape.serialization["resultWrapper"] = f"{case['given']['name']}Result"
    heard = {"status_code": response.status, "headers": HeadersDict(response.headers), "body": response.body}
    parsed = create_parser(wire.protocol).parse(heard, shape)
    parsed.pop("ResponseMetadata", None)
    for members in parsed.values():
        if isinstance(members, dict):
            members.pop("x-amzn-requestid", None)  # where all headers are one map
    assert plain(parsed) == case.get("error" if "errorCode" in case else "result", {})
