"""Resource policies of functions: the statements that AddPermission writes, and whether they let a sender in.

In: AddPermission's input, or who sends what from where. Out: JSON text as AWS writes it, or a yes or no.
Pure; knows only the statements that this room writes itself.
https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from yobu.aws.http import Params
from yobu.services.lambda_.model import errors

INVOKE = "lambda:InvokeFunction"
INVOKE_URL = "lambda:InvokeFunctionUrl"
MAX_BYTES = 20 * 1024

BY_ROLE = frozenset({"lambda.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com", "pipes.amazonaws.com"})
"""Services that call with a role of their own: a function's resource policy does not speak about them."""

_SERVICE = re.compile(r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*\.(amazonaws|amazon)\.com(\.cn)?")
_ACCOUNT = re.compile(r"\d{12}")
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-zA-Z-]*:(iam|sts)::\d{12}:.+")


UNMET = ("PrincipalOrgID", "EventSourceToken", "FunctionUrlAuthType", "InvokedViaFunctionUrl")
"""Members of AddPermission that make conditions of what no sender here has: such a statement lets nobody in."""


class Sender(NamedTuple):
    """Who wants to invoke: a service principal for a resource of an account, or (`service` "") an account."""

    service: str
    arn: str
    account: str


def statement(params: Params, resource: str) -> dict[str, Any]:
    """The statement of an AddPermission call on `resource`, its members in AWS's order."""
    if params.get("FunctionUrlAuthType") and params["Action"] != INVOKE_URL:
        raise errors.invalid(f"FunctionUrlAuthType is only supported for {INVOKE_URL} action")
    made: dict[str, Any] = {
        "Sid": params["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(params["Principal"]),
        "Action": params["Action"],
        "Resource": resource,
    }
    conditions: dict[str, dict[str, str]] = {}
    for member, operator, key in (
        ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
        ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
        ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
        ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
        ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ):
        if params.get(member) is not None:
            conditions.setdefault(operator, {})[key] = params[member]
    if params.get("InvokedViaFunctionUrl") is not None:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": str(params["InvokedViaFunctionUrl"]).lower()}
    if conditions:
        made["Condition"] = conditions
    return made


def text(statement: dict[str, Any]) -> str:
    """A statement as JSON without spaces, as AWS answers it."""
    return json.dumps(statement, separators=(",", ":"), ensure_ascii=False)


def document(statements: Iterable[str]) -> str:
    """The whole policy as GetPolicy answers it."""
    return f'{{"Version":"2012-10-17","Id":"default","Statement":[{",".join(statements)}]}}'


def _principal(principal: str) -> str | dict[str, str]:
    if principal == "*":
        return "*"
    if _ACCOUNT.fullmatch(principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    if _PRINCIPAL_ARN.fullmatch(principal):
        return {"AWS": principal}
    if _SERVICE.fullmatch(principal):
        return {"Service": principal}
    raise errors.invalid("The provided principal was invalid. Please check the principal and try again.")


def permits(statements: Iterable[str], sender: Sender) -> bool:
    """Whether one of the statements lets `sender` invoke. A condition that cannot be checked here is not met."""
    return any(_applies(json.loads(made), sender) for made in statements)


def _applies(made: dict[str, Any], sender: Sender) -> bool:
    if made["Action"] not in (INVOKE, "lambda:*", "*") or not _is_named(made["Principal"], sender):
        return False
    return all(
        _TESTS[operator](key, value, sender) if operator in _TESTS else False
        for operator, wanted in made.get("Condition", {}).items()
        for key, value in wanted.items()
    )


def _is_named(principal: str | dict[str, str], sender: Sender) -> bool:
    if principal == "*":
        return True
    assert isinstance(principal, dict)
    if sender.service:
        return principal.get("Service") == sender.service
    named = principal.get("AWS", "")
    return named in (sender.arn, f"arn:aws:iam::{sender.account}:root")


def _equals(key: str, value: str, sender: Sender) -> bool:
    return key == "AWS:SourceAccount" and value == sender.account


def _arn_like(key: str, pattern: str, sender: Sender) -> bool:
    """ArnLike: each of the six parts on its own, with * and ?."""
    parts, wanted = sender.arn.split(":", 5), pattern.split(":", 5)
    return key == "AWS:SourceArn" and len(parts) == len(wanted) and all(map(_glob, wanted, parts))


def _glob(pattern: str, part: str) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, part, re.DOTALL) is not None


_TESTS: dict[str, Callable[[str, str, Sender], bool]] = {"StringEquals": _equals, "ArnLike": _arn_like}
