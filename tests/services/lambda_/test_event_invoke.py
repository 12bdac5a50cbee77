from __future__ import annotations

from typing import Any

import pytest

from yobu.invoke.values import EventPolicy

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
OTHER = "arn:aws:lambda:us-east-1:123456789012:function:g"
NONE: dict[str, Any] = {"OnSuccess": {}, "OnFailure": {}}


async def policy(aws: Any, qualifier: str | None = None) -> EventPolicy:
    return (await aws.api.functions.resolve(aws.ref("f", qualifier))).policy


async def test_a_configuration_is_obeyed_for_its_qualifier_alone(aws: Any) -> None:
    await aws.create(Publish=True)
    await aws.create("g")
    await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    assert await policy(aws) == EventPolicy()
    made = await aws(
        "PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0, MaximumEventAgeInSeconds=60
    )
    assert made == {
        "FunctionArn": f"{ARN}:$LATEST",
        "LastModified": 1_700_000_000.0,
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": NONE,
    }
    assert await policy(aws) == await policy(aws, "$LATEST") == EventPolicy(0, 60)
    await aws(
        "PutFunctionEventInvokeConfig", FunctionName="f:live", DestinationConfig={"OnSuccess": {"Destination": OTHER}}
    )
    assert await policy(aws, "live") == EventPolicy(on_success=OTHER)
    assert await policy(aws, "1") == EventPolicy()
    await aws("DeleteFunctionEventInvokeConfig", FunctionName="f")
    assert await policy(aws) == EventPolicy()


async def test_put_replaces_and_update_merges(aws: Any) -> None:
    await aws.create()
    await aws.create("g")
    await aws("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=60)
    merged = await aws(
        "UpdateFunctionEventInvokeConfig",
        FunctionName="f",
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": OTHER}},
    )
    assert (merged["MaximumRetryAttempts"], merged["MaximumEventAgeInSeconds"]) == (0, 60)
    assert merged["DestinationConfig"]["OnFailure"] == {"Destination": OTHER}
    kept = await aws("UpdateFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=2)
    assert kept["DestinationConfig"]["OnFailure"] == {"Destination": OTHER}
    gone = await aws("UpdateFunctionEventInvokeConfig", FunctionName="f", DestinationConfig={"OnFailure": {}})
    assert gone["DestinationConfig"] == NONE
    replaced = await aws("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0)
    assert "MaximumEventAgeInSeconds" not in replaced
    assert await aws("GetFunctionEventInvokeConfig", FunctionName="f") == replaced


REFUSED = [
    (
        "PutFunctionEventInvokeConfig",
        {},
        "InvalidParameterValueException",
        "You must specify at least one of error handling or destination setting.",
    ),
    (
        "PutFunctionEventInvokeConfig",
        {"FunctionName": "h", "MaximumRetryAttempts": 1},
        "ResourceNotFoundException",
        "The function doesn't exist.",
    ),
    (
        "PutFunctionEventInvokeConfig",
        {"Qualifier": "no", "MaximumRetryAttempts": 1},
        "ResourceNotFoundException",
        "The function doesn't exist.",
    ),
    (
        "PutFunctionEventInvokeConfig",
        {"DestinationConfig": {"OnFailure": {"Destination": OTHER}}},
        "InvalidParameterValueException",
        f"The destination ARN {OTHER} is invalid.",
    ),
    (
        "PutFunctionEventInvokeConfig",
        {"DestinationConfig": {"OnFailure": {"Destination": ARN}}},
        "InvalidParameterValueException",
        "You can't specify the function as a destination for itself.",
    ),
    (
        "PutFunctionEventInvokeConfig",
        {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:iam:us-east-1:1:x"}}},
        "InvalidParameterValueException",
        "The provided destination config DestinationConfig("
        "onSuccess=OnSuccess(destination=arn:aws:iam:us-east-1:1:x), onFailure=null) is invalid.",
    ),
    (
        "PutFunctionEventInvokeConfig",
        {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:123456789012:q"}}},
        "InvalidParameterValueException",
        "The destination ARN arn:aws:sqs:us-east-1:123456789012:q is invalid. "
        "(this platform has no service 'sqs' that takes events)",
    ),
    (
        "UpdateFunctionEventInvokeConfig",
        {"MaximumRetryAttempts": 1},
        "ResourceNotFoundException",
        f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
    ),
    (
        "UpdateFunctionEventInvokeConfig",
        {"FunctionName": "h", "MaximumRetryAttempts": 1},
        "ResourceNotFoundException",
        "The function doesn't exist.",
    ),
    (
        "GetFunctionEventInvokeConfig",
        {"Qualifier": "1221"},
        "ResourceNotFoundException",
        f"The function {ARN}:1221 doesn't have an EventInvokeConfig",
    ),
    (
        "GetFunctionEventInvokeConfig",
        {"FunctionName": "h"},
        "ResourceNotFoundException",
        f"The function {ARN[:-1]}h:$LATEST doesn't have an EventInvokeConfig",
    ),
    (
        "DeleteFunctionEventInvokeConfig",
        {},
        "ResourceNotFoundException",
        f"The function {ARN}:$LATEST doesn't have an EventInvokeConfig",
    ),
    (
        "ListFunctionEventInvokeConfigs",
        {"FunctionName": "h"},
        "ResourceNotFoundException",
        "The function doesn't exist.",
    ),
]


@pytest.mark.parametrize(("operation", "params", "code", "message"), REFUSED)
async def test_refusals_are_awss(aws: Any, operation: str, params: dict[str, Any], code: str, message: str) -> None:
    await aws.create()
    assert await aws.refused(code, operation, **{"FunctionName": "f", **params}) == message
    assert (await aws("ListFunctionEventInvokeConfigs", FunctionName="f"))["FunctionEventInvokeConfigs"] == []


async def test_configurations_are_listed_by_qualifier_in_pages(aws: Any) -> None:
    await aws.create(Publish=True)
    await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    for qualifier in ("live", "1", "$LATEST"):
        await aws("PutFunctionEventInvokeConfig", FunctionName="f", Qualifier=qualifier, MaximumRetryAttempts=1)
    first = await aws("ListFunctionEventInvokeConfigs", FunctionName="f", MaxItems=2)
    rest = await aws("ListFunctionEventInvokeConfigs", FunctionName="f", MaxItems=2, Marker=first["NextMarker"])
    rows = first["FunctionEventInvokeConfigs"] + rest["FunctionEventInvokeConfigs"]
    assert [row["FunctionArn"] for row in rows] == [f"{ARN}:$LATEST", f"{ARN}:1", f"{ARN}:live"]
    assert "NextMarker" not in rest
