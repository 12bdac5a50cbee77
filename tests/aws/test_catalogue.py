"""Which service a request may mean, without loading models."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from yobu.aws import models
from yobu.aws.http import Request
from yobu.aws.service import Catalogue


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def request(path: str = "/", **headers: str) -> Request:
    return Request("GET", path, "", [(name.replace("_", "-"), value) for name, value in headers.items()])


@pytest.mark.parametrize(
    ("asked", "signing_name", "expected"),
    [
        (request(x_amz_target="DynamoDB_20120810.GetItem"), "dynamodb", ["dynamodb"]),
        (request(x_amz_target="DynamoDBStreams_20120810.GetRecords"), "dynamodb", ["dynamodbstreams"]),
        (request(x_amz_target="Logs_20140328.GetLogEvents"), None, ["logs"]),
        (request(), "sqs", ["sqs"]),
        (request(), "nothing", []),
        (request(x_amz_target="Nothing.Here"), None, []),
        (
            request("/service/GraniteServiceVersion20100801/operation/ListMetrics", smithy_protocol="rpc-v2-cbor"),
            None,
            ["cloudwatch"],
        ),
        (request(host="sqs.us-east-1.amazonaws.com"), None, ["sqs"]),
        (request(host="streams.dynamodb.us-east-1.localhost:4566"), None, ["dynamodbstreams"]),
    ],
)
def test_candidates(catalogue: Catalogue, asked: Request, signing_name: str | None, expected: list[str]) -> None:
    assert catalogue.candidates(asked, signing_name) == expected


def test_several_services_of_one_signing_name(catalogue: Catalogue) -> None:
    assert catalogue.candidates(request(), "s3")[0] == "s3"
    assert catalogue.candidates(request(), "lambda")[0] == "lambda"
    assert catalogue.candidates(request("/2015-03-31/functions"), "lambda")[0] == "lambda"
    assert catalogue.candidates(request(), "s3express")[0] == "s3"
    assert set(catalogue.candidates(request(), "apigateway")) >= {"apigateway", "apigatewayv2"}


def test_without_any_hint_s3_comes_last(catalogue: Catalogue) -> None:
    found = Catalogue(["s3", "iam", "lambda"]).candidates(request(host="127.0.0.1:4566"), None)
    assert (sorted(found), found[-1]) == (["iam", "lambda", "s3"], "s3")


def test_a_service_is_loaded_once(catalogue: Catalogue) -> None:
    assert catalogue.service("sts") is catalogue.service("sts")
    assert catalogue.service("sts").signing_name == "sts"
    assert catalogue.service("dynamodbstreams").signing_name == "dynamodb"
    for name in ("nothing", "", ".", "../botocore", "s3/2006-03-01"):
        with pytest.raises(models.UnknownService):
            catalogue.service(name)


def test_metadata_is_the_models_own() -> None:
    source = models.loader()
    for name in ("s3", "lambda", "apigatewayv2", "iam", "events"):
        assert models.metadata(source, name) == models.load(source, name).metadata


METADATA = {"apiVersion": "2020-01-01", "endpointPrefix": "odd", "protocol": "json"}


def test_metadata_far_from_the_head_of_its_file(tmp_path: Path) -> None:
    for version in ("2019-01-01", "2020-01-01"):
        folder = tmp_path / "odd" / version
        folder.mkdir(parents=True)
        content = {"shapes": {}, "documentation": "x" * 20000, "operations": {}, "metadata": METADATA}
        (folder / "service-2.json.gz").write_bytes(gzip.compress(json.dumps(content).encode()))
    source = models.Source(tmp_path)
    assert source.names() == ["odd"]
    assert source.path("odd").parent.name == "2020-01-01", "the newest"
    assert models.metadata(source, "odd") == METADATA


@pytest.mark.parametrize("content", [b"{}", b'{"metadata": 1}', b'{"metadata": {"apiVersion": "1"'])
def test_a_head_that_does_not_hold_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "service-2.json.gz"
    path.write_bytes(gzip.compress(content))
    assert models._head(path) is None


def test_extras_are_merged() -> None:
    assert models.load(models.loader(), "s3").shape_for("Expires").type_name == "timestamp"


def test_documentation_is_dropped() -> None:
    assert "documentation" not in json.dumps(models.load(models.loader(), "sts")._operations)
