"""S3's older presigned URLs (Signature Version 2): read what one claims, check it against a secret.

boto3 still makes these by default in the oldest regions, us-east-1 among them. In come requests in path style, secrets
and times; out go `Signature`s and `Refusal`s. Only URLs: requests signed so in their header are refused (sigv4.read).
https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
"""

from __future__ import annotations

import base64
import hmac
from urllib.parse import unquote

from yobu.aws import times
from yobu.aws.http import Request
from yobu.aws.refusals import Reason, Refusal
from yobu.aws.routes import query_pairs
from yobu.aws.sigv4 import UNSIGNED, Signature

ALGORITHM = "AWS"

_SIGNED_PARAMETERS = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "cors",
        "defaultObjectAcl",
        "delete",
        "inventory",
        "lifecycle",
        "location",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "partNumber",
        "policy",
        "replication",
        "requestPayment",
        "response-cache-control",
        "response-content-disposition",
        "response-content-encoding",
        "response-content-language",
        "response-content-type",
        "response-expires",
        "restore",
        "select",
        "select-type",
        "storageClass",
        "tagging",
        "torrent",
        "uploadId",
        "uploads",
        "versionId",
        "versioning",
        "versions",
        "website",
    ]
)


def presigned(request: Request) -> bool:
    """Whether the URL carries a signature of this version."""
    return "AWSAccessKeyId=" in request.query and "Signature=" in request.query


def read(request: Request) -> Signature | Refusal:
    """What a presigned URL claims; `time` is when it expires, epoch seconds. It names neither region nor date."""
    if request.header("authorization"):
        return Refusal(Reason.TWO_SIGNATURES)
    query = dict(query_pairs(request.query))
    expires = query.get("Expires", "")
    if not (query.get("AWSAccessKeyId") and query.get("Signature") and expires.isascii() and expires.isdigit()):
        return Refusal(Reason.V2_INCOMPLETE)
    return Signature(
        query["AWSAccessKeyId"],
        date="",
        region="",
        service="s3",
        terminator=ALGORITHM,
        signed_headers=(),
        signature=query["Signature"],
        timestamp=expires,
        time=int(expires[:12]),
        token=query.get("x-amz-security-token") or request.header("x-amz-security-token") or None,
        payload=UNSIGNED,
    )


def verify(signature: Signature, request: Request, secret: str, now: float) -> Refusal | None:
    """Why the request, in path style, is not signed with `secret` or no longer good at `now`, or None."""
    if now > signature.time:
        facts = {"until": times.iso8601(signature.time), "now": times.iso8601(int(now))}
        return Refusal(Reason.V2_EXPIRED, facts)
    to_sign = string_to_sign(signature, request)
    if hmac.compare_digest(sign(to_sign, secret).encode(), signature.signature.encode()):
        return None
    facts = {"access_key": signature.access_key, "to_sign": to_sign, "signature": signature.signature, "canonical": ""}
    return Refusal(Reason.MISMATCH, facts)


def sign(to_sign: str, secret: str) -> str:
    """The signature of a string."""
    return base64.b64encode(hmac.digest(secret.encode(), to_sign.encode(), "sha1")).decode()


def string_to_sign(signature: Signature, request: Request) -> str:
    """What both sides sign: method, content headers, expiry, the x-amz headers (the URL may carry them), resource."""
    pairs = query_pairs(request.query)
    amz = {name.lower(): value for name, value in pairs if name.lower().startswith("x-amz-")}
    amz |= {name: " ".join(value.split()) for name, value in request.headers if name.startswith("x-amz-")}
    parameters = sorted((name, value) for name, value in _raw_pairs(request.query) if name in _SIGNED_PARAMETERS)
    resource = request.path
    if parameters:
        resource += "?" + "&".join(name if value is None else f"{name}={unquote(value)}" for name, value in parameters)
    lines = [request.method, request.header("content-md5"), request.header("content-type"), signature.timestamp]
    return "\n".join([*lines, *(f"{name}:{amz[name]}" for name in sorted(amz)), resource])


def _raw_pairs(query: str) -> list[tuple[str, str | None]]:
    """The parameters as sent; None stands for one without an equals sign."""
    parts = (part.partition("=") for part in query.split("&") if part)
    return [(name, value if equals else None) for name, equals, value in parts]
