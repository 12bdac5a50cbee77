"""Whole HTTP requests as bytes, signed ahead of the run, since a client would be the bottleneck."""

from __future__ import annotations

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEYS = Credentials("000000000000", "yobu")


class UnsignedPayload(S3SigV4Auth):
    """S3's signature over the headers alone, as SDKs send it over TLS: the same request fits any body."""

    def payload(self, request: AWSRequest) -> str:
        return "UNSIGNED-PAYLOAD"


def signed(port: int, service: str, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request of `service`; header names are given with underscores."""
    host = f"127.0.0.1:{port}"
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    request = AWSRequest(method, f"http://{host}{path}", {"Host": host, **sent}, body)
    auth = UnsignedPayload if service == "s3" else SigV4Auth
    auth(KEYS, service, "us-east-1").add_auth(request)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def dynamodb(port: int, operation: str, body: bytes) -> bytes:
    """A request of DynamoDB."""
    target = f"DynamoDB_20120810.{operation}"
    return signed(port, "dynamodb", "POST", "/", body, X_Amz_Target=target, Content_Type="application/x-amz-json-1.0")
