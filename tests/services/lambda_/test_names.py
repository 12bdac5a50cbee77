from __future__ import annotations

import pytest

from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.services.lambda_.model import names

FORMS = {
    "f": ("123456789012", "f", None),
    "f:live": ("123456789012", "f", "live"),
    "f:$LATEST": ("123456789012", "f", "$LATEST"),
    "function:f": ("123456789012", "f", None),
    "123456789012:function:f": ("123456789012", "f", None),
    "123456789012:f:7": ("123456789012", "f", "7"),
    "us-east-1:123456789012:function:f": ("123456789012", "f", None),
    "arn:aws:lambda:us-east-1:123456789012:function:f": ("123456789012", "f", None),
    "arn:aws:lambda:us-east-1:123456789012:function:f:live": ("123456789012", "f", "live"),
    "arn:aws:lambda:us-east-1:999999999999:function:f": ("999999999999", "f", None),
}


@pytest.mark.parametrize(("text", "meant"), FORMS.items())
def test_every_form_of_a_name_is_read(ctx: Context, text: str, meant: tuple[str, str, str | None]) -> None:
    ref = names.parse(ctx, text)
    assert (ref.account, ref.name, ref.qualifier) == meant
    assert ref.region == "us-east-1"


def test_the_parameter_may_repeat_the_qualifier_but_not_contradict_it(ctx: Context) -> None:
    assert names.parse(ctx, "f:live", "live").qualifier == "live"
    assert names.parse(ctx, "f", "live").qualifier == "live"
    with pytest.raises(AwsError, match="The derived qualifier from the function name does not match"):
        names.parse(ctx, "f:live", "other")


def test_another_region_is_not_reachable(ctx: Context) -> None:
    with pytest.raises(AwsError) as caught:
        names.parse(ctx, "arn:aws:lambda:eu-west-1:123456789012:function:f")
    assert caught.value.code == "ResourceNotFoundException"
    assert caught.value.message == "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"


def test_what_is_no_form_is_refused(ctx: Context) -> None:
    with pytest.raises(AwsError) as caught:
        names.parse(ctx, "arn:aws:s3:::f:x:y:z")
    assert caught.value.code == "ValidationException"


def test_arns_are_made_with_and_without_a_qualifier(ctx: Context) -> None:
    ref = names.parse(ctx, "f:live")
    assert names.arn(ref) == "arn:aws:lambda:us-east-1:123456789012:function:f"
    assert names.full_arn(ref) == names.arn(ref, "live") == names.arn(ref) + ":live"
