"""Roles and what hangs on them: names, pages, tags, limits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.iam.api import Api
from yobu.services.port import Parts

EMPTY = json.dumps({"Version": "2012-10-17", "Statement": []})
ARN = "arn:aws:iam::123456789012:policy/read"


class Iam:
    """Calls operations by their Python names with keyword members."""

    def __init__(self, api: Api, ctx: Context) -> None:
        self.api = api
        self.ctx = ctx

    async def __call__(self, operation: str, **params: Any) -> Any:
        return await getattr(self.api, operation)(self.ctx, params)

    async def role(self, name: str = "worker", **more: Any) -> Any:
        return (await self("create_role", RoleName=name, AssumeRolePolicyDocument=EMPTY, **more))["Role"]

    async def refused(self, code: str, operation: str, **params: Any) -> AwsError:
        with pytest.raises(AwsError) as caught:
            await self(operation, **params)
        assert caught.value.code == code
        return caught.value


@pytest.fixture
def iam(records_parts: Parts, ctx: Context) -> Iam:
    return Iam(Api(records_parts), ctx)


async def test_names_are_told_apart_without_regard_to_case(iam: Iam) -> None:
    made = await iam.role("Worker")
    error = await iam.refused("EntityAlreadyExists", "create_role", RoleName="worker", AssumeRolePolicyDocument=EMPTY)
    assert error.message == "Role with name worker already exists."
    assert (await iam("get_role", RoleName="WORKER"))["Role"] == made
    await iam("create_policy", PolicyName="Read", PolicyDocument=EMPTY)
    error = await iam.refused("EntityAlreadyExists", "create_policy", PolicyName="read", PolicyDocument=EMPTY)
    assert error.message == "A policy called read already exists. Duplicate names are not allowed."
    await iam.refused("NoSuchEntity", "get_policy", PolicyArn=ARN)  # ARNs are told apart
    assert (await iam("get_policy", PolicyArn=ARN.replace("read", "Read")))["Policy"]["PolicyName"] == "Read"


async def test_a_page_is_full_whatever_the_prefix_leaves_out(iam: Iam) -> None:
    for number in range(6):
        await iam.role(f"r{number}", Path="/a/" if number % 2 else "/", Tags=[{"Key": "k", "Value": "v"}])
    first = await iam("list_roles", MaxItems=2, PathPrefix="/a/")
    assert [row["RoleName"] for row in first["Roles"]] == ["r1", "r3"]
    assert "Tags" not in first["Roles"][0]
    rest = await iam("list_roles", MaxItems=2, PathPrefix="/a/", Marker=first["Marker"])
    assert ([row["RoleName"] for row in rest["Roles"]], rest["IsTruncated"]) == (["r5"], False)


async def test_policies_are_listed_by_what_is_asked(iam: Iam) -> None:
    await iam.role()
    await iam("create_policy", PolicyName="read", PolicyDocument=EMPTY, Description="d")
    await iam("create_policy", PolicyName="write", PolicyDocument=EMPTY, Path="/team/")
    await iam("attach_role_policy", RoleName="worker", PolicyArn=ARN)
    attached = (await iam("list_policies", OnlyAttached=True))["Policies"]
    assert [(row["PolicyName"], row["AttachmentCount"]) for row in attached] == [("read", 1)]
    assert "Description" not in attached[0]
    assert [row["PolicyName"] for row in (await iam("list_policies", PathPrefix="/team/"))["Policies"]] == ["write"]
    await iam.refused("NotImplemented", "list_policies", PolicyUsageFilter="PermissionsBoundary")


async def test_what_hangs_on_a_role_is_listed_by_pages(iam: Iam) -> None:
    await iam.role()
    for name in ("job-function/A", "job-function/B", "C"):
        await iam("attach_role_policy", RoleName="worker", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
        await iam("put_role_policy", RoleName="worker", PolicyName=name[-1], PolicyDocument=EMPTY)
    listed = await iam("list_attached_role_policies", RoleName="worker", PathPrefix="/job-function/")
    assert [row["PolicyName"] for row in listed["AttachedPolicies"]] == ["A", "B"]
    for operation, member in (
        ("list_attached_role_policies", "AttachedPolicies"),
        ("list_role_policies", "PolicyNames"),
    ):
        first = await iam(operation, RoleName="worker", MaxItems=2)
        assert (len(first[member]), first["IsTruncated"]) == (2, True)
        rest = await iam(operation, RoleName="worker", Marker=first["Marker"])
        assert (len(rest[member]), rest["IsTruncated"]) == (1, False)


async def test_no_more_than_ten_policies_are_attached(iam: Iam) -> None:
    await iam.role()
    for number in (*range(10), 9):
        await iam("attach_role_policy", RoleName="worker", PolicyArn=f"arn:aws:iam::aws:policy/P{number}")
    eleventh = {"RoleName": "worker", "PolicyArn": "arn:aws:iam::aws:policy/P10"}
    error = await iam.refused("LimitExceeded", "attach_role_policy", **eleventh)
    assert (error.message, error.status) == ("Cannot exceed quota for PoliciesPerRole: 10", 409)
    error = await iam.refused("NoSuchEntity", "attach_role_policy", RoleName="worker", PolicyArn=ARN)
    assert error.message == f"Policy {ARN} does not exist or is not attachable."


async def test_tags_are_told_apart_without_regard_to_case(iam: Iam) -> None:
    await iam.role(Tags=[{"Key": "Team", "Value": "1"}, {"Key": "x", "Value": "2"}])
    await iam("tag_role", RoleName="worker", Tags=[{"Key": "team", "Value": "3"}])
    shown = [{"Key": "team", "Value": "3"}, {"Key": "x", "Value": "2"}]
    assert (await iam("list_role_tags", RoleName="worker"))["Tags"] == shown
    first = await iam("list_role_tags", RoleName="worker", MaxItems=1)
    assert (first["Tags"], first["IsTruncated"]) == (shown[:1], True)
    rest = await iam("list_role_tags", RoleName="worker", Marker=first["Marker"])
    assert rest == {"Tags": shown[1:], "IsTruncated": False}
    await iam.refused("ValidationError", "list_role_tags", RoleName="worker", Marker="x")
    twice = [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]
    error = await iam.refused("InvalidInput", "tag_role", RoleName="worker", Tags=twice)
    assert error.message == "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    many = [{"Key": str(number), "Value": ""} for number in range(49)]
    await iam.refused("LimitExceeded", "tag_role", RoleName="worker", Tags=many)
    await iam("untag_role", RoleName="worker", TagKeys=["TEAM"])
    assert (await iam("list_role_tags", RoleName="worker"))["Tags"] == shown[1:]


async def test_policies_have_tags(iam: Iam) -> None:
    await iam("create_policy", PolicyName="read", PolicyDocument=EMPTY)
    await iam("tag_policy", PolicyArn=ARN, Tags=[{"Key": "a", "Value": "1"}])
    assert (await iam("list_policy_tags", PolicyArn=ARN))["Tags"] == [{"Key": "a", "Value": "1"}]
    await iam("untag_policy", PolicyArn=ARN, TagKeys=["a"])
    assert (await iam("get_policy", PolicyArn=ARN))["Policy"]["Tags"] == []


async def test_a_role_can_be_changed(iam: Iam) -> None:
    await iam.role(Description="before")
    await iam("update_role", RoleName="worker", MaxSessionDuration=7200)
    made = (await iam("update_role_description", RoleName="worker", Description="after"))["Role"]
    assert (made["Description"], made["MaxSessionDuration"]) == ("after", 7200)
    await iam("put_role_permissions_boundary", RoleName="worker", PermissionsBoundary=ARN)
    shown = (await iam("get_role", RoleName="worker"))["Role"]
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == ARN
    assert "not enforced" in iam.ctx.warnings[0]
    await iam("delete_role_permissions_boundary", RoleName="worker")
    assert "PermissionsBoundary" not in (await iam("get_role", RoleName="worker"))["Role"]
    await iam.refused("NotImplemented", "update_role", RoleName="worker", MaxSigninSessionDuration=3600)


async def test_inline_policies_of_a_role_are_measured_together(iam: Iam) -> None:
    await iam.role()
    half = json.dumps({"Version": "2012-10-17", "Statement": [], "Id": "x" * 5_060}, indent=1)
    for name in ("a", "b", "b"):
        await iam("put_role_policy", RoleName="worker", PolicyName=name, PolicyDocument=half)
    third = {"RoleName": "worker", "PolicyName": "c", "PolicyDocument": half}
    error = await iam.refused("LimitExceeded", "put_role_policy", **third)
    assert (error.message, error.status) == ("Maximum policy size of 10240 bytes exceeded for role worker", 409)


async def test_what_only_policies_would_ask_for_is_admitted_to_do_nothing(iam: Iam) -> None:
    made = await iam.role()
    given = {"ExternalId": "ee", "Tags": [{"Key": "a", "Value": "b"}], "Policy": EMPTY}
    await iam("assume_role", RoleArn=made["Arn"], RoleSessionName="s", **given)
    assert iam.ctx.warnings == [
        "AssumeRole: session policies are not enforced",
        "AssumeRole: no policy is evaluated, so that Tags, ExternalId have no effect",
    ]
