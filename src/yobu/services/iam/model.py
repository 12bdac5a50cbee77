"""State, rules and errors of IAM and STS. IAM is global: its state is keyed by account alone.

Keys: ("iam", "role" | "policy", account, name in lower case), ("iam", "attached", account, role, policy ARN),
("iam", "inline", account, role, policy name), ("iam", "session", access key); `role` is the role's name in lower
case: names are told apart without regard to case.
"""

from __future__ import annotations

import string

import msgspec

from yobu.base.arn import parse_arn
from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.store.port import Reader
from yobu.store.space import Space


class Role(msgspec.Struct, frozen=True, omit_defaults=True):
    """A role's record. `trust` is its trust policy (JSON text); `created` seconds since 1970."""

    name: str
    id: str
    path: str
    arn: str
    trust: str
    created: float
    description: str = ""
    max_session_s: int = 3600
    boundary: str | None = None
    tags: dict[str, str] = {}


class Policy(msgspec.Struct, frozen=True, omit_defaults=True):
    """A customer managed policy. `versions` are (number, document, created), `default` the number in force."""

    name: str
    id: str
    path: str
    arn: str
    created: float
    updated: float
    versions: tuple[tuple[int, str, float], ...]
    default: int = 1
    latest: int = 1
    description: str = ""
    tags: dict[str, str] = {}


class Session(msgspec.Struct, frozen=True, array_like=True):
    """Temporary credentials that AssumeRole gave out. `expires` is real time, seconds since 1970."""

    access_key: str
    secret: str
    token: str
    account: str
    role: str
    name: str
    user_id: str
    expires: float


ROLES: Space[Role] = Space(("iam", "role"), Role)
POLICIES: Space[Policy] = Space(("iam", "policy"), Policy)
ATTACHED: Space[str] = Space(("iam", "attached"), str)
INLINE: Space[str] = Space(("iam", "inline"), str)
SESSIONS: Space[Session] = Space(("iam", "session"), Session)


async def find_role(read: Reader, account: str, name: str) -> Role:
    """The role of that name. NoSuchEntity."""
    role = await ROLES.get(read, account, name.lower())
    if role is None:
        raise no_such_role(name)
    return role


async def find_policy(read: Reader, account: str, arn: str) -> Policy | None:
    """The customer managed policy of that ARN."""
    policy = await POLICIES.get(read, account, policy_name(arn).lower())
    return policy if policy is not None and policy.arn == arn else None


def policy_name(arn: str) -> str:
    """The name at the end of a policy's ARN."""
    return arn.rpartition("/")[2]


def no_such_role(name: str) -> AwsError:
    """NoSuchEntity, for a role."""
    return AwsError("NoSuchEntity", f"The role with name {name} cannot be found.", 404)


def no_such_policy(arn: str) -> AwsError:
    """NoSuchEntity, for a managed policy."""
    return AwsError("NoSuchEntity", f"Policy {arn} was not found.", 404)


def not_attachable(arn: str) -> AwsError:
    """NoSuchEntity, for a managed policy that is to be hung on a role."""
    return AwsError("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)


def no_such_inline(name: str) -> AwsError:
    """NoSuchEntity, for an inline policy of a role."""
    return AwsError("NoSuchEntity", f"The role policy with name {name} cannot be found.", 404)


def no_such_version(arn: str, version: str) -> AwsError:
    """NoSuchEntity, for a version of a managed policy."""
    return AwsError("NoSuchEntity", f"Policy {arn} version {version} does not exist or is not attachable.", 404)


def role_exists(name: str) -> AwsError:
    """EntityAlreadyExists, for a role."""
    return AwsError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)


def policy_exists(name: str) -> AwsError:
    """EntityAlreadyExists, for a managed policy."""
    message = f"A policy called {name} already exists. Duplicate names are not allowed."
    return AwsError("EntityAlreadyExists", message, 409)


def limit_exceeded(message: str) -> AwsError:
    """LimitExceeded."""
    return AwsError("LimitExceeded", message, 409)


def conflict(message: str) -> AwsError:
    """DeleteConflict."""
    return AwsError("DeleteConflict", message, 409)


_SECRET_LETTERS = string.ascii_letters + string.digits + "+/"


def new_session(ids: Ids, role: str, name: str, expires: float, user_id: str | None = None) -> Session:
    """Fresh credentials of `role` (an ARN) that nobody knows yet."""
    arn = parse_arn(role)
    return Session(
        access_key="ASIA" + ids.text(16),
        secret=ids.text(40, _SECRET_LETTERS),
        token="IQoJ" + ids.text(196, _SECRET_LETTERS),
        account=arn.account,
        role=arn.resource.rpartition("/")[2],
        name=name,
        user_id=user_id or "AROA" + ids.text(17),
        expires=expires,
    )
