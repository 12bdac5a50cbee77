"""The forms in which a function may be named: name, partial ARN, full ARN, each with or without a qualifier.

In: the text and the request's context. Out: a `FunctionRef`. Knows nothing of what exists.
https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html#API_GetFunction_RequestSyntax
"""

from __future__ import annotations

import re

from yobu.base.context import Context
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.model import errors

LATEST = "$LATEST"

_FORMS = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?"
    r"(?:(?P<region>(?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?"
    r"(?:(?P<account>\d{12}):)?"
    r"(?:function:)?"
    r"(?P<name>[a-zA-Z0-9-_.]+)"
    r"(?::(?P<qualifier>\$LATEST|[a-zA-Z0-9-_]+))?"
)


def parse(ctx: Context, text: str, qualifier: str | None = None) -> FunctionRef:
    """The function that `text` and the `Qualifier` parameter name.

    InvalidParameterValueException where the two qualifiers differ, ResourceNotFoundException for another region.
    """
    if ":" not in text:
        return FunctionRef(ctx.account, ctx.region, text, qualifier or None)
    match = _FORMS.fullmatch(text)
    if match is None:
        raise errors.constraint(
            text, "functionName", f"Member must satisfy regular expression pattern: {_FORMS.pattern}"
        )
    region = match["region"] or ctx.region
    if region != ctx.region:
        raise errors.wrong_region(region, ctx.region)
    named = match["qualifier"]
    if named and qualifier and named != qualifier:
        raise errors.qualifier_mismatch()
    return FunctionRef(match["account"] or ctx.account, region, match["name"], named or qualifier or None)


def unqualified(ctx: Context, text: str) -> FunctionRef:
    """Like `parse`, for operations on whole functions. Refuses versions and aliases."""
    ref = parse(ctx, text)
    if ref.qualifier is not None:
        raise errors.functions_only()
    return ref


def arn(ref: FunctionRef, qualifier: str | None = None) -> str:
    """The function's ARN, with `qualifier` where one is given (the ref's own is left out)."""
    plain = f"arn:aws:lambda:{ref.region}:{ref.account}:function:{ref.name}"
    return plain if qualifier is None else f"{plain}:{qualifier}"


def full_arn(ref: FunctionRef) -> str:
    """The ARN with the ref's own qualifier, as it was asked for."""
    return arn(ref, ref.qualifier)


def is_version(qualifier: str) -> bool:
    """Whether a qualifier is a version's number (an alias never is)."""
    return qualifier.isascii() and qualifier.isdigit()
