from __future__ import annotations

import json
from typing import Any

import pytest

from yobu.services.lambda_.model import policy

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
S3 = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


async def test_a_statement_is_added_shown_and_taken_away(aws: Any) -> None:
    await aws.create()
    before = await aws("GetFunctionConfiguration", FunctionName="f")
    added = await aws("AddPermission", FunctionName="f", SourceArn="arn:aws:s3:::photos", **S3)
    shown = await aws("GetPolicy", FunctionName="f")
    assert json.loads(shown["Policy"])["Statement"] == [json.loads(added["Statement"])]
    after = await aws("GetFunctionConfiguration", FunctionName="f")
    assert shown["RevisionId"] == after["RevisionId"] != before["RevisionId"]
    assert after["LastUpdateStatus"] == "Successful"
    await aws("RemovePermission", FunctionName="f", StatementId="s3", RevisionId=shown["RevisionId"])
    assert await aws.refused("ResourceNotFoundException", "GetPolicy", FunctionName="f") == (
        "The resource you requested does not exist."
    )


async def test_versions_and_aliases_have_policies_of_their_own(aws: Any) -> None:
    await aws.create(Publish=True)
    alias = await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    for qualifier in ("1", "live"):
        added = await aws("AddPermission", FunctionName="f", Qualifier=qualifier, **S3)
        assert json.loads(added["Statement"])["Resource"] == f"{ARN}:{qualifier}"
    assert (await aws("GetAlias", FunctionName="f", Name="live"))["RevisionId"] != alias["RevisionId"]
    await aws.refused("ResourceNotFoundException", "GetPolicy", FunctionName="f")
    await aws("RemovePermission", FunctionName="f:1", StatementId="s3")
    assert (await aws("GetPolicy", FunctionName="f:live"))["Policy"]


async def test_conditions_that_nobody_meets_are_admitted(aws: Any) -> None:
    await aws.create()
    await aws("AddPermission", FunctionName="f", PrincipalOrgID="o-1234567890", EventSourceToken="t", **S3)
    assert aws.ctx.warnings == [
        "AddPermission: no caller here has what PrincipalOrgID, EventSourceToken asks for: the statement lets nobody in"
    ]


REFUSED = [
    (
        "AddPermission",
        {**S3, "FunctionUrlAuthType": "NONE"},
        "InvalidParameterValueException",
        "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action",
    ),
    (
        "AddPermission",
        {"Qualifier": "$LATEST", **S3},
        "InvalidParameterValueException",
        "We currently do not support adding policies for $LATEST.",
    ),
    (
        "AddPermission",
        {**S3, "Principal": "x.nonaws.com"},
        "InvalidParameterValueException",
        "The provided principal was invalid. Please check the principal and try again.",
    ),
    (
        "AddPermission",
        S3,
        "ResourceConflictException",
        "The statement id (s3) provided already exists. "
        "Please provide a new statement id, or remove the existing statement.",
    ),
    (
        "AddPermission",
        {**S3, "StatementId": "t", "RevisionId": "old"},
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetPolicy API to retrieve the latest Revision Id",
    ),
    ("AddPermission", {"Qualifier": "live", **S3}, "ResourceNotFoundException", f"Cannot find alias arn: {ARN}:live"),
    ("AddPermission", {"Qualifier": "42", **S3}, "ResourceNotFoundException", f"Function not found: {ARN}:42"),
    ("AddPermission", {"FunctionName": "g", **S3}, "ResourceNotFoundException", f"Function not found: {ARN[:-1]}g"),
    (
        "RemovePermission",
        {"StatementId": "t"},
        "ResourceNotFoundException",
        "Statement t is not found in resource policy.",
    ),
    (
        "RemovePermission",
        {"StatementId": "s3", "RevisionId": "old"},
        "PreconditionFailedException",
        "The Revision Id provided",
    ),
    (
        "RemovePermission",
        {"FunctionName": "g", "StatementId": "s3"},
        "ResourceNotFoundException",
        f"No policy found for: {ARN[:-1]}g",
    ),
    (
        "RemovePermission",
        {"Qualifier": "live", "StatementId": "s3"},
        "ResourceNotFoundException",
        f"Cannot find alias arn: {ARN}:live",
    ),
    ("GetPolicy", {"Qualifier": "42"}, "ResourceNotFoundException", "The resource you requested does not exist."),
]


@pytest.mark.parametrize(("operation", "params", "code", "message"), REFUSED)
async def test_refusals_are_awss(aws: Any, operation: str, params: dict[str, Any], code: str, message: str) -> None:
    await aws.create()
    await aws("AddPermission", FunctionName="f", **S3)
    assert (await aws.refused(code, operation, **{"FunctionName": "f", **params})).startswith(message)
    assert len(json.loads((await aws("GetPolicy", FunctionName="f"))["Policy"])["Statement"]) == 1


async def test_no_policy_is_told_apart_from_no_statement(aws: Any) -> None:
    await aws.create()
    message = await aws.refused("ResourceNotFoundException", "RemovePermission", FunctionName="f", StatementId="s3")
    assert message == "No policy is associated with the given resource."


async def test_a_policy_has_at_most_20_kb(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await aws.create()
    monkeypatch.setattr(policy, "MAX_BYTES", 400)
    await aws("AddPermission", FunctionName="f", **S3)
    await aws.refused(
        "PolicyLengthExceededException", "AddPermission", FunctionName="f", **{**S3, "StatementId": "t" * 90}
    )
