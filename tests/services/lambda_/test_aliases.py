from __future__ import annotations

from typing import Any

import pytest

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.fixture
async def two(aws: Any) -> Any:
    """A function with versions 1 and 2."""
    await aws.create(Publish=True)
    await aws.update(Timeout=7)
    await aws("PublishVersion", FunctionName="f")
    return aws


def routed(weights: dict[str, float]) -> dict[str, Any]:
    return {"RoutingConfig": {"AdditionalVersionWeights": weights}}


async def test_an_alias_is_made_and_shown(two: Any) -> None:
    made = await two(
        "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1", Description="d", **routed({"2": 0.25})
    )
    assert len(made["RevisionId"]) == 36
    assert made == {
        "AliasArn": f"{ARN}:live",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "d",
        "RevisionId": made["RevisionId"],
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.25}},
    }
    assert await two("GetAlias", FunctionName="f", Name="live") == made
    shown = await two("GetFunctionConfiguration", FunctionName="f:live")
    assert (shown["FunctionArn"], shown["Version"]) == (f"{ARN}:live", "1")


REFUSED = [
    (
        {"FunctionVersion": "1", **routed({"2": 0.1, "3": 0.1})},
        "InvalidParameterValueException",
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
    ),
    (
        {"FunctionVersion": "1", **routed({"2": 2})},
        "ValidationException",
        "Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed",
    ),
    (
        {"FunctionVersion": "1", **routed({"2": -1})},
        "ValidationException",
        "Member must have value greater than or equal to 0.0",
    ),
    (
        {"FunctionVersion": "1", **routed({"$LATEST": 0.5})},
        "ValidationException",
        "Value '{$LATEST=0.5}' at 'routingConfig",
    ),
    (
        {"FunctionVersion": "1", **routed({"1": 0.5})},
        "InvalidParameterValueException",
        "Invalid function version 1. Function version 1 is already included in routing configuration.",
    ),
    (
        {"FunctionVersion": "$LATEST", **routed({"1": 0.5})},
        "InvalidParameterValueException",
        "$LATEST is not supported for an alias pointing to more than 1 version",
    ),
    ({"FunctionVersion": "10"}, "ResourceNotFoundException", f"Function not found: {ARN}:10"),
    ({"FunctionVersion": "1", **routed({"10": 0.5})}, "ResourceNotFoundException", f"Function not found: {ARN}:10"),
    ({"FunctionName": "g", "FunctionVersion": "1"}, "ResourceNotFoundException", f"Function not found: {ARN[:-1]}g:1"),
]


@pytest.mark.parametrize(("params", "code", "message"), REFUSED)
async def test_what_cannot_be_routed_is_refused(two: Any, params: dict[str, Any], code: str, message: str) -> None:
    assert message in await two.refused(code, "CreateAlias", **{"FunctionName": "f", "Name": "live", **params})
    assert (await two("ListAliases", FunctionName="f"))["Aliases"] == []


async def test_a_name_is_given_once(two: Any) -> None:
    await two("CreateAlias", FunctionName="f", Name="live", FunctionVersion="$LATEST")
    message = await two.refused(
        "ResourceConflictException", "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1"
    )
    assert message == f"Alias already exists: {ARN}:live"


async def test_an_update_keeps_what_it_does_not_name(two: Any) -> None:
    made = await two(
        "CreateAlias", FunctionName="f", Name="live", FunctionVersion="1", Description="d", **routed({"2": 0.5})
    )
    moved = await two("UpdateAlias", FunctionName="f", Name="live", Description="e", RevisionId=made["RevisionId"])
    assert moved["RevisionId"] != made["RevisionId"]
    assert (moved["Description"], moved["FunctionVersion"], moved["RoutingConfig"]) == ("e", "1", made["RoutingConfig"])
    plain = await two("UpdateAlias", FunctionName="f", Name="live", FunctionVersion="2", RoutingConfig={})
    assert plain["FunctionVersion"] == "2"
    assert "RoutingConfig" not in plain
    await two.refused(
        "PreconditionFailedException", "UpdateAlias", FunctionName="f", Name="live", RevisionId=made["RevisionId"]
    )
    message = await two.refused("ResourceNotFoundException", "UpdateAlias", FunctionName="f", Name="other")
    assert message == f"Alias not found: {ARN}:other"


async def test_deleting_is_quiet_about_what_is_not_there(two: Any) -> None:
    await two("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
    await two("DeleteAlias", FunctionName="f", Name="live")
    await two("DeleteAlias", FunctionName="f", Name="live")
    message = await two.refused("ResourceNotFoundException", "GetAlias", FunctionName="f", Name="live")
    assert message == f"Cannot find alias arn: {ARN}:live"


async def test_aliases_are_listed_by_name_or_by_version(two: Any) -> None:
    for name, version in (("c", "1"), ("a", "2"), ("b", "1")):
        await two("CreateAlias", FunctionName="f", Name=name, FunctionVersion=version)
    first = await two("ListAliases", FunctionName="f", MaxItems=2)
    rest = await two("ListAliases", FunctionName="f", MaxItems=2, Marker=first["NextMarker"])
    assert [alias["Name"] for alias in first["Aliases"] + rest["Aliases"]] == ["a", "b", "c"]
    assert "NextMarker" not in rest
    of_one = await two("ListAliases", FunctionName="f", FunctionVersion="1", MaxItems=1)
    more = await two("ListAliases", FunctionName="f", FunctionVersion="1", MaxItems=1, Marker=of_one["NextMarker"])
    assert [alias["Name"] for alias in of_one["Aliases"] + more["Aliases"]] == ["b", "c"]
