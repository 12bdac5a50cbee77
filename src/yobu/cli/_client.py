"""What the commands share that talk to a running node: where it is, its keys, its admin doors."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from yobu.base.errors import YobuError
from yobu.base.settings import Settings
from yobu.server import session


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A running node as a client sees it."""

    url: str
    region: str
    access_key: str
    secret_key: str
    ca: str | None = None


def add_endpoint(parser: argparse.ArgumentParser) -> None:
    """The two flags that say which node is meant."""
    parser.add_argument("--endpoint", help="the node's URL (default: YOBU_ENDPOINT, or the node of the data folder)")
    parser.add_argument("--data", type=Path, help="the node's data folder (default: YOBU_DATA or ./yobu-data)")


def find(args: argparse.Namespace) -> Endpoint:
    """The node that the flags, the environment or the data folder name; else the default address.

    Keys are those of the data folder (a node with `--auth`), else those of the environment, else the account's
    number, which a node without `--auth` takes.
    """
    folder = args.data or Path(os.environ.get("YOBU_DATA", Settings().data))
    said = session.read(folder)
    url = args.endpoint or os.environ.get("YOBU_ENDPOINT") or said.get("url") or _default_url()
    access_key = said.get("access_key") or os.environ.get("AWS_ACCESS_KEY_ID") or said.get("account") or "000000000000"
    secret_key = said.get("secret_key") or os.environ.get("AWS_SECRET_ACCESS_KEY") or "yobu"
    region = os.environ.get("AWS_REGION") or said.get("region") or Settings().region
    return Endpoint(url.rstrip("/"), region, access_key, secret_key, said.get("ca"))


def _default_url() -> str:
    return f"http://127.0.0.1:{os.environ.get('YOBU_PORT', Settings().port)}"


def client(node: Endpoint, service: str) -> Any:
    """A boto3 client of the node: unmodified, but with its address and keys said."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=node.url,
        region_name=node.region,
        aws_access_key_id=node.access_key,
        aws_secret_access_key=node.secret_key,
        verify=node.ca,
        config=Config(retries={"max_attempts": 0}, read_timeout=1000),
    )


def admin(node: Endpoint, method: str, door: str, params: dict[str, Any] | None = None) -> Any:
    """Call `/_yobu/<door>` and return its JSON. Raises YobuError with the node's own words."""
    with _open(node, method, door, params or {}) as answer:
        return json.load(answer)


def admin_lines(node: Endpoint, door: str, params: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Call a door that answers with JSON lines, as they come."""
    with _open(node, "GET", door, params) as answer:
        for line in answer:
            if line.strip():
                yield json.loads(line)


def _open(node: Endpoint, method: str, door: str, params: dict[str, Any]) -> Any:
    url, body = f"{node.url}/_yobu/{door}", None
    if method == "GET":
        url += "?" + urlencode({key: value for key, value in params.items() if value is not None})
    else:
        body = json.dumps(params).encode()
    context = ssl.create_default_context(cafile=node.ca) if url.startswith("https:") else None
    request = urllib.request.Request(url, body, _signed(node, method, url, body), method=method)  # noqa: S310
    try:
        return urllib.request.urlopen(request, context=context)  # noqa: S310  (the address is the user's own)
    except urllib.error.HTTPError as error:
        text = error.read().decode(errors="replace")
        with contextlib.suppress(ValueError, KeyError, TypeError):
            text = json.loads(text)["error"]
        raise YobuError(f"{node.url} refused {method} /_yobu/{door}: {text}") from None
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise YobuError(f"no node answers at {node.url} ({reason}); start one with: yobu up") from None


def _signed(node: Endpoint, method: str, url: str, body: bytes | None) -> dict[str, str]:
    """The headers of a signed request, so that the doors of a node with `--auth` open from elsewhere too."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    request = AWSRequest(method, url, {"Content-Type": "application/json"}, body)
    SigV4Auth(Credentials(node.access_key, node.secret_key), "yobu", node.region).add_auth(request)
    return dict(request.headers.items())
