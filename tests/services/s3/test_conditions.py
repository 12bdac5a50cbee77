"""Tables of conditional requests and ranges."""

from __future__ import annotations

import pytest

from yobu.base.errors import AwsError
from yobu.services.s3.conditions import Span, check_read, check_write, check_write_headers, copy_range, find_range

ETAG = "9b2cf535f27731c974343645a3985328"
MODIFIED = 1_700_000_000
BEFORE, AFTER = MODIFIED - 1, MODIFIED + 1


@pytest.mark.parametrize(
    ("params", "verdict"),
    [
        ({}, "go"),
        ({"IfMatch": f'"{ETAG}"'}, "go"),
        ({"IfMatch": ETAG}, "go"),
        ({"IfMatch": "*"}, "go"),
        ({"IfMatch": f'"other", "{ETAG}"'}, "go"),
        ({"IfMatch": '"other"'}, "If-Match"),
        ({"IfNoneMatch": '"other"'}, "go"),
        ({"IfNoneMatch": f'"{ETAG}"'}, "not modified"),
        ({"IfNoneMatch": f'W/"{ETAG}"'}, "not modified"),
        ({"IfNoneMatch": "*"}, "not modified"),
        ({"IfModifiedSince": BEFORE}, "go"),
        ({"IfModifiedSince": MODIFIED}, "not modified"),
        ({"IfModifiedSince": AFTER}, "not modified"),
        ({"IfUnmodifiedSince": AFTER}, "go"),
        ({"IfUnmodifiedSince": MODIFIED}, "go"),
        ({"IfUnmodifiedSince": BEFORE}, "If-Unmodified-Since"),
        # If-Match outranks If-Unmodified-Since, If-None-Match outranks If-Modified-Since.
        ({"IfMatch": ETAG, "IfUnmodifiedSince": BEFORE}, "go"),
        ({"IfMatch": "other", "IfUnmodifiedSince": AFTER}, "If-Match"),
        ({"IfNoneMatch": ETAG, "IfModifiedSince": BEFORE}, "not modified"),
        ({"IfNoneMatch": "other", "IfModifiedSince": AFTER}, "go"),
        ({"IfMatch": ETAG, "IfNoneMatch": ETAG}, "not modified"),
    ],
)
def test_reads(params: dict, verdict: str) -> None:
    if verdict in ("go", "not modified"):
        assert check_read(params, ETAG, MODIFIED) == verdict
    else:
        with pytest.raises(AwsError) as caught:
            check_read(params, ETAG, MODIFIED)
        assert (caught.value.code, caught.value.status) == ("PreconditionFailed", 412)
        assert caught.value.members == {"Condition": verdict}


@pytest.mark.parametrize(
    ("params", "condition"),
    [
        ({"CopySourceIfMatch": "other"}, "x-amz-copy-source-If-Match"),
        ({"CopySourceIfNoneMatch": ETAG}, "x-amz-copy-source-If-None-Match"),
        ({"CopySourceIfModifiedSince": AFTER}, "x-amz-copy-source-If-Modified-Since"),
        ({"CopySourceIfUnmodifiedSince": BEFORE}, "x-amz-copy-source-If-Unmodified-Since"),
        ({"CopySourceIfMatch": ETAG, "IfNoneMatch": "*"}, None),
    ],
)
def test_sources_of_copies_fail_with_412_alone(params: dict, condition: str | None) -> None:
    if condition is None:
        assert check_read(params, ETAG, MODIFIED, "CopySource") == "go"
    else:
        with pytest.raises(AwsError) as caught:
            check_read(params, ETAG, MODIFIED, "CopySource")
        assert caught.value.members == {"Condition": condition}


@pytest.mark.parametrize(
    ("params", "etag", "code"),
    [
        ({}, None, None),
        ({}, ETAG, None),
        ({"IfNoneMatch": "*"}, None, None),
        ({"IfNoneMatch": "*"}, ETAG, "PreconditionFailed"),
        ({"IfMatch": f'"{ETAG}"'}, ETAG, None),
        ({"IfMatch": ETAG}, ETAG, None),
        ({"IfMatch": "other"}, ETAG, "PreconditionFailed"),
        ({"IfMatch": ETAG}, None, "NoSuchKey"),
    ],
)
def test_writes(params: dict, etag: str | None, code: str | None) -> None:
    if code is None:
        check_write(params, "k", etag)
    else:
        with pytest.raises(AwsError) as caught:
            check_write(params, "k", etag)
        assert caught.value.code == code


@pytest.mark.parametrize("params", [{"IfNoneMatch": ETAG}, {"IfMatch": "*"}, {"IfMatch": ETAG, "IfNoneMatch": "*"}])
def test_forms_that_writes_do_not_take(params: dict) -> None:
    with pytest.raises(AwsError) as caught:
        check_write_headers(params)
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


@pytest.mark.parametrize(
    ("text", "size", "span"),
    [
        (None, 10, None),
        ("bytes=0-0", 10, (0, 1)),
        ("bytes=2-4", 10, (2, 5)),
        ("bytes=2-", 10, (2, 10)),
        ("bytes=2-99", 10, (2, 10)),
        ("bytes=-3", 10, (7, 10)),
        ("bytes=-99", 10, (0, 10)),
        ("bytes=9-9", 10, (9, 10)),
        # Malformed, or several: as if it were not there.
        ("bytes=4-2", 10, None),
        ("bytes=0-1,3-4", 10, None),
        ("bytes=a-b", 10, None),
        ("bytes=-", 10, None),
        ("items=0-1", 10, None),
        ("0-1", 10, None),
        ("bytes=" + "9" * 5000 + "-", 10, None),
        # Well-formed, but no byte lies in it.
        ("bytes=10-12", 10, "InvalidRange"),
        ("bytes=10-", 10, "InvalidRange"),
        ("bytes=-0", 10, "InvalidRange"),
        ("bytes=0-0", 0, "InvalidRange"),
        ("bytes=-1", 0, "InvalidRange"),
    ],
)
def test_ranges(text: str | None, size: int, span: object) -> None:
    if span == "InvalidRange":
        with pytest.raises(AwsError) as caught:
            find_range(text, size)
        assert (caught.value.code, caught.value.status) == ("InvalidRange", 416)
        assert caught.value.members == {"RangeRequested": text, "ActualObjectSize": str(size)}
    else:
        assert find_range(text, size) == span


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("bytes=0-9", Span(0, 10)),
        ("bytes=3-3", Span(3, 4)),
        ("bytes=3-10", None),
        ("bytes=3-", None),
        ("bytes=5-4", None),
    ],
)
def test_ranges_of_copies_lie_wholly_in_the_source(text: str, span: Span | None) -> None:
    if span is not None:
        assert copy_range(text, 10) == span
    else:
        with pytest.raises(AwsError, match="InvalidArgument"):
            copy_range(text, 10)
