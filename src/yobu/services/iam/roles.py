"""IAM's roles, as records: who may assume one is written down in its trust policy, but not evaluated yet.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.iam import documents, tags
from yobu.services.iam.model import ATTACHED, INLINE, ROLES, Role, conflict, find_role, role_exists
from yobu.services.iam.paging import cut, page
from yobu.services.port import Room, not_built
from yobu.store.port import Tx


class Roles(Room):
    """The operations on roles and their tags. A role's name is unique in its account, whatever its path."""

    async def create_role(self, ctx: Context, params: Params) -> Params:
        """A new role. EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded."""
        name, path = params["RoleName"], params.get("Path", "/")
        _refuse_sign_in(params)
        role = Role(
            name=name,
            id="AROA" + self.parts.ids.text(17),
            path=path,
            arn=f"arn:aws:iam::{ctx.account}:role{path}{name}",
            trust=documents.trust(params["AssumeRolePolicyDocument"]),
            created=float(int(self.parts.clock.now())),
            description=params.get("Description", ""),
            max_session_s=params.get("MaxSessionDuration", 3600),
            boundary=params.get("PermissionsBoundary"),
            tags=tags.read(params),
        )
        if role.boundary is not None:
            ctx.warn("CreateRole: permissions boundaries are not enforced")

        async def create(tx: Tx) -> None:
            if await ROLES.get(tx, ctx.account, name.lower()) is not None:
                raise role_exists(name)
            ROLES.put(tx, (ctx.account, name.lower()), role)

        await self.parts.store.write(create)
        return {"Role": _role(role)}

    async def get_role(self, ctx: Context, params: Params) -> Params:
        """A role's record."""
        return {"Role": _role(await find_role(self.parts.store, ctx.account, params["RoleName"]))}

    async def list_roles(self, ctx: Context, params: Params) -> Params:
        """Roles by name, below PathPrefix; as on AWS without tags, boundary and last use."""
        prefix = params.get("PathPrefix", "/")
        rows, following = await page(
            self.parts.store, ROLES, (ctx.account,), params, lambda row: row[1].path.startswith(prefix)
        )
        return {"Roles": [_listed(role) for _, role in rows], **following}

    async def update_role(self, ctx: Context, params: Params) -> Params:
        """Change the description or the longest session."""
        _refuse_sign_in(params)
        changes = {
            field: params[member]
            for member, field in (("Description", "description"), ("MaxSessionDuration", "max_session_s"))
            if params.get(member) is not None
        }
        await self.change_role(ctx, params, **changes)
        return {}

    async def update_role_description(self, ctx: Context, params: Params) -> Params:
        """Change the description."""
        return {"Role": _role(await self.change_role(ctx, params, description=params["Description"]))}

    async def update_assume_role_policy(self, ctx: Context, params: Params) -> Params:
        """Replace the trust policy. MalformedPolicyDocument, LimitExceeded."""
        await self.change_role(ctx, params, trust=documents.trust(params["PolicyDocument"]))
        return {}

    async def delete_role(self, ctx: Context, params: Params) -> Params:
        """Remove a role. DeleteConflict while policies hang on it."""
        name = params["RoleName"]

        async def delete(tx: Tx) -> None:
            key = (await find_role(tx, ctx.account, name)).name.lower()
            if await ATTACHED.scan(tx, ATTACHED.range(ctx.account, key), 1):
                raise conflict("Cannot delete entity, must detach all policies first.")
            if await INLINE.scan(tx, INLINE.range(ctx.account, key), 1):
                raise conflict("Cannot delete entity, must delete policies first.")
            ROLES.delete(tx, ctx.account, key)

        await self.parts.store.write(delete)
        return {}

    async def list_instance_profiles_for_role(self, ctx: Context, params: Params) -> Params:
        """None: there are no instances here. Terraform asks before it deletes a role."""
        await find_role(self.parts.store, ctx.account, params["RoleName"])
        return {"InstanceProfiles": [], "IsTruncated": False}

    async def tag_role(self, ctx: Context, params: Params) -> Params:
        """Set tags. InvalidInput, LimitExceeded."""
        add = tags.read(params)

        async def tag(tx: Tx) -> None:
            role = await find_role(tx, ctx.account, params["RoleName"])
            ROLES.put(tx, (ctx.account, role.name.lower()), replace(role, tags=tags.merged(role.tags, add)))

        await self.parts.store.write(tag)
        return {}

    async def untag_role(self, ctx: Context, params: Params) -> Params:
        """Remove tags."""

        async def untag(tx: Tx) -> None:
            role = await find_role(tx, ctx.account, params["RoleName"])
            left = tags.without(role.tags, params["TagKeys"])
            ROLES.put(tx, (ctx.account, role.name.lower()), replace(role, tags=left))

        await self.parts.store.write(untag)
        return {}

    async def list_role_tags(self, ctx: Context, params: Params) -> Params:
        """A role's tags."""
        role = await find_role(self.parts.store, ctx.account, params["RoleName"])
        rows, following = cut(tags.shown(role.tags), params)
        return {"Tags": rows, **following}

    async def change_role(self, ctx: Context, params: Params, **changes: Any) -> Role:
        """The role that `RoleName` means, with these fields changed. NoSuchEntity."""

        async def change(tx: Tx) -> Role:
            role = replace(await find_role(tx, ctx.account, params["RoleName"]), **changes)
            ROLES.put(tx, (ctx.account, role.name.lower()), role)
            return role

        return await self.parts.store.write(change)


def _refuse_sign_in(params: Params) -> None:
    for member in ("MaxSigninSessionDuration", "ResetMaxSigninSessionDuration"):
        if params.get(member):
            raise not_built(f"sign-in sessions ({member})")


def _role(role: Role) -> Params:
    output = {**_listed(role), "RoleLastUsed": {}}
    if role.tags:
        output["Tags"] = tags.shown(role.tags)
    if role.boundary:
        output["PermissionsBoundary"] = {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": role.boundary,
        }
    return output


def _listed(role: Role) -> Params:
    output: Params = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": quote(role.trust),
        "MaxSessionDuration": role.max_session_s,
    }
    if role.description:
        output["Description"] = role.description
    return output
