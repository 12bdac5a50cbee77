from __future__ import annotations

import json

import pytest

from yobu.base.clock import FakeClock
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.base.ids import SeededIds
from yobu.base.settings import Settings
from yobu.services.iam.api import Api
from yobu.services.iam.principals import ENVIRONMENT_KEYS_S, IamPrincipals
from yobu.services.port import Parts
from yobu.store.memory import MemoryStore

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
ARN = "arn:aws:iam::123456789012:policy/read"


@pytest.fixture
def iam(records_parts: Parts) -> Api:
    return Api(records_parts)


async def role(iam: Api, ctx: Context, name: str = "worker", **more: object) -> dict[str, object]:
    return (await iam.create_role(ctx, {"RoleName": name, "AssumeRolePolicyDocument": TRUST, **more}))["Role"]


async def refused(call: object, code: str) -> AwsError:
    with pytest.raises(AwsError) as caught:
        await call
    assert caught.value.code == code
    return caught.value


async def test_a_role_is_kept_and_shown(iam: Api, ctx: Context) -> None:
    made = await role(iam, ctx, Path="/team/", Description="d", Tags=[{"Key": "a", "Value": "b"}])
    assert made["Arn"] == "arn:aws:iam::123456789012:role/team/worker"
    assert str(made["RoleId"]).startswith("AROA")
    assert (await iam.get_role(ctx, {"RoleName": "worker"}))["Role"] == made
    assert (await iam.list_role_tags(ctx, {"RoleName": "worker"}))["Tags"] == [{"Key": "a", "Value": "b"}]


async def test_a_role_s_name_is_taken_once_and_must_exist(iam: Api, ctx: Context) -> None:
    await role(iam, ctx)
    assert (await refused(role(iam, ctx), "EntityAlreadyExists")).status == 409
    error = await refused(iam.get_role(ctx, {"RoleName": "none"}), "NoSuchEntity")
    assert error.message == "The role with name none cannot be found."


@pytest.mark.parametrize("document", ["", "{", "[]", '"text"'])
async def test_a_policy_document_must_be_a_json_object(iam: Api, ctx: Context, document: str) -> None:
    call = iam.create_role(ctx, {"RoleName": "r", "AssumeRolePolicyDocument": document})
    await refused(call, "MalformedPolicyDocument")


async def test_roles_are_listed_by_pages(iam: Api, ctx: Context) -> None:
    for number in range(5):
        await role(iam, ctx, f"r{number}")
    first = await iam.list_roles(ctx, {"MaxItems": 2})
    assert [row["RoleName"] for row in first["Roles"]] == ["r0", "r1"]
    rest = await iam.list_roles(ctx, {"Marker": first["Marker"]})
    assert [row["RoleName"] for row in rest["Roles"]] == ["r2", "r3", "r4"]
    assert rest["IsTruncated"] is False


async def test_a_role_with_policies_cannot_be_deleted(iam: Api, ctx: Context) -> None:
    await role(iam, ctx)
    aws = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    await iam.attach_role_policy(ctx, {"RoleName": "worker", "PolicyArn": aws})
    await iam.put_role_policy(ctx, {"RoleName": "worker", "PolicyName": "inline", "PolicyDocument": TRUST})
    await refused(iam.delete_role(ctx, {"RoleName": "worker"}), "DeleteConflict")
    listed = await iam.list_attached_role_policies(ctx, {"RoleName": "worker"})
    assert listed["AttachedPolicies"] == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": aws}]
    await iam.detach_role_policy(ctx, {"RoleName": "worker", "PolicyArn": aws})
    await refused(iam.delete_role(ctx, {"RoleName": "worker"}), "DeleteConflict")
    assert (await iam.list_role_policies(ctx, {"RoleName": "worker"}))["PolicyNames"] == ["inline"]
    await iam.delete_role_policy(ctx, {"RoleName": "worker", "PolicyName": "inline"})
    await iam.delete_role(ctx, {"RoleName": "worker"})
    await refused(iam.get_role(ctx, {"RoleName": "worker"}), "NoSuchEntity")


