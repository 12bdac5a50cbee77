"""A node with --auth: who comes in, and how who does not is told so, in each protocol."""

from __future__ import annotations

import configparser
import json
import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from tests.journeys.calling import call, code, refusal, status
from tests.journeys.commands import run
from tests.journeys.running import ACCOUNT, REGION, RunningNode, create_function, eventually

WHO = "import boto3\n\ndef handler(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
TRUST = '{"Version": "2012-10-17", "Statement": []}'


class GuardedNode(RunningNode):
    """A node with --auth, whose clients have its owner's keys unless they are told others."""

    def client(self, service: str, **more: Any) -> Any:
        access_key, secret = owner(self)
        return super().client(service, **{"aws_access_key_id": access_key, "aws_secret_access_key": secret, **more})


def owner(node: RunningNode) -> tuple[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(node.data / "credentials")
    return parser["default"]["aws_access_key_id"], parser["default"]["aws_secret_access_key"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedNode]:
    node = GuardedNode(tmp_path_factory.mktemp("auth") / "data", "--auth")
    node.start()
    yield node
    assert node.stop() == 0


SERVICES: dict[str, tuple[str, dict[str, Any]]] = {
    "s3": ("list_buckets", {}),
    "dynamodb": ("list_tables", {}),
    "lambda": ("list_functions", {}),
    "logs": ("describe_log_groups", {}),
    "iam": ("list_roles", {}),
    "sts": ("get_caller_identity", {}),
}


def ask(node: GuardedNode, service: str, **more: Any) -> Any:
    operation, params = SERVICES[service]
    return getattr(node.client(service, **more), operation)(**params)


@pytest.mark.parametrize("service", SERVICES)
def test_the_owners_keys_open_every_service(guarded: GuardedNode, service: str) -> None:
    assert ask(guarded, service)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_keys_are_readable_by_their_owner_only(guarded: GuardedNode) -> None:
    assert stat.S_IMODE((guarded.data / "credentials").stat().st_mode) == 0o600
    assert stat.S_IMODE((guarded.data / "node.json").stat().st_mode) == 0o600


WRONG_SECRET = {
    "s3": ("SignatureDoesNotMatch", 403),
    "dynamodb": ("InvalidSignatureException", 400),
    "lambda": ("InvalidSignatureException", 403),
    "logs": ("InvalidSignatureException", 400),
    "iam": ("SignatureDoesNotMatch", 403),
    "sts": ("SignatureDoesNotMatch", 403),
}
UNKNOWN_KEY = {
    "s3": ("InvalidAccessKeyId", 403),
    "dynamodb": ("UnrecognizedClientException", 400),
    "lambda": ("UnrecognizedClientException", 403),
    "logs": ("UnrecognizedClientException", 400),
    "iam": ("InvalidClientTokenId", 403),
    "sts": ("InvalidClientTokenId", 403),
}


@pytest.mark.parametrize("service", SERVICES)
def test_a_wrong_secret(guarded: GuardedNode, service: str) -> None:
    error = refusal(ask, node=guarded, service=service, aws_secret_access_key="wrong")
    assert (code(error), status(error)) == WRONG_SECRET[service]
    assert "The request signature we calculated does not match" in str(error)


@pytest.mark.parametrize("service", SERVICES)
def test_an_unknown_key(guarded: GuardedNode, service: str) -> None:
    error = refusal(ask, node=guarded, service=service, aws_access_key_id="AKIAIOSFODNN7EXAMPLE")
    assert (code(error), status(error)) == UNKNOWN_KEY[service]


def test_a_12_digit_key_opens_nothing(guarded: GuardedNode) -> None:
    assert code(refusal(ask, node=guarded, service="s3", aws_access_key_id=ACCOUNT)) == "InvalidAccessKeyId"


def send(node: RunningNode, service: str, path: str, **options: Any) -> tuple[int, str]:
    """Status and body of a request signed by hand; `at` is its time, `scope` and `region` its scope."""
    headers, method = dict(options.get("headers", {})), options.get("method", "GET")
    request = AWSRequest(method, node.url + path, headers, options.get("body"))
    if options.get("signed", True):
        signer = SigV4Auth(Credentials(*owner(node)), options.get("scope", service), options.get("region", REGION))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("botocore.auth.get_current_datetime", lambda: options.get("at", datetime.now(UTC)))
            signer.add_auth(request)
    sent = urllib.request.Request(request.url, request.body, dict(request.headers.items()), method=method)
    try:
        with urllib.request.urlopen(sent, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


TABLES = {"method": "POST", "body": b"{}", "headers": {"X-Amz-Target": "DynamoDB_20120810.ListTables"}}
ROLES = {
    "method": "POST",
    "body": b"Action=ListRoles&Version=2010-05-08",
    "headers": {"Content-Type": "application/x-www-form-urlencoded"},
}
FUNCTIONS = "/2015-03-31/functions/"


def test_requests_signed_by_hand_come_in(guarded: GuardedNode) -> None:
    assert send(guarded, "s3", "/", headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})[0] == 200
    assert send(guarded, "dynamodb", "/", **TABLES)[0] == 200
    assert send(guarded, "lambda", FUNCTIONS)[0] == 200
    assert send(guarded, "iam", "/", **ROLES)[0] == 200


@pytest.mark.parametrize(
    ("service", "path", "options", "expected", "words"),
    [
        ("s3", "/docs/k", {}, 403, "<Code>AccessDenied</Code>"),
        ("dynamodb", "/", TABLES, 400, "MissingAuthenticationTokenException"),
        ("lambda", FUNCTIONS, {}, 403, "Missing Authentication Token"),
        ("iam", "/", ROLES, 403, "<Code>MissingAuthenticationToken</Code>"),
    ],
)
def test_no_signature(
    guarded: GuardedNode, service: str, path: str, options: dict[str, Any], expected: int, words: str
) -> None:
    found, body = send(guarded, service, path, signed=False, **options)
    assert found == expected
    assert words in body


@pytest.mark.parametrize(
    ("service", "path", "options", "words"),
    [
        ("s3", "/", {"headers": {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}}, "<Code>RequestTimeTooSkewed</Code>"),
        ("dynamodb", "/", TABLES, "Signature expired: "),
        ("lambda", FUNCTIONS, {}, "Signature expired: "),
        ("iam", "/", ROLES, "Signature expired: "),
    ],
)
def test_a_date_of_yesterday(
    guarded: GuardedNode, service: str, path: str, options: dict[str, Any], words: str
) -> None:
    found, body = send(guarded, service, path, at=datetime.now(UTC) - timedelta(hours=20), **options)
    assert found in (400, 403)
    assert words in body


def test_the_scope_of_another_service(guarded: GuardedNode) -> None:
    found, body = send(guarded, "dynamodb", "/", **TABLES, scope="sns")
    assert found == 400
    assert "Credential should be scoped to correct service: 'dynamodb'" in body


def test_a_changed_body_is_noticed(guarded: GuardedNode) -> None:
    headers = {"x-amz-content-sha256": "0" * 64}
    guarded.client("s3").create_bucket(Bucket="body")
    found, answer = send(guarded, "s3", "/body/k", method="PUT", body=b"x", headers=headers)
    assert (found, "<Code>XAmzContentSHA256Mismatch</Code>" in answer) == (400, True)
    assert guarded.client("s3").list_objects_v2(Bucket="body")["KeyCount"] == 0


@pytest.mark.parametrize(("version", "expires"), [("s3v4", "X-Amz-Expires=60"), (None, "Expires=")])
def test_a_presigned_url_opens_one_object(guarded: GuardedNode, version: str | None, expires: str) -> None:
    """Of the newer kind, and of the kind that boto3 makes by default in us-east-1."""
    s3 = guarded.client("s3", config=Config(signature_version=version))
    s3.create_bucket(Bucket="docs")
    s3.put_object(Bucket="docs", Key="k", Body=b"x" * 100_000)
    url = s3.generate_presigned_url("get_object", {"Bucket": "docs", "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(url, timeout=10) as answer:
        assert len(answer.read()) == 100_000
    for wrong in (url.replace("/k?", "/other?"), url.replace(expires, expires + "1"), url.partition("?")[0]):
        assert wrong != url
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(wrong, timeout=10)
        with caught.value as error:
            assert error.code == 403


def test_a_presigned_url_takes_an_object(guarded: GuardedNode) -> None:
    s3 = guarded.client("s3", config=Config(signature_version=None))
    s3.create_bucket(Bucket="inbox")
    url = s3.generate_presigned_url("put_object", {"Bucket": "inbox", "Key": "k", "ContentType": "text/plain"})
    for kind, expected in (("text/html", 403), ("text/plain", 200)):
        sent = urllib.request.Request(url, b"x" * 100_000, {"Content-Type": kind}, method="PUT")
        try:
            with urllib.request.urlopen(sent, timeout=10) as answer:
                found = answer.status
        except urllib.error.HTTPError as error:
            with error:
                found = error.code
        assert found == expected
    assert s3.head_object(Bucket="inbox", Key="k")["ContentLength"] == 100_000


def test_a_large_body_is_signed_chunk_by_chunk(guarded: GuardedNode) -> None:
    s3 = guarded.client("s3")
    s3.create_bucket(Bucket="large")
    s3.put_object(Bucket="large", Key="k", Body=b"y" * 3_000_000)
    assert s3.get_object(Bucket="large", Key="k")["Body"].read() == b"y" * 3_000_000


def test_keys_of_an_assumed_role_work_with_their_token_only(guarded: GuardedNode) -> None:
    guarded.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
    answer = guarded.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/worker", RoleSessionName="me")
    made = answer["Credentials"]
    keys = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    token = made["SessionToken"]
    identity = ask(guarded, "sts", **keys, aws_session_token=token)
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/me"
    assert ask(guarded, "s3", **keys, aws_session_token=token)
    for service, expected in {"s3": "InvalidToken", "lambda": "UnrecognizedClientException"}.items():
        assert code(refusal(ask, node=guarded, service=service, **keys)) == expected
        wrong = refusal(ask, node=guarded, service=service, **keys, aws_session_token=token[:-1] + "!")
        assert code(wrong) == expected


def test_a_function_has_keys_of_its_own(guarded: GuardedNode) -> None:
    create_function(guarded, "who", WHO)
    assert call(guarded, "who") == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/who"


def test_the_commands_find_the_keys(guarded: GuardedNode) -> None:
    create_function(guarded, "echo", "def handler(event, context):\n    return event\n")
    where = ("--data", str(guarded.data))
    assert run("invoke", "echo", "--event", "7", *where).stdout == "7\n"
    assert json.loads(run("status", "--json", *where).stdout)["url"] == guarded.url
    eventually(lambda: "REPORT" in run("logs", "echo", *where).stdout)
    assert owner(guarded)[0] in run("env", *where).stdout


def test_admin_doors_open_from_this_machine(guarded: GuardedNode) -> None:
    assert guarded.admin("GET", "health")["status"] == "ok"


def test_admin_doors_stay_shut_for_a_proxys_others(guarded: GuardedNode) -> None:
    request = urllib.request.Request(f"{guarded.url}/_yobu/status", headers={"X-Forwarded-For": "203.0.113.9"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as error:
        assert error.code == 403
        assert "need a signature" in error.read().decode()


def test_the_owners_keys_stay_the_same_after_a_restart(own_node: RunningNode) -> None:
    own_node.flags = ("--auth",)
    own_node.start()
    before = owner(own_node)
    own_node.stop()
    own_node.start()
    assert owner(own_node) == before


def test_other_addresses_are_served_with_signatures(own_node: RunningNode) -> None:
    own_node.flags = ("--auth", "--host", "0.0.0.0")
    own_node.start()
    assert own_node.url.startswith("http://127.0.0.1:")
    access_key, secret = owner(own_node)
    keys = {"aws_access_key_id": access_key, "aws_secret_access_key": secret}
    assert own_node.client("s3", **keys).list_buckets()["Buckets"] == []
    assert code(refusal(own_node.client("s3").list_buckets)) == "InvalidAccessKeyId"


class TestOpenNode:
    """Without --auth, on this machine only."""

    def test_any_key_and_none_comes_in(self, node: RunningNode) -> None:
        assert node.client("s3", aws_secret_access_key="whatever").list_buckets()["Buckets"] == []
        with urllib.request.urlopen(f"{node.url}{FUNCTIONS}", timeout=10) as answer:
            assert json.load(answer)["Functions"] == []

    @pytest.mark.parametrize(
        "headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
    )
    def test_a_web_page_does_not(self, node: RunningNode, headers: dict[str, str]) -> None:
        request = urllib.request.Request(f"{node.url}/_yobu/reset", b"", headers, method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=10)
        with caught.value as error:
            assert error.code == 403
