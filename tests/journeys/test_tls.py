"""A node with --tls: HTTPS with its own authority, HTTP/2, and functions that still reach it."""

from __future__ import annotations

import json
import shlex
import socket
import ssl
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import SSLError
from h2 import events
from h2.connection import H2Connection
from tests.journeys.calling import call
from tests.journeys.commands import run
from tests.journeys.running import REGION, RunningNode, clean_environment, create_function

WHO = "import boto3\n\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Account']\n"


class SecureNode(RunningNode):
    """A node with --tls, whose clients trust its authority."""

    @property
    def ca(self) -> Path:
        return self.data / "tls" / "ca.pem"

    def client(self, service: str, **more: Any) -> Any:
        return super().client(service, **{"verify": str(self.ca), **more})


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureNode]:
    node = SecureNode(tmp_path_factory.mktemp("tls") / "data", "--tls")
    node.start()
    yield node
    assert node.stop() == 0
    assert "Traceback" not in node.log.read_text()


def http2(connection: socket.socket, path: str, body: bytes | None = None) -> tuple[str, bytes]:
    """Status and body of one request over HTTP/2."""
    h2 = H2Connection()
    h2.initiate_connection()
    method = "GET" if body is None else "POST"
    head = [(":method", method), (":path", path), (":scheme", "https"), (":authority", "localhost")]
    h2.send_headers(1, head, end_stream=body is None)
    if body is not None:
        h2.send_data(1, body, end_stream=True)
    connection.sendall(h2.data_to_send())
    status, answer = "", b""
    while data := connection.recv(65536):
        for event in h2.receive_data(data):
            if isinstance(event, events.ResponseReceived):
                status = dict(event.headers)[b":status"].decode()
            elif isinstance(event, events.DataReceived):
                answer += event.data
                h2.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, events.StreamEnded):
                return status, answer
        connection.sendall(h2.data_to_send())
    raise AssertionError("the connection ended")


def connect(node: RunningNode) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(node.url.rpartition(":")[2])), timeout=10)


def test_boto3_trusts_the_authority(secure: SecureNode) -> None:
    assert secure.url.startswith("https://127.0.0.1:")
    s3 = secure.client("s3")
    s3.create_bucket(Bucket="docs")
    s3.put_object(Bucket="docs", Key="k", Body=b"z" * 2_000_000)
    assert s3.get_object(Bucket="docs", Key="k")["Body"].read() == b"z" * 2_000_000


def test_who_does_not_know_the_authority_is_warned(secure: SecureNode) -> None:
    with pytest.raises(SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        secure.client("s3", verify=True).list_buckets()


def test_the_exports_name_the_authority(secure: SecureNode) -> None:
    exports = run("env", "--data", str(secure.data)).stdout
    assert f"export AWS_CA_BUNDLE={secure.ca}" in exports
    script = f"{exports}\n{shlex.quote(sys.executable)} -c {shlex.quote(SDK)}"
    done = subprocess.run(
        ["/bin/sh", "-c", script], capture_output=True, text=True, env=clean_environment(), timeout=30, check=True
    )
    assert done.stdout == f"{REGION}\n"


SDK = 'import boto3; f = boto3.client("lambda"); f.list_functions(); print(f.meta.region_name)'


def test_the_commands_trust_it(secure: SecureNode) -> None:
    create_function(secure, "echo", "def handler(event, context):\n    return event\n")
    where = ("--data", str(secure.data))
    assert run("invoke", "echo", "--event", "7", *where).stdout == "7\n"
    assert json.loads(run("status", "--json", *where).stdout)["url"] == secure.url


def test_functions_reach_the_node(secure: SecureNode) -> None:
    create_function(secure, "who", WHO)
    assert call(secure, "who") == "000000000000"


def test_the_private_keys_are_for_their_owner(secure: SecureNode) -> None:
    for path in (secure.data / "tls").glob("*key*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_certificate_stays_after_a_restart(own_node: RunningNode) -> None:
    own_node.flags = ("--tls",)
    own_node.start()
    before = (own_node.data / "tls" / "ca.pem").read_bytes()
    own_node.stop()
    own_node.start()
    assert (own_node.data / "tls" / "ca.pem").read_bytes() == before


def test_http_2_by_alpn(secure: SecureNode) -> None:
    context = ssl.create_default_context(cafile=str(secure.ca))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with connect(secure) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
        assert connection.selected_alpn_protocol() == "h2"
        status, body = http2(connection, "/_yobu/health")
    assert (status, json.loads(body)["status"]) == ("200", "ok")


def test_http_1_by_alpn(secure: SecureNode) -> None:
    context = ssl.create_default_context(cafile=str(secure.ca))
    with urllib.request.urlopen(f"{secure.url}/_yobu/health", context=context, timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"


def test_http_2_by_prior_knowledge(node: RunningNode) -> None:
    create_function(node, "echo", "def handler(event, context):\n    return event\n")
    with connect(node) as connection:
        status, body = http2(connection, "/2015-03-31/functions/echo/invocations", b'{"over": "http2"}')
    assert (status, json.loads(body)) == ("200", {"over": "http2"})


def test_errors_over_http_2_are_aws_errors(node: RunningNode) -> None:
    with connect(node) as connection:
        status, body = http2(connection, "/2015-03-31/functions/nobody/invocations", b"{}")
    assert status == "404"
    assert "Function not found" in json.loads(body)["Message"]
