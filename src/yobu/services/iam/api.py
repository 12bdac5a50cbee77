"""IAM with STS beside it: one mixin for each resource, put together here. Records only: permissions are not evaluated.

https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html
"""

from __future__ import annotations

from typing import ClassVar

from yobu.services.iam.account import Account
from yobu.services.iam.policies import Policies
from yobu.services.iam.role_policies import RolePolicies
from yobu.services.iam.sts import Sts


class Api(RolePolicies, Policies, Account, Sts):
    """The IAM room: roles, what hangs on them, managed policies, and STS."""

    services: ClassVar[tuple[str, ...]] = ("iam", "sts")
    constraint_code: ClassVar[str | None] = "ValidationError"
