"""Policy documents: what is a well-formed one, and how long each kind may be. Whom they let in is not decided here.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from yobu.base.errors import AwsError
from yobu.services.iam.model import limit_exceeded

MANAGED_SIZE = 6_144
INLINE_SIZE = 10_240
TRUST_SIZE = 2_048


def size(text: str) -> int:
    """A document's length as its limits count it: without white space."""
    return sum(map(len, text.split()))


def permissions(text: str) -> str:
    """`text` where it is a policy of an identity. MalformedPolicyDocument."""
    for statement in _statements(text):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        if "Action" not in statement and "NotAction" not in statement:
            raise malformed("Policy statement must contain actions.")
        if "Resource" not in statement and "NotResource" not in statement:
            raise malformed("Policy statement must contain resources.")
    return text


def managed(text: str) -> str:
    """`text` where it is a managed policy's document. MalformedPolicyDocument, LimitExceeded."""
    permissions(text)
    if size(text) > MANAGED_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {MANAGED_SIZE}")
    return text


def trust(text: str) -> str:
    """`text` where it is a role's trust policy. MalformedPolicyDocument, LimitExceeded."""
    for statement in _statements(text):
        if "Resource" in statement or "NotResource" in statement:
            raise malformed("Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise malformed("Missing required field Principal")
        actions = statement.get("Action")
        if not actions:
            raise malformed("Missing required field Action")
        for action in actions if isinstance(actions, list) else [actions]:
            if not isinstance(action, str):
                raise malformed("Syntax errors in policy.")
            if not action.lower().startswith("sts:"):
                raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    if size(text) > TRUST_SIZE:
        raise limit_exceeded(f"Cannot exceed quota for ACLSizePerRole: {TRUST_SIZE}")
    return text


def malformed(message: str) -> AwsError:
    """MalformedPolicyDocument."""
    return AwsError("MalformedPolicyDocument", message, 400)


def _statements(text: str) -> list[dict[str, Any]]:
    """The statements of a document, each with an effect."""
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise malformed("This policy contains invalid Json") from None
    if not isinstance(document, dict):
        raise malformed("This policy contains invalid Json")
    found = document.get("Statement")
    statements = [found] if isinstance(found, dict) else found
    if not isinstance(statements, list) or not all(map(_has_effect, statements)):
        raise malformed("Syntax errors in policy.")
    return statements


def _has_effect(statement: Any) -> bool:
    return isinstance(statement, dict) and statement.get("Effect") in ("Allow", "Deny")
