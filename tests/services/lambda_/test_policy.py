from __future__ import annotations

import json
from typing import Any

import pytest

from yobu.base.errors import AwsError
from yobu.services.lambda_.model import policy
from yobu.services.lambda_.model.policy import Sender

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
S3 = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
BUCKET = Sender("s3.amazonaws.com", "arn:aws:s3:::photos", "123456789012")


def made(**more: Any) -> str:
    return policy.text(policy.statement({**S3, **more}, ARN))


def test_a_statement_is_awss_json_to_the_letter() -> None:
    assert made(SourceArn="arn:aws:s3:::photos", SourceAccount="123456789012") == (
        '{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",'
        f'"Resource":"{ARN}","Condition":{{"StringEquals":{{"AWS:SourceAccount":"123456789012"}},'
        '"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::photos"}}}'
    )
    assert "Condition" not in json.loads(made())


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("*", "*"),
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:role/r", {"AWS": "arn:aws:iam::123456789012:role/r"}),
        ("events.amazonaws.com", {"Service": "events.amazonaws.com"}),
        ("alexa-appkit.amazon.com", {"Service": "alexa-appkit.amazon.com"}),
    ],
)
def test_principals_are_written_as_aws_does(given: str, written: object) -> None:
    assert json.loads(made(Principal=given))["Principal"] == written


def test_other_principals_are_refused() -> None:
    with pytest.raises(AwsError, match="The provided principal was invalid"):
        made(Principal="invalid.nonaws.com")


@pytest.mark.parametrize(
    ("conditions", "lets_in"),
    [
        ({}, True),
        ({"SourceArn": "arn:aws:s3:::photos"}, True),
        ({"SourceArn": "arn:aws:s3:::pho*"}, True),
        ({"SourceArn": "arn:aws:s3:::phot?s"}, True),
        ({"SourceArn": "arn:aws:s3:::other"}, False),
        ({"SourceArn": "arn:aws:s*"}, False),
        ({"SourceAccount": "123456789012"}, True),
        ({"SourceAccount": "999999999999"}, False),
        ({"SourceArn": "arn:aws:s3:::photos", "SourceAccount": "999999999999"}, False),
        ({"Principal": "sns.amazonaws.com"}, False),
        ({"Principal": "*"}, True),
        ({"Action": "lambda:*"}, True),
        ({"Action": "lambda:GetFunction"}, False),
        ({"PrincipalOrgID": "o-1234567890"}, False),
        ({"EventSourceToken": "t"}, False),
    ],
)
def test_conditions_decide_who_comes_in(conditions: dict[str, str], lets_in: bool) -> None:
    assert policy.permits([made(**conditions)], BUCKET) is lets_in


def test_one_statement_that_fits_is_enough() -> None:
    assert policy.permits([made(Principal="sns.amazonaws.com"), made()], BUCKET)
    assert not policy.permits([], BUCKET)


def test_an_account_comes_in_where_it_is_named() -> None:
    caller = Sender("", "arn:aws:iam::222222222222:user/u", "222222222222")
    assert policy.permits([made(Principal="222222222222")], caller)
    assert policy.permits([made(Principal="arn:aws:iam::222222222222:user/u")], caller)
    assert not policy.permits([made(Principal="333333333333")], caller)
    assert not policy.permits([made()], caller)


def test_the_document_holds_the_statements_in_order() -> None:
    document = json.loads(policy.document([made(StatementId="b"), made(StatementId="a")]))
    assert document["Version"] == "2012-10-17"
    assert document["Id"] == "default"
    assert [statement["Sid"] for statement in document["Statement"]] == ["b", "a"]
