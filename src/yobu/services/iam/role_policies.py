"""What hangs on IAM's roles: managed policies by their ARN, inline policies, a boundary. Kept, not evaluated yet.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-vs-inline.html
"""

from __future__ import annotations

from urllib.parse import quote

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.iam import documents
from yobu.services.iam.model import (
    ATTACHED,
    INLINE,
    find_policy,
    find_role,
    limit_exceeded,
    no_such_inline,
    no_such_policy,
    not_attachable,
    policy_name,
)
from yobu.services.iam.paging import page
from yobu.services.iam.roles import Roles
from yobu.store.port import Tx

MAX_ATTACHED = 10


class RolePolicies(Roles):
    """The operations that hang policies on roles."""

    async def attach_role_policy(self, ctx: Context, params: Params) -> Params:
        """Hang a managed policy on a role; AWS's own (`arn:aws:iam::aws:policy/...`) are taken by name.

        NoSuchEntity; LimitExceeded above ten.
        """
        arn = params["PolicyArn"]

        async def attach(tx: Tx) -> None:
            key = (await find_role(tx, ctx.account, params["RoleName"])).name.lower()
            if not arn.startswith("arn:aws:iam::aws:") and await find_policy(tx, ctx.account, arn) is None:
                raise not_attachable(arn)
            rows = await ATTACHED.scan(tx, ATTACHED.range(ctx.account, key))
            if len(rows) >= MAX_ATTACHED and arn not in (parts[2] for parts, _ in rows):
                raise limit_exceeded(f"Cannot exceed quota for PoliciesPerRole: {MAX_ATTACHED}")
            ATTACHED.put(tx, (ctx.account, key, arn), policy_name(arn))

        await self.parts.store.write(attach)
        return {}

    async def detach_role_policy(self, ctx: Context, params: Params) -> Params:
        """Take a managed policy off a role."""
        arn = params["PolicyArn"]

        async def detach(tx: Tx) -> None:
            key = (await find_role(tx, ctx.account, params["RoleName"])).name.lower()
            if await ATTACHED.get(tx, ctx.account, key, arn) is None:
                raise no_such_policy(arn)
            ATTACHED.delete(tx, ctx.account, key, arn)

        await self.parts.store.write(detach)
        return {}

    async def list_attached_role_policies(self, ctx: Context, params: Params) -> Params:
        """The managed policies of a role, below PathPrefix."""
        role = await find_role(self.parts.store, ctx.account, params["RoleName"])
        below = f":policy{params.get('PathPrefix', '/')}"
        rows, following = await page(
            self.parts.store, ATTACHED, (ctx.account, role.name.lower()), params, lambda row: below in row[0][2]
        )
        attached = [{"PolicyName": name, "PolicyArn": parts[2]} for parts, name in rows]
        return {"AttachedPolicies": attached, **following}

    async def put_role_policy(self, ctx: Context, params: Params) -> Params:
        """Write an inline policy. MalformedPolicyDocument; LimitExceeded where a role's are too long together."""
        name, document = params["PolicyName"], documents.permissions(params["PolicyDocument"])

        async def put(tx: Tx) -> None:
            role = await find_role(tx, ctx.account, params["RoleName"])
            rows = await INLINE.scan(tx, INLINE.range(ctx.account, role.name.lower()))
            others = sum(documents.size(text) for parts, text in rows if parts[2] != name)
            if others + documents.size(document) > documents.INLINE_SIZE:
                raise limit_exceeded(
                    f"Maximum policy size of {documents.INLINE_SIZE} bytes exceeded for role {role.name}"
                )
            INLINE.put(tx, (ctx.account, role.name.lower(), name), document)

        await self.parts.store.write(put)
        return {}

    async def get_role_policy(self, ctx: Context, params: Params) -> Params:
        """An inline policy."""
        role = await find_role(self.parts.store, ctx.account, params["RoleName"])
        name = params["PolicyName"]
        document = await INLINE.get(self.parts.store, ctx.account, role.name.lower(), name)
        if document is None:
            raise no_such_inline(name)
        return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": quote(document)}

    async def delete_role_policy(self, ctx: Context, params: Params) -> Params:
        """Remove an inline policy."""
        name = params["PolicyName"]

        async def delete(tx: Tx) -> None:
            key = (await find_role(tx, ctx.account, params["RoleName"])).name.lower()
            if await INLINE.get(tx, ctx.account, key, name) is None:
                raise no_such_inline(name)
            INLINE.delete(tx, ctx.account, key, name)

        await self.parts.store.write(delete)
        return {}

    async def list_role_policies(self, ctx: Context, params: Params) -> Params:
        """The names of a role's inline policies."""
        role = await find_role(self.parts.store, ctx.account, params["RoleName"])
        rows, following = await page(
            self.parts.store, INLINE, (ctx.account, role.name.lower()), params, lambda row: True
        )
        return {"PolicyNames": [parts[2] for parts, _ in rows], **following}

    async def put_role_permissions_boundary(self, ctx: Context, params: Params) -> Params:
        """Set the boundary."""
        ctx.warn("PutRolePermissionsBoundary: permissions boundaries are not enforced")
        await self.change_role(ctx, params, boundary=params["PermissionsBoundary"])
        return {}

    async def delete_role_permissions_boundary(self, ctx: Context, params: Params) -> Params:
        """Take the boundary away."""
        await self.change_role(ctx, params, boundary=None)
        return {}
