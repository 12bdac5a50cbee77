"""STS: who am I, and temporary credentials of a role.

https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html
"""

from __future__ import annotations

from yobu.aws.http import Params
from yobu.base.arn import parse_arn
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.iam import documents
from yobu.services.iam.model import ROLES, SESSIONS, new_session
from yobu.services.port import Room, not_built
from yobu.store.port import Tx

_UNUSED = ("PolicyArns", "Tags", "TransitiveTagKeys", "SourceIdentity", "ExternalId", "SerialNumber", "TokenCode")
"""Members of AssumeRole that only policies would ask for, and policies are not evaluated."""


class Sts(Room):
    """The operations of STS. Trust policies are not evaluated yet: any caller may assume any role that exists."""

    async def get_caller_identity(self, ctx: Context, params: Params) -> Params:
        """The caller's account, ARN and unique id."""
        who = ctx.principal
        return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}

    async def get_session_token(self, ctx: Context, params: Params) -> Params:
        """Refused: only roles have sessions."""
        raise AwsError("AccessDenied", "Cannot call GetSessionToken: yobu gives temporary keys of roles only", 403)

    async def assume_role(self, ctx: Context, params: Params) -> Params:
        """Credentials of a role for `DurationSeconds` (900 s up to the role's maximum; 3,600 by default)."""
        role_arn, name = params["RoleArn"], params["RoleSessionName"]
        try:
            arn = parse_arn(role_arn)
        except ValueError:
            raise AwsError("ValidationError", f"{role_arn} is invalid") from None
        duration = params.get("DurationSeconds", 3600)
        if params.get("Policy") is not None:
            documents.permissions(params["Policy"])
            ctx.warn("AssumeRole: session policies are not enforced")
        unused = [member for member in _UNUSED if params.get(member)]
        if unused:
            ctx.warn(f"AssumeRole: no policy is evaluated, so that {', '.join(unused)} have no effect")
        if params.get("ProvidedContexts"):
            raise not_built("trusted identity propagation (ProvidedContexts)")
        role = await ROLES.get(self.parts.store, arn.account, arn.resource.rpartition("/")[2].lower())
        if arn.service != "iam" or not arn.resource.startswith("role/") or role is None or role.arn != role_arn:
            message = f"User: {ctx.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            raise AwsError("AccessDenied", message, 403)
        if duration > role.max_session_s:
            message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            raise AwsError("ValidationError", message)
        session = new_session(self.parts.ids, role_arn, name, self.parts.clock.real() + duration, role.id)

        async def keep(tx: Tx) -> None:
            SESSIONS.put(tx, (session.access_key,), session)

        await self.parts.store.write(keep)
        return {
            "Credentials": {
                "AccessKeyId": session.access_key,
                "SecretAccessKey": session.secret,
                "SessionToken": session.token,
                "Expiration": session.expires,
            },
            "AssumedRoleUser": {
                "AssumedRoleId": f"{role.id}:{name}",
                "Arn": f"arn:aws:sts::{arn.account}:assumed-role/{role.name}/{name}",
            },
        }
