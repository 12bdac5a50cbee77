from __future__ import annotations

import dataclasses

import pytest

from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.iam.api import Api
from yobu.services.port import Parts


async def test_there_are_no_users_but_the_root(records_parts: Parts, ctx: Context) -> None:
    iam = Api(records_parts)
    shown = (await iam.get_user(ctx, {}))["User"]
    assert (shown["UserId"], shown["Arn"]) == (ctx.account, f"arn:aws:iam::{ctx.account}:root")
    with pytest.raises(AwsError, match="The user with name bob cannot be found"):
        await iam.get_user(ctx, {"UserName": "bob"})
    role = dataclasses.replace(ctx, principal=dataclasses.replace(ctx.principal, kind="role"))
    with pytest.raises(AwsError, match="Must specify userName when calling with non-User credentials"):
        await iam.get_user(role, {})
    assert await iam.list_users(ctx, {}) == {"Users": [], "IsTruncated": False}
    assert await iam.list_account_aliases(ctx, {}) == {"AccountAliases": [], "IsTruncated": False}
