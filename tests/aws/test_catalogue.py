"""Which service a request may mean, without loading models."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

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


def test_targets(catalogue: Catalogue) -> None:
    assert catalogue.by_target("AmazonSQS") == "sqs"
    assert catalogue.by_target("Nothing") is None
    assert Catalogue(["s3"]).by_target("AmazonSQS") is None, "only the services named"


def test_a_service_is_loaded_once(catalogue: Catalogue) -> None:
    assert catalogue.service("sts") is catalogue.service("sts")
    assert catalogue.service("sts").signing_name == "sts"
    assert catalogue.service("dynamodbstreams").signing_name == "dynamodb"
    with pytest.raises(UnknownServiceError):
        catalogue.service("nothing")


def test_metadata_is_the_models_own() -> None:
    source = models.loader()
    for name in ("s3", "lambda", "apigatewayv2", "iam", "events"):
        assert models.metadata(source, name) == models.load(source, name).metadata


@pytest.mark.parametrize("content", [b"{}", b'{"metadata": 1}', b'{"metadata": {"apiVersion": "1"'])
def test_metadata_of_an_unusual_file(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "odd" / "2020-01-01"
    folder.mkdir(parents=True)
    path = folder / "service-2.json.gz"
    path.write_bytes(gzip.compress(content))
    assert models._head(path) is None
    path.unlink()
    (folder / "service-2.json").write_text(json.dumps({"metadata": {"apiVersion": "2"}}))
    assert models.metadata(Loader([str(tmp_path)]), "odd") == {"apiVersion": "2"}


def test_documentation_is_dropped() -> None:
    operation = models.load(models.loader(), "sts").operation_model("AssumeRole")
    assert operation.documentation == ""
    assert operation.input_shape.members["RoleArn"].documentation == ""
