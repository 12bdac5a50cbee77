"""IAM's questions about users and the account, whose honest answer here is always the same: there are no users.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetUser.html
"""

from __future__ import annotations

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.port import Room


class Account(Room):
    """What clients ask to find out who they are."""

    async def get_user(self, ctx: Context, params: Params) -> Params:
        """The root's record for the root, as on AWS without a name. NoSuchEntity for every name."""
        if params.get("UserName"):
            raise AwsError("NoSuchEntity", f"The user with name {params['UserName']} cannot be found.", 404)
        if ctx.principal.kind != "root":
            raise AwsError("ValidationError", "Must specify userName when calling with non-User credentials")
        return {"User": {"UserId": ctx.account, "Arn": ctx.principal.arn, "CreateDate": 0.0}}

    async def list_users(self, ctx: Context, params: Params) -> Params:
        """None."""
        return {"Users": [], "IsTruncated": False}

    async def list_account_aliases(self, ctx: Context, params: Params) -> Params:
        """None: no operation here makes one."""
        return {"AccountAliases": [], "IsTruncated": False}
