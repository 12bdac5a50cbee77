"""CopyObject: directives, conditions and sources."""

from __future__ import annotations

import hashlib

import pytest

from .conftest import OTHER, S3, context

BIG = b"0123456789" * 20_000


@pytest.fixture
async def source(s3: S3, bucket: str) -> str:
    await s3(
        "PutObject",
        Bucket=bucket,
        Key="sou rce",
        Body=BIG,
        ContentType="text/plain",
        CacheControl="no-cache",
        Metadata={"a": "b"},
        Tagging="t=1",
    )
    return f"/{bucket}/sou%20rce"


class TestCopy:
    async def test_takes_everything_along(self, s3: S3, bucket: str, source: str) -> None:
        s3.clock.advance(100)
        answer = await s3("CopyObject", Bucket=bucket, Key="k", CopySource=source)
        etag = f'"{hashlib.md5(BIG).hexdigest()}"'
        result = answer["CopyObjectResult"]
        assert (result["ETag"], result["LastModified"]) == (etag, 1_700_000_100)
        assert await s3.read(Bucket=bucket, Key="k") == BIG
        head = await s3("HeadObject", Bucket=bucket, Key="k")
        assert (head["ContentType"], head["CacheControl"], head["Metadata"]) == ("text/plain", "no-cache", {"a": "b"})
        assert head["TagCount"] == 1

    async def test_replaces_what_it_is_told_to(self, s3: S3, bucket: str, source: str) -> None:
        await s3(
            "CopyObject",
            Bucket=bucket,
            Key="k",
            CopySource=source,
            MetadataDirective="REPLACE",
            TaggingDirective="REPLACE",
            Metadata={"c": "d"},
        )
        head = await s3("HeadObject", Bucket=bucket, Key="k")
        assert (head["ContentType"], head["Metadata"]) == ("binary/octet-stream", {"c": "d"})
        assert not {"CacheControl", "TagCount"} & set(head)

    async def test_onto_itself_only_with_a_change(self, s3: S3, bucket: str, source: str) -> None:
        at = {"Bucket": bucket, "Key": "sou rce", "CopySource": source}
        error = await s3.fails("CopyObject", **at)
        assert error.code == "InvalidRequest"
        assert error.message.startswith("This copy request is illegal because it is trying to copy an object to itself")
        await s3("CopyObject", **at, MetadataDirective="REPLACE", Metadata={"e": "f"})
        assert await s3.read(Bucket=bucket, Key="sou rce") == BIG
        assert (await s3("HeadObject", Bucket=bucket, Key="sou rce"))["Metadata"] == {"e": "f"}

    async def test_keeps_the_source_s_algorithm(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="s", Body=b"123456789", ChecksumCRC32="y/Q5Jg==")
        copied = await s3("CopyObject", Bucket=bucket, Key="k", CopySource=f"{bucket}/s")
        assert copied["CopyObjectResult"]["ChecksumCRC32"] == "y/Q5Jg=="
        copied = await s3("CopyObject", Bucket=bucket, Key="k", CopySource=f"{bucket}/s", ChecksumAlgorithm="CRC64NVME")
        assert copied["CopyObjectResult"]["ChecksumCRC64NVME"] == "rosUhgp5mIg="

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"CopySource": "photos"}, "InvalidArgument"),
            ({"CopySource": "photos/"}, "InvalidArgument"),
            ({"CopySource": "photos/none"}, "NoSuchKey"),
            ({"CopySource": "nowhere/k"}, "NoSuchBucket"),
            ({"CopySource": "photos/sou%20rce?versionId=abc"}, "InvalidArgument"),
            ({"CopySourceIfMatch": "other"}, "PreconditionFailed"),
            ({"CopySourceIfModifiedSince": 1_800_000_000}, "PreconditionFailed"),
            ({"MetadataDirective": "KEEP"}, "InvalidArgument"),
            ({"ExpectedSourceBucketOwner": OTHER}, "AccessDenied"),
            ({"Bucket": "nowhere"}, "NoSuchBucket"),
        ],
    )
    async def test_refusals(self, s3: S3, bucket: str, source: str, params: dict, code: str) -> None:
        error = await s3.fails("CopyObject", **{"Bucket": bucket, "Key": "k", "CopySource": source} | params)
        assert error.code == code
        assert (await s3.fails("HeadObject", Bucket=bucket, Key="k")).code == "NoSuchKey"

    async def test_not_from_another_account(self, s3: S3, bucket: str, source: str) -> None:
        other = context(OTHER)
        await s3("CreateBucket", other, Bucket="mine")
        error = await s3.fails("CopyObject", other, Bucket="mine", Key="k", CopySource=source)
        assert error.code == "AccessDenied"