async def test_versions_of_a_policy(iam: Api, ctx: Context) -> None:
    await iam.create_policy(ctx, {"PolicyName": "read", "PolicyDocument": TRUST})
    for _ in range(4):
        await iam.create_policy_version(ctx, {"PolicyArn": ARN, "PolicyDocument": TRUST, "SetAsDefault": True})
    await refused(iam.create_policy_version(ctx, {"PolicyArn": ARN, "PolicyDocument": TRUST}), "LimitExceeded")
    await refused(iam.delete_policy_version(ctx, {"PolicyArn": ARN, "VersionId": "v5"}), "DeleteConflict")
    await refused(iam.delete_policy(ctx, {"PolicyArn": ARN}), "DeleteConflict")
    listed = (await iam.list_policy_versions(ctx, {"PolicyArn": ARN}))["Versions"]
    assert [row["VersionId"] for row in listed] == ["v5", "v4", "v3", "v2", "v1"]
    for number in range(1, 5):
        await iam.delete_policy_version(ctx, {"PolicyArn": ARN, "VersionId": f"v{number}"})
    await iam.delete_policy(ctx, {"PolicyArn": ARN})
    await refused(iam.get_policy(ctx, {"PolicyArn": ARN}), "NoSuchEntity")


async def test_an_attached_policy_counts_and_stays(iam: Api, ctx: Context) -> None:
    await role(iam, ctx)
    await iam.create_policy(ctx, {"PolicyName": "read", "PolicyDocument": TRUST})
    await iam.attach_role_policy(ctx, {"RoleName": "worker", "PolicyArn": ARN})
    assert (await iam.get_policy(ctx, {"PolicyArn": ARN}))["Policy"]["AttachmentCount"] == 1
    await refused(iam.delete_policy(ctx, {"PolicyArn": ARN}), "DeleteConflict")


async def test_assumed_credentials_are_found_again_after_a_restart(iam: Api, ctx: Context) -> None:
    made = await role(iam, ctx)
    answer = await iam.assume_role(ctx, {"RoleArn": made["Arn"], "RoleSessionName": "s"})
    keys = answer["Credentials"]
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/worker/s"
    parts = iam.parts
    found = await IamPrincipals(parts.store, parts.clock, parts.ids, parts.settings).find(keys["AccessKeyId"])
    assert found is not None
    assert (found.secret, found.session_token) == (keys["SecretAccessKey"], keys["SessionToken"])
    assert found.principal.arn == answer["AssumedRoleUser"]["Arn"]
    assert found.expires == keys["Expiration"] == parts.clock.real() + 3600


async def test_a_role_that_is_not_there_cannot_be_assumed(iam: Api, ctx: Context) -> None:
    arn = "arn:aws:iam::123456789012:role/none"
    error = await refused(iam.assume_role(ctx, {"RoleArn": arn, "RoleSessionName": "s"}), "AccessDenied")
    assert error.message.endswith(f"is not authorized to perform: sts:AssumeRole on resource: {arn}")
    await refused(iam.assume_role(ctx, {"RoleArn": "worker", "RoleSessionName": "s"}), "ValidationError")


async def test_a_session_is_no_longer_than_the_role_allows(iam: Api, ctx: Context) -> None:
    made = await role(iam, ctx)
    call = iam.assume_role(ctx, {"RoleArn": made["Arn"], "RoleSessionName": "s", "DurationSeconds": 7200})
    await refused(call, "ValidationError")


async def test_environment_keys_end_and_are_dropped() -> None:
    clock = FakeClock()
    principals = IamPrincipals(MemoryStore(), clock, SeededIds(), Settings())
    arn = "arn:aws:iam::123456789012:role/worker"
    first = await principals.issue("123456789012", arn, "f")
    found = await principals.find(first.access_key)
    assert found is not None
    assert found.environment == "f"
    assert principals.anyone(first.access_key).account == "000000000000"
    clock._start += ENVIRONMENT_KEYS_S + 1  # real time passes
    await principals.issue("123456789012", arn, "f")
    assert await principals.find(first.access_key) is None


def test_twelve_digits_name_an_account() -> None:
    principals = IamPrincipals(MemoryStore(), FakeClock(), SeededIds(), Settings())
    assert principals.anyone("210987654321").account == "210987654321"
    assert principals.anyone("test").account == "000000000000"
