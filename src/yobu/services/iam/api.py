"""IAM: roles, their policies, and STS beside it. Records only: permissions are not evaluated yet.

https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from msgspec.structs import replace

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.iam.model import (
    ATTACHED,
    INLINE,
    POLICIES,
    ROLES,
    Role,
    check_document,
    conflict,
    exists,
    no_such_inline,
    no_such_policy,
    no_such_role,
)
from yobu.services.iam.paging import page
from yobu.services.iam.policies import Policies, policy_name
from yobu.services.iam.sts import Sts
from yobu.store.port import Reader, Tx


class Api(Policies, Sts):
    """Roles, with managed policies (policies.py) and STS (sts.py)."""

    services: ClassVar[tuple[str, ...]] = ("iam", "sts")
    constraint_code: ClassVar[str | None] = "ValidationError"

    async def create_role(self, ctx: Context, params: Params) -> Params:
        """A new role. EntityAlreadyExists, MalformedPolicyDocument."""
        name, path = params["RoleName"], params.get("Path", "/")
        role = Role(
            name=name,
            id="AROA" + self.parts.ids.text(17),
            path=path,
            arn=f"arn:aws:iam::{ctx.account}:role{path}{name}",
            trust=check_document(params["AssumeRolePolicyDocument"]),
            created=float(int(self.parts.clock.now())),
            description=params.get("Description", ""),
            max_session_s=params.get("MaxSessionDuration", 3600),
            boundary=params.get("PermissionsBoundary"),
            tags={tag["Key"]: tag["Value"] for tag in params.get("Tags", ())},
        )

        async def create(tx: Tx) -> None:
            if await ROLES.get(tx, ctx.account, name) is not None:
                raise exists("Role", name)
            ROLES.put(tx, (ctx.account, name), role)

        await self.parts.store.write(create)
        return {"Role": _role(role)}

    async def get_role(self, ctx: Context, params: Params) -> Params:
        """A role's record."""
        return {"Role": _role(await _find(self.parts.store, ctx, params["RoleName"]))}

    async def list_roles(self, ctx: Context, params: Params) -> Params:
        """Roles by name, below PathPrefix."""
        prefix = params.get("PathPrefix", "/")
        rows, marker = await page(self.parts.store, ROLES, (ctx.account,), params)
        return {"Roles": [_role(role) for role in rows if role.path.startswith(prefix)], **marker}

    async def update_role(self, ctx: Context, params: Params) -> Params:
        """Change the description or the longest session."""

        async def update(tx: Tx) -> None:
            role = await _find(tx, ctx, params["RoleName"])
            changed = replace(
                role,
                description=params.get("Description", role.description),
                max_session_s=params.get("MaxSessionDuration", role.max_session_s),
            )
            ROLES.put(tx, (ctx.account, role.name), changed)

        await self.parts.store.write(update)
        return {}

    async def update_assume_role_policy(self, ctx: Context, params: Params) -> Params:
        """Replace the trust policy."""
        document = check_document(params["PolicyDocument"])

        async def update(tx: Tx) -> None:
            role = await _find(tx, ctx, params["RoleName"])
            ROLES.put(tx, (ctx.account, role.name), replace(role, trust=document))

        await self.parts.store.write(update)
        return {}

    async def delete_role(self, ctx: Context, params: Params) -> Params:
        """Remove a role. DeleteConflict while policies hang on it."""
        name = params["RoleName"]

        async def delete(tx: Tx) -> None:
            await _find(tx, ctx, name)
            if await ATTACHED.scan(tx, ATTACHED.range(ctx.account, name), 1):
                raise conflict("Cannot delete entity, must detach all policies first.")
            if await INLINE.scan(tx, INLINE.range(ctx.account, name), 1):
                raise conflict("Cannot delete entity, must delete policies first.")
            ROLES.delete(tx, ctx.account, name)

        await self.parts.store.write(delete)
        return {}

    async def attach_role_policy(self, ctx: Context, params: Params) -> Params:
        """Hang a managed policy on a role; AWS's own (`arn:aws:iam::aws:policy/...`) are taken by name."""
        arn = params["PolicyArn"]

        async def attach(tx: Tx) -> None:
            role = await _find(tx, ctx, params["RoleName"])
            name = policy_name(arn)
            if not arn.startswith("arn:aws:iam::aws:") and await POLICIES.get(tx, ctx.account, name) is None:
                raise no_such_policy(arn)
            ATTACHED.put(tx, (ctx.account, role.name, arn), name)

        await self.parts.store.write(attach)
        return {}

    async def detach_role_policy(self, ctx: Context, params: Params) -> Params:
        """Take a managed policy off a role."""
        arn = params["PolicyArn"]

        async def detach(tx: Tx) -> None:
            role = await _find(tx, ctx, params["RoleName"])
            if await ATTACHED.get(tx, ctx.account, role.name, arn) is None:
                raise no_such_policy(arn)
            ATTACHED.delete(tx, ctx.account, role.name, arn)

        await self.parts.store.write(detach)
        return {}

    async def list_attached_role_policies(self, ctx: Context, params: Params) -> Params:
        """The managed policies of a role."""
        role = await _find(self.parts.store, ctx, params["RoleName"])
        rows = await ATTACHED.scan(self.parts.store, ATTACHED.range(ctx.account, role.name))
        attached = [{"PolicyName": name, "PolicyArn": key[2]} for key, name in rows]
        return {"AttachedPolicies": attached, "IsTruncated": False}

    async def put_role_policy(self, ctx: Context, params: Params) -> Params:
        """Write an inline policy."""
        document = check_document(params["PolicyDocument"])

        async def put(tx: Tx) -> None:
            role = await _find(tx, ctx, params["RoleName"])
            INLINE.put(tx, (ctx.account, role.name, params["PolicyName"]), document)

        await self.parts.store.write(put)
        return {}

    async def get_role_policy(self, ctx: Context, params: Params) -> Params:
        """An inline policy."""
        role = await _find(self.parts.store, ctx, params["RoleName"])
        name = params["PolicyName"]
        document = await INLINE.get(self.parts.store, ctx.account, role.name, name)
        if document is None:
            raise no_such_inline(name, role.name)
        return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": quote(document)}

    async def delete_role_policy(self, ctx: Context, params: Params) -> Params:
        """Remove an inline policy."""
        name = params["PolicyName"]

        async def delete(tx: Tx) -> None:
            role = await _find(tx, ctx, params["RoleName"])
            if await INLINE.get(tx, ctx.account, role.name, name) is None:
                raise no_such_inline(name, role.name)
            INLINE.delete(tx, ctx.account, role.name, name)

        await self.parts.store.write(delete)
        return {}

    async def list_role_policies(self, ctx: Context, params: Params) -> Params:
        """The names of a role's inline policies."""
        role = await _find(self.parts.store, ctx, params["RoleName"])
        rows = await INLINE.scan(self.parts.store, INLINE.range(ctx.account, role.name))
        return {"PolicyNames": [key[2] for key, _ in rows], "IsTruncated": False}

    async def list_instance_profiles_for_role(self, ctx: Context, params: Params) -> Params:
        """None: there are no instances here. Terraform asks before it deletes a role."""
        await _find(self.parts.store, ctx, params["RoleName"])
        return {"InstanceProfiles": [], "IsTruncated": False}

    async def tag_role(self, ctx: Context, params: Params) -> Params:
        """Set tags."""
        await self._tag(ctx, params["RoleName"], {tag["Key"]: tag["Value"] for tag in params["Tags"]}, ())
        return {}

    async def untag_role(self, ctx: Context, params: Params) -> Params:
        """Remove tags."""
        await self._tag(ctx, params["RoleName"], {}, tuple(params["TagKeys"]))
        return {}

    async def list_role_tags(self, ctx: Context, params: Params) -> Params:
        """A role's tags."""
        role = await _find(self.parts.store, ctx, params["RoleName"])
        return {"Tags": _tags(role.tags), "IsTruncated": False}

    async def _tag(self, ctx: Context, name: str, add: dict[str, str], remove: tuple[str, ...]) -> None:
        async def tag(tx: Tx) -> None:
            role = await _find(tx, ctx, name)
            tags = {key: value for key, value in {**role.tags, **add}.items() if key not in remove}
            if len(tags) > 50:
                raise AwsError("LimitExceeded", "The number of tags has reached the maximum limit.", 409)
            ROLES.put(tx, (ctx.account, role.name), replace(role, tags=tags))

        await self.parts.store.write(tag)


async def _find(read: Reader, ctx: Context, name: str) -> Role:
    role = await ROLES.get(read, ctx.account, name)
    if role is None:
        raise no_such_role(name)
    return role


def _tags(tags: dict[str, str]) -> list[Params]:
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]


def _role(role: Role) -> Params:
    output: Params = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": quote(role.trust),
        "MaxSessionDuration": role.max_session_s,
        "RoleLastUsed": {},
    }
    if role.description:
        output["Description"] = role.description
    if role.tags:
        output["Tags"] = _tags(role.tags)
    if role.boundary:
        output["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": role.boundary,
        }
    return output
