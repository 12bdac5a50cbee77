"""Conditional requests and ranges. Pure: header texts and an object's facts in, a verdict out.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html, RFC 9110 sections 13 and 14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from yobu.services.s3 import faults
from yobu.services.s3.rules import seconds

Verdict = Literal["go", "not modified"]


class Span(NamedTuple):
    """Bytes `start` to `end` (excluded) of an object."""

    start: int
    end: int


def unquoted(etag: str) -> str:
    """An ETag as it is kept: without quotes and white space."""
    return etag.strip().removeprefix('"').removesuffix('"')


def etag_matches(text: str, etag: str) -> bool:
    """Whether an If-Match or If-None-Match value (`*`, or a list) means `etag` (kept form)."""
    return text.strip() == "*" or any(unquoted(part.strip().removeprefix("W/")) == etag for part in text.split(","))


def check_read(params: Mapping[str, Any], etag: str, modified_s: int, prefix: str = "") -> Verdict:
    """The verdict on a read of the object.

    `prefix` is `CopySource` for the source of a copy, where every failure is a 412. If-Match outranks
    If-Unmodified-Since, and If-None-Match outranks If-Modified-Since. Raises PreconditionFailed.
    """
    header = "x-amz-copy-source-" if prefix else ""
    match, none_match = params.get(f"{prefix}IfMatch"), params.get(f"{prefix}IfNoneMatch")
    unmodified, modified = params.get(f"{prefix}IfUnmodifiedSince"), params.get(f"{prefix}IfModifiedSince")
    if match is not None:
        if not etag_matches(match, etag):
            raise faults.precondition_failed(f"{header}If-Match")
    elif unmodified is not None and modified_s > int(seconds(unmodified)):
        raise faults.precondition_failed(f"{header}If-Unmodified-Since")
    if none_match is not None:
        same, name = etag_matches(none_match, etag), "If-None-Match"
    else:
        same, name = modified is not None and modified_s <= int(seconds(modified)), "If-Modified-Since"
    if not same:
        return "go"
    if prefix:
        raise faults.precondition_failed(f"{header}{name}")
    return "not modified"


def check_write_headers(params: Mapping[str, Any]) -> None:
    """Refuse, before the body is read, forms of If-Match and If-None-Match that S3's writes do not take."""
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    if match is not None and none_match is not None:
        raise faults.not_implemented(
            "If-Match,If-None-Match", "Multiple conditional request headers present in the request"
        )
    if none_match is not None and none_match.strip() != "*":
        raise faults.not_implemented(
            "If-None-Match", "We don't accept the provided value of If-None-Match header for this API"
        )
    if match is not None and match.strip() == "*":
        raise faults.not_implemented("If-Match", "We don't accept the provided value of If-Match header for this API")


def check_write(params: Mapping[str, Any], key: str, etag: str | None) -> None:
    """Whether the key may be written over: `etag` is the present object's, None where there is none.

    Raises PreconditionFailed, and NoSuchKey for an If-Match on nothing.
    """
    match, none_match = params.get("IfMatch"), params.get("IfNoneMatch")
    if none_match is not None and etag is not None:
        raise faults.precondition_failed("If-None-Match")
    if match is not None:
        if etag is None:
            raise faults.no_such_key(key)
        if unquoted(match) != etag:
            raise faults.precondition_failed("If-Match")


_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def find_range(text: str | None, size: int) -> Span | None:
    """The bytes that a Range header asks for, or None where it does not count (absent, malformed, several ranges).

    Raises InvalidRange where it is well-formed and no byte lies in it.
    """
    found = _RANGE.fullmatch(text.strip()) if text else None
    if found is None or text is None:
        return None
    first, last = found.groups()
    if not first and not last:
        return None
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise faults.invalid_range(text, size)
    return Span(start, end)


def copy_range(text: str, size: int) -> Span:
    """The bytes of an `x-amz-copy-source-range`, which must lie wholly in the source."""
    found = _RANGE.fullmatch(text)
    if found is None or not all(found.groups()) or int(found[1]) > int(found[2]):
        raise faults.invalid_argument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            text,
        )
    if int(found[2]) >= size:
        raise faults.invalid_argument(
            f"Range specified is not valid for source object of size: {size}", "x-amz-copy-source-range", text
        )
    return Span(int(found[1]), int(found[2]) + 1)
