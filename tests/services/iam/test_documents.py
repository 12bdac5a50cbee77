from __future__ import annotations

import json
from typing import Any

import pytest

from yobu.base.errors import AwsError
from yobu.services.iam import documents

TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
ALLOW = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}


def policy(*statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def without(statement: dict[str, Any], member: str) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name != member}


def test_well_formed_documents_are_taken_as_they_are() -> None:
    for text in (policy(TRUST), json.dumps({"Statement": TRUST}), policy({**TRUST, "Action": ["sts:TagSession"]})):
        assert documents.trust(text) == text
    for text in (policy(ALLOW), policy({"Effect": "Deny", "NotAction": "a:b", "NotResource": ["*"]})):
        assert documents.managed(text) == documents.permissions(text) == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ("[" * 10_000, "This policy contains invalid Json"),
        ("[]", "This policy contains invalid Json"),
        ("{}", "Syntax errors in policy."),
        (policy("text"), "Syntax errors in policy."),
        (policy(without(TRUST, "Effect")), "Syntax errors in policy."),
        (policy({**TRUST, "Resource": "*"}), "Has prohibited field Resource"),
        (policy(without(TRUST, "Principal")), "Missing required field Principal"),
        (policy(without(TRUST, "Action")), "Missing required field Action"),
        (policy({**TRUST, "Action": "s3:Get"}), "AssumeRole policy may only specify STS AssumeRole actions."),
        (policy({**TRUST, "Action": 1}), "Syntax errors in policy."),
    ],
)
def test_what_a_trust_policy_may_not_be(text: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        documents.trust(text)
    assert (caught.value.code, caught.value.message) == ("MalformedPolicyDocument", message)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ({**ALLOW, "Principal": "*"}, "Policy document should not specify a principal."),
        (without(ALLOW, "Action"), "Policy statement must contain actions."),
        (without(ALLOW, "Resource"), "Policy statement must contain resources."),
    ],
)
def test_what_a_policy_of_an_identity_may_not_be(statement: Any, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        documents.permissions(policy(statement))
    assert (caught.value.code, caught.value.message) == ("MalformedPolicyDocument", message)


@pytest.mark.parametrize(
    ("check", "statement", "limit", "message"),
    [
        (documents.trust, TRUST, 2_048, "Cannot exceed quota for ACLSizePerRole: 2048"),
        (documents.managed, ALLOW, 6_144, "Cannot exceed quota for PolicySize: 6144"),
    ],
)
def test_white_space_does_not_count_against_the_limits(check: Any, statement: Any, limit: int, message: str) -> None:
    used = documents.size(policy(statement, Id=""))
    text = json.dumps(json.loads(policy(statement, Id="x" * (limit - used))), indent=40)
    assert documents.size(text) == limit < len(text)
    assert check(text) == text
    with pytest.raises(AwsError) as caught:
        check(policy(statement, Id="x" * (limit - used + 1)))
    assert (caught.value.code, caught.value.status, caught.value.message) == ("LimitExceeded", 409, message)
