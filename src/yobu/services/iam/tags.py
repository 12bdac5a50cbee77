"""IAM's tags. Their keys are told apart without regard to case, and keep the case that they were last given in."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from yobu.aws.http import Params
from yobu.base.errors import AwsError
from yobu.services.iam.model import limit_exceeded

MAX_TAGS = 50


def read(params: Params) -> dict[str, str]:
    """The tags of an input. InvalidInput where a key comes twice."""
    given = params.get("Tags") or ()
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len({key.lower() for key in tags}) < len(given):
        raise AwsError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    return tags


def merged(before: Mapping[str, str], add: Mapping[str, str]) -> dict[str, str]:
    """The tags with `add`, which replaces those of the same keys. LimitExceeded above 50."""
    tags = {**without(before, add), **add}
    if len(tags) > MAX_TAGS:
        raise limit_exceeded("The number of tags has reached the maximum limit.")
    return tags


def without(before: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    """The tags that are left when those of `keys` are taken away."""
    gone = {key.lower() for key in keys}
    return {key: value for key, value in before.items() if key.lower() not in gone}


def shown(tags: Mapping[str, str]) -> list[Params]:
    """The tags as AWS answers them."""
    return [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
