"""IAM's customer managed policies and their versions. Documents are checked for their form and kept; not evaluated."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.iam import documents, tags
from yobu.services.iam.model import (
    ATTACHED,
    POLICIES,
    Policy,
    conflict,
    find_policy,
    limit_exceeded,
    no_such_policy,
    no_such_version,
    policy_exists,
)
from yobu.services.iam.paging import cut, page
from yobu.services.port import Room, not_built
from yobu.store.port import MAX_SCAN, Reader, Tx

MAX_VERSIONS = 5


class Policies(Room):
    """The operations on managed policies. A policy's name is unique in its account, whatever its path."""

    async def create_policy(self, ctx: Context, params: Params) -> Params:
        """A new policy with version v1. EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded."""
        name, path = params["PolicyName"], params.get("Path", "/")
        now = float(int(self.parts.clock.now()))
        policy = Policy(
            name=name,
            id="ANPA" + self.parts.ids.text(17),
            path=path,
            arn=f"arn:aws:iam::{ctx.account}:policy{path}{name}",
            created=now,
            updated=now,
            versions=((1, documents.managed(params["PolicyDocument"]), now),),
            description=params.get("Description", ""),
            tags=tags.read(params),
        )

        async def create(tx: Tx) -> None:
            if await POLICIES.get(tx, ctx.account, name.lower()) is not None:
                raise policy_exists(name)
            _put(tx, ctx, policy)

        await self.parts.store.write(create)
        return {"Policy": _policy(policy, 0)}

    async def get_policy(self, ctx: Context, params: Params) -> Params:
        """A policy's record, without its document."""
        policy = await _find(self.parts.store, ctx, params["PolicyArn"])
        return {"Policy": _policy(policy, (await _attachments(self.parts.store, ctx))[policy.arn])}

    async def list_policies(self, ctx: Context, params: Params) -> Params:
        """The account's own policies (`Scope` AWS has none here)."""
        if params.get("PolicyUsageFilter", "PermissionsPolicy") != "PermissionsPolicy":
            raise not_built("the list of permissions boundaries (PolicyUsageFilter)")
        if params.get("Scope") == "AWS":
            return {"Policies": [], "IsTruncated": False}
        prefix, attached = params.get("PathPrefix", "/"), await _attachments(self.parts.store, ctx)

        def keep(row: tuple[tuple[Any, ...], Policy]) -> bool:
            return row[1].path.startswith(prefix) and (not params.get("OnlyAttached") or attached[row[1].arn] > 0)

        rows, following = await page(self.parts.store, POLICIES, (ctx.account,), params, keep)
        return {"Policies": [_policy(policy, attached[policy.arn], full=False) for _, policy in rows], **following}

    async def delete_policy(self, ctx: Context, params: Params) -> Params:
        """Remove a policy. DeleteConflict while it is attached or has other versions."""

        async def delete(tx: Tx) -> None:
            policy = await _find(tx, ctx, params["PolicyArn"])
            if (await _attachments(tx, ctx))[policy.arn]:
                raise conflict("Cannot delete a policy attached to entities.")
            if len(policy.versions) > 1:
                raise conflict(
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                    "versions. The default version is deleted with the policy."
                )
            POLICIES.delete(tx, ctx.account, policy.name.lower())

        await self.parts.store.write(delete)
        return {}

    async def create_policy_version(self, ctx: Context, params: Params) -> Params:
        """A further version, at most five. MalformedPolicyDocument, LimitExceeded."""
        document, now = documents.managed(params["PolicyDocument"]), float(int(self.parts.clock.now()))

        async def create(tx: Tx) -> Policy:
            policy = await _find(tx, ctx, params["PolicyArn"])
            if len(policy.versions) >= MAX_VERSIONS:
                message = "A managed policy can have up to 5 versions. Before you create a new version, you must delete"
                raise limit_exceeded(f"{message} an existing version.")
            number = policy.latest + 1
            changed = replace(
                policy,
                versions=(*policy.versions, (number, document, now)),
                latest=number,
                default=number if params.get("SetAsDefault") else policy.default,
                updated=now,
            )
            _put(tx, ctx, changed)
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
        shown, following = cut(numbers, params)
        return {"Versions": [_version(policy, number, document=False) for number in shown], **following}

    async def set_default_policy_version(self, ctx: Context, params: Params) -> Params:
        """Put a version in force."""

        async def change(tx: Tx) -> None:
            policy = await _find(tx, ctx, params["PolicyArn"])
            _put(tx, ctx, replace(policy, default=_number(policy, params["VersionId"])))

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
            _put(tx, ctx, replace(policy, versions=kept))

        await self.parts.store.write(delete)
        return {}

    async def tag_policy(self, ctx: Context, params: Params) -> Params:
        """Set tags. InvalidInput, LimitExceeded."""
        add = tags.read(params)

        async def tag(tx: Tx) -> None:
            policy = await _find(tx, ctx, params["PolicyArn"])
            _put(tx, ctx, replace(policy, tags=tags.merged(policy.tags, add)))

        await self.parts.store.write(tag)
        return {}

    async def untag_policy(self, ctx: Context, params: Params) -> Params:
        """Remove tags."""

        async def untag(tx: Tx) -> None:
            policy = await _find(tx, ctx, params["PolicyArn"])
            _put(tx, ctx, replace(policy, tags=tags.without(policy.tags, params["TagKeys"])))

        await self.parts.store.write(untag)
        return {}

    async def list_policy_tags(self, ctx: Context, params: Params) -> Params:
        """A policy's tags."""
        policy = await _find(self.parts.store, ctx, params["PolicyArn"])
        rows, following = cut(tags.shown(policy.tags), params)
        return {"Tags": rows, **following}


async def _find(read: Reader, ctx: Context, arn: str) -> Policy:
    policy = await find_policy(read, ctx.account, arn)
    if policy is None:
        raise no_such_policy(arn)
    return policy


def _put(tx: Tx, ctx: Context, policy: Policy) -> None:
    POLICIES.put(tx, (ctx.account, policy.name.lower()), policy)


async def _attachments(read: Reader, ctx: Context) -> Counter[str]:
    """How many roles have each policy. Roles are few: the attachments of an account are read through."""
    counts: Counter[str] = Counter()
    span = ATTACHED.range(ctx.account)
    while True:
        rows = await ATTACHED.scan(read, span)
        counts.update(key[2] for key, _ in rows)
        if len(rows) < MAX_SCAN:
            return counts
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


def _policy(policy: Policy, attached: int, *, full: bool = True) -> Params:
    """A policy's record; lists leave description and tags out (not `full`)."""
    output: Params = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default}",
        "AttachmentCount": attached,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if full:
        output["Tags"] = tags.shown(policy.tags)
    if full and policy.description:
        output["Description"] = policy.description
    return output
