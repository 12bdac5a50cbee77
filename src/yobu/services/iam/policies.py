"""IAM's customer managed policies and their versions. Documents are checked to be JSON and kept; not evaluated."""

from __future__ import annotations

from urllib.parse import quote

from msgspec.structs import replace

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.iam.model import (
    ATTACHED,
    POLICIES,
    Policy,
    check_document,
    conflict,
    exists,
    no_such_policy,
    no_such_version,
)
from yobu.services.iam.paging import page
from yobu.services.port import Room
from yobu.store.port import Reader, Tx

MAX_VERSIONS = 5


class Policies(Room):
    """The operations on managed policies. A policy's name is unique in its account, whatever its path."""

    async def create_policy(self, ctx: Context, params: Params) -> Params:
        """A new policy with version v1. EntityAlreadyExists, MalformedPolicyDocument."""
        name, path = params["PolicyName"], params.get("Path", "/")
        now = float(int(self.parts.clock.now()))
        policy = Policy(
            name=name,
            id="ANPA" + self.parts.ids.text(17),
            path=path,
            arn=f"arn:aws:iam::{ctx.account}:policy{path}{name}",
            created=now,
            updated=now,
            versions=((1, check_document(params["PolicyDocument"]), now),),
            description=params.get("Description", ""),
            tags={tag["Key"]: tag["Value"] for tag in params.get("Tags", ())},
        )

        async def create(tx: Tx) -> None:
            if await POLICIES.get(tx, ctx.account, name) is not None:
                raise exists("A policy", name)
            POLICIES.put(tx, (ctx.account, name), policy)

        await self.parts.store.write(create)
        return {"Policy": await _policy(self.parts.store, ctx, policy)}

    async def get_policy(self, ctx: Context, params: Params) -> Params:
        """A policy's record, without its document."""
        policy = await _find(self.parts.store, ctx, params["PolicyArn"])
        return {"Policy": await _policy(self.parts.store, ctx, policy)}

    async def list_policies(self, ctx: Context, params: Params) -> Params:
        """The account's own policies (`Scope` AWS has none here)."""
        if params.get("Scope") == "AWS":
            return {"Policies": [], "IsTruncated": False}
        prefix = params.get("PathPrefix", "/")
        rows, marker = await page(self.parts.store, POLICIES, (ctx.account,), params)
        shown = [await _policy(self.parts.store, ctx, row) for row in rows if row.path.startswith(prefix)]
        if params.get("OnlyAttached"):
            shown = [policy for policy in shown if policy["AttachmentCount"]]
        return {"Policies": shown, **marker}

    async def delete_policy(self, ctx: Context, params: Params) -> Params:
        """Remove a policy. DeleteConflict while it is attached or has other versions."""

        async def delete(tx: Tx) -> None:
            policy = await _find(tx, ctx, params["PolicyArn"])
            if await _attached(tx, ctx, policy.arn):
                raise conflict("Cannot delete a policy attached to entities.")
            if len(policy.versions) > 1:
                raise conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                    "versions. The default version is deleted with the policy."
                )
            POLICIES.delete(tx, ctx.account, policy.name)

        await self.parts.store.write(delete)
        return {}

    async def create_policy_version(self, ctx: Context, params: Params) -> Params:
        """A further version, at most five."""
        document, now = check_document(params["PolicyDocument"]), float(int(self.parts.clock.now()))

        async def create(tx: Tx) -> Policy:
            policy = await _find(tx, ctx, params["PolicyArn"])
            if len(policy.versions) >= MAX_VERSIONS:
                message = "A managed policy can have up to 5 versions. Before you create a new version, you must delete"
                raise AwsError("LimitExceeded", f"{message} an existing version.", 409)
            number = policy.latest + 1
            changed = replace(
                policy,
                versions=(*policy.versions, (number, document, now)),
                latest=number,
                default=number if params.get("SetAsDefault") else policy.default,
                updated=now,
            )
            POLICIES.put(tx, (ctx.account, policy.name), changed)
            return changed

        changed = await self.parts.store.write(create)
        return {"PolicyVersion": _version(changed, changed.latest, document=False)}

    async def get_policy_version(self, ctx: Context, params: Params) -> Params:
        """A version with its document."""
        policy = await _find(self.parts.store, ctx, params["PolicyArn"])
        return {"PolicyVersion": _version(policy, _number(policy, params["VersionId"]), document=True)}

    async def list_policy_versions(self, ctx: Context, params: Params) -> Params:
        """All versions, newest first."""
        policy = await _find(self.parts.store, ctx, params["PolicyArn"])
        numbers = sorted((number for number, _, _ in policy.versions), reverse=True)
        return {"Versions": [_version(policy, number, document=False) for number in numbers], "IsTruncated": False}

    async def set_default_policy_version(self, ctx: Context, params: Params) -> Params:
        """Put a version in force."""

        async def change(tx: Tx) -> None:
            policy = await _find(tx, ctx, params["PolicyArn"])
            changed = replace(policy, default=_number(policy, params["VersionId"]))
            POLICIES.put(tx, (ctx.account, policy.name), changed)

        await self.parts.store.write(change)
        return {}

    async def delete_policy_version(self, ctx: Context, params: Params) -> Params:
        """Remove a version that is not in force."""

        async def delete(tx: Tx) -> None:
            policy = await _find(tx, ctx, params["PolicyArn"])
            number = _number(policy, params["VersionId"])
            if number == policy.default:
                raise conflict("Cannot delete the default version of a policy.")
            kept = tuple(version for version in policy.versions if version[0] != number)
            POLICIES.put(tx, (ctx.account, policy.name), replace(policy, versions=kept))

        await self.parts.store.write(delete)
        return {}


def policy_name(arn: str) -> str:
    """The name at the end of a policy's ARN."""
    return arn.rpartition("/")[2]


async def _find(read: Reader, ctx: Context, arn: str) -> Policy:
    policy = await POLICIES.get(read, ctx.account, policy_name(arn))
    if policy is None or policy.arn != arn:
        raise no_such_policy(arn)
    return policy


async def _attached(read: Reader, ctx: Context, arn: str) -> int:
    """How many roles have the policy. Roles are few: the attachments of an account are read through."""
    count, span = 0, ATTACHED.range(ctx.account)
    while True:
        rows = await ATTACHED.scan(read, span)
        count += sum(1 for key, _ in rows if key[2] == arn)
        if len(rows) < 1000:
            return count
        span = span._replace(start=ATTACHED.key(*rows[-1][0]) + b"\x00")


def _number(policy: Policy, version: str) -> int:
    for number, _, _ in policy.versions:
        if version == f"v{number}":
            return number
    raise no_such_version(policy.arn, version)


def _version(policy: Policy, number: int, *, document: bool) -> Params:
    text, created = next((text, created) for at, text, created in policy.versions if at == number)
    output: Params = {
        "VersionId": f"v{number}",
        "IsDefaultVersion": number == policy.default,
        "CreateDate": created,
    }
    if document:
        output["Document"] = quote(text)
    return output


async def _policy(read: Reader, ctx: Context, policy: Policy) -> Params:
    output: Params = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default}",
        "AttachmentCount": await _attached(read, ctx, policy.arn),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
        "Tags": [{"Key": key, "Value": value} for key, value in sorted(policy.tags.items())],
    }
    if policy.description:
        output["Description"] = policy.description
    return output
