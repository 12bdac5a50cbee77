"""Objects: written, read, deleted; what is refused and what is left behind."""

from __future__ import annotations

import asyncio
import hashlib
from base64 import b64encode

import pytest

from yobu.base.errors import AwsError
from yobu.services.s3.model import INLINE

from .conftest import S3, Upload, context

BIG = bytes(range(256)) * 12_000  # 3 MB: a file, in several blocks
SIZES = [b"", b"x", b"y" * INLINE, b"z" * (INLINE + 1), BIG]


def chunks(data: bytes, size: int = 50_000) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def md5(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


class TestPut:
    @pytest.mark.parametrize("data", SIZES, ids=len)
    async def test_comes_back_as_it_went(self, s3: S3, bucket: str, data: bytes) -> None:
        put = await s3("PutObject", Bucket=bucket, Key="a/b c", Body=Upload(chunks(data)))
        assert put["ETag"] == md5(data)
        assert await s3.read(Bucket=bucket, Key="a/b c") == data
        got = await s3.answer("GetObject", Bucket=bucket, Key="a/b c")
        assert got.status is None
        assert got.output["ContentLength"] == len(data)
        assert got.output["ETag"] == md5(data)
        assert got.output["ContentType"] == "binary/octet-stream"
        assert got.output["LastModified"] == 1_700_000_000

    async def test_headers_and_metadata(self, s3: S3, bucket: str) -> None:
        await s3(
            "PutObject",
            Bucket=bucket,
            Key="k",
            Body=b"{}",
            ContentType="application/json",
            CacheControl="no-cache",
            ContentEncoding="gzip,aws-chunked",
            ContentLanguage="ja",
            ContentDisposition="inline",
            Expires=1_800_000_000,
            Metadata={"Colour": "rot", "x": "1"},
            Tagging="a=b&c=d%20e",
        )
        head = (await s3("HeadObject", Bucket=bucket, Key="k")).items()
        assert (
            head
            >= {
                "ContentType": "application/json",
                "CacheControl": "no-cache",
                "ContentEncoding": "gzip",
                "ContentLanguage": "ja",
                "ContentDisposition": "inline",
                "Expires": 1_800_000_000,
                "TagCount": 2,
                "ServerSideEncryption": "AES256",
            }.items()
        )
        assert dict(head)["Metadata"] == {"colour": "rot", "x": "1"}
        assert "Body" not in dict(head)
        tags = (await s3("GetObjectTagging", Bucket=bucket, Key="k"))["TagSet"]
        assert tags == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": "d e"}]

    async def test_aws_chunked_alone_is_no_content_encoding(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"", ContentEncoding="aws-chunked")
        assert "ContentEncoding" not in await s3("HeadObject", Bucket=bucket, Key="k")

    async def test_a_replaced_body_is_collected(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=BIG)
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"short")
        assert await s3.read(Bucket=bucket, Key="k") == b"short"
        s3.clock.advance(60)
        await s3.blobs.idle()
        assert s3.files() == []
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"")
        await s3("DeleteObject", Bucket=bucket, Key="k")
        assert await s3.store.scan(_bodies()) == []

    @pytest.mark.parametrize("data", [b"hello", BIG], ids=len)
    async def test_a_broken_upload_leaves_nothing(self, s3: S3, bucket: str, data: bytes) -> None:
        broken = AwsError("IncompleteBody", "You did not provide the number of bytes specified by Content-Length")
        error = await s3.fails("PutObject", Bucket=bucket, Key="k", Body=Upload(chunks(data), error=broken))
        assert error.code == "IncompleteBody"
        assert (await s3.fails("HeadObject", Bucket=bucket, Key="k")).code == "NoSuchKey"
        await s3.blobs.stop()
        assert s3.files() == []

    async def test_concurrent_puts_end_in_one_of_them_whole(self, s3: S3, bucket: str) -> None:
        bodies = [bytes([at]) * 300_000 for at in range(6)]

        async def put(data: bytes) -> None:
            body = Upload(chunks(data), between=lambda: asyncio.sleep(0))
            await s3("PutObject", Bucket=bucket, Key="k", Body=body)

        await asyncio.gather(*map(put, bodies))
        found = await s3.read(Bucket=bucket, Key="k")
        assert found in bodies
        assert (await s3("HeadObject", Bucket=bucket, Key="k"))["ETag"] == md5(found)
        s3.clock.advance(60)
        await s3.blobs.idle()
        await s3.blobs.stop()
        assert len(s3.files()) == 1

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"Key": "é" * 513}, "KeyTooLongError"),
            ({"Metadata": {"a": "b" * 2048}}, "MetadataTooLarge"),
            ({"ContentMD5": b64encode(bytes(16)).decode()}, "BadDigest"),
            ({"ContentMD5": "nonsense"}, "InvalidDigest"),
            ({"ChecksumCRC32": b64encode(bytes(4)).decode()}, "BadDigest"),
            ({"ACL": "public-read"}, "AccessControlListNotSupported"),
            ({"GrantRead": "id=1"}, "AccessControlListNotSupported"),
            ({"StorageClass": "COLD"}, "InvalidStorageClass"),
            ({"StorageClass": "GLACIER"}, "NotImplemented"),
            ({"ServerSideEncryption": "aws:kms"}, "NotImplemented"),
            ({"SSECustomerAlgorithm": "AES256"}, "NotImplemented"),
            ({"ObjectLockMode": "GOVERNANCE"}, "InvalidRequest"),
            ({"Tagging": "a=1&a=2"}, "InvalidTag"),
            ({"Tagging": "&".join(f"k{at}=v" for at in range(11))}, "BadRequest"),
            ({"IfNoneMatch": '"etag"'}, "NotImplemented"),
            ({"Bucket": "nowhere"}, "NoSuchBucket"),
        ],
    )
    async def test_refusals_change_nothing(self, s3: S3, bucket: str, params: dict, code: str) -> None:
        for data in (b"hello", BIG):
            error = await s3.fails("PutObject", **{"Bucket": bucket, "Key": "k", "Body": data} | params)
            assert error.code == code
        assert "Contents" not in (listed := await s3("ListObjectsV2", Bucket=bucket)) or listed["Contents"] == []
        await s3.blobs.stop()
        assert s3.files() == []

    async def test_more_than_5_gb_is_refused_before_it_comes(self, s3: S3, bucket: str) -> None:
        body = Upload([b"x"])
        body.length = 5 * 1024**3 + 1
        error = await s3.fails("PutObject", Bucket=bucket, Key="k", Body=body)
        assert (error.code, error.members["MaxSizeAllowed"]) == ("EntityTooLarge", "5368709120")

    async def test_conditions(self, s3: S3, bucket: str) -> None:
        etag = (await s3("PutObject", Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*"))["ETag"]
        error = await s3.fails("PutObject", Bucket=bucket, Key="k", Body=BIG, IfNoneMatch="*")
        assert (error.code, error.status) == ("PreconditionFailed", 412)
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
        assert (await s3.fails("PutObject", Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)).status == 412
        assert (await s3.fails("PutObject", Bucket=bucket, Key="none", Body=b"3", IfMatch=etag)).code == "NoSuchKey"
        assert await s3.read(Bucket=bucket, Key="k") == b"2"

    async def test_what_is_kept_without_effect_warns(self, s3: S3, bucket: str) -> None:
        ctx = context()
        await s3("PutObject", ctx, Bucket=bucket, Key="k", Body=b"", StorageClass="STANDARD_IA")
        assert len(ctx.warnings) == 1
        assert (await s3("HeadObject", Bucket=bucket, Key="k"))["StorageClass"] == "STANDARD_IA"


class TestChecksums:
    @pytest.mark.parametrize("data", [b"hello", BIG], ids=len)
    async def test_a_trailer_is_verified_and_kept(self, s3: S3, bucket: str, data: bytes) -> None:
        value = b64encode(hashlib.sha256(data).digest()).decode()
        body = Upload(chunks(data), trailers={"x-amz-checksum-sha256": value})
        put = await s3("PutObject", Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm="SHA256")
        assert (put["ChecksumSHA256"], put["ChecksumType"]) == (value, "FULL_OBJECT")
        head = await s3("HeadObject", Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert head["ChecksumSHA256"] == value
        assert "ChecksumSHA256" not in await s3("HeadObject", Bucket=bucket, Key="k")
        part = await s3("GetObject", Bucket=bucket, Key="k", ChecksumMode="ENABLED", Range="bytes=0-1")
        assert "ChecksumSHA256" not in part

    @pytest.mark.parametrize("data", [b"hello", BIG], ids=len)
    async def test_a_trailer_that_nothing_announced(self, s3: S3, bucket: str, data: bytes) -> None:
        value = b64encode(hashlib.sha1(data).digest()).decode()
        body = Upload(chunks(data), trailers={"x-amz-checksum-sha1": value})
        assert (await s3("PutObject", Bucket=bucket, Key="k", Body=body))["ChecksumSHA1"] == value
        wrong = Upload(chunks(data), trailers={"x-amz-checksum-sha1": b64encode(bytes(20)).decode()})
        assert (await s3.fails("PutObject", Bucket=bucket, Key="k", Body=wrong)).code == "BadDigest"

    async def test_an_announced_checksum_must_come(self, s3: S3, bucket: str) -> None:
        error = await s3.fails("PutObject", Bucket=bucket, Key="k", Body=Upload([b"x"]), ChecksumAlgorithm="CRC32")
        assert error.code == "InvalidRequest"

    async def test_without_any_crc64nvme_is_computed(self, s3: S3, bucket: str) -> None:
        put = await s3("PutObject", Bucket=bucket, Key="k", Body=b"123456789")
        assert put["ChecksumCRC64NVME"] == "rosUhgp5mIg="


class TestGet:
    async def test_no_such_key(self, s3: S3, bucket: str) -> None:
        error = await s3.fails("GetObject", Bucket=bucket, Key="k")
        assert (error.code, error.message, error.status, error.members) == (
            "NoSuchKey",
            "The specified key does not exist.",
            404,
            {"Key": "k"},
        )
        assert (await s3.fails("GetObject", Bucket=bucket, Key="k" * 1025)).code == "KeyTooLongError"

    @pytest.mark.parametrize("data", [b"0123456789" * 10, BIG], ids=len)
    @pytest.mark.parametrize(
        ("text", "first", "last"), [("bytes=0-4", 0, 4), ("bytes=7-", 7, None), ("bytes=-3", -3, None)]
    )
    async def test_ranges(self, s3: S3, bucket: str, data: bytes, text: str, first: int, last: int | None) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=data)
        wanted = data[first : None if last is None else last + 1]
        answer = await s3.answer("GetObject", Bucket=bucket, Key="k", Range=text)
        start = first % len(data)
        assert answer.status == 206
        assert answer.output["ContentLength"] == len(wanted)
        assert answer.output["ContentRange"] == f"bytes {start}-{start + len(wanted) - 1}/{len(data)}"
        assert await s3.read(Bucket=bucket, Key="k", Range=text) == wanted

    async def test_a_range_behind_the_end(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"x")
        error = await s3.fails("GetObject", Bucket=bucket, Key="k", Range="bytes=1-")
        assert (error.code, error.status) == ("InvalidRange", 416)

    async def test_not_modified(self, s3: S3, bucket: str) -> None:
        etag = (await s3("PutObject", Bucket=bucket, Key="k", Body=b"x"))["ETag"]
        for operation in ("GetObject", "HeadObject"):
            answer = await s3.answer(operation, Bucket=bucket, Key="k", IfNoneMatch=etag)
            assert (answer.status, answer.output["ETag"]) == (304, etag)
            assert "Body" not in answer.output
            assert (await s3.fails(operation, Bucket=bucket, Key="k", IfMatch='"other"')).status == 412

    async def test_overrides(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain")
        got = await s3("GetObject", Bucket=bucket, Key="k", ResponseContentType="a/b", ResponseCacheControl="no-store")
        assert (got["ContentType"], got["CacheControl"]) == ("a/b", "no-store")

    async def test_versions_are_not_built(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"x")
        assert await s3.read(Bucket=bucket, Key="k", VersionId="null") == b"x"
        error = await s3.fails("GetObject", Bucket=bucket, Key="k", VersionId="abc")
        assert (error.code, error.message) == ("InvalidArgument", "Invalid version id specified")

    async def test_a_reader_keeps_what_it_opened(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=BIG)
        body = (await s3("GetObject", Bucket=bucket, Key="k"))["Body"]
        first = await anext(body)
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"new")
        s3.clock.advance(60)
        await s3.blobs.idle()
        assert s3.files() == []
        assert first + b"".join([chunk async for chunk in body]) == BIG

    async def test_a_file_that_went_before_it_was_opened_is_looked_for_again(
        self, s3: S3, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=BIG)
        bodies = s3.api.depot.bodies
        opened = type(bodies).open
        looks = []

        async def late(self: object, found: object, span: object) -> object:
            if not looks:
                looks.append(1)
                await s3("PutObject", Bucket=bucket, Key="k", Body=b"new")
                s3.clock.advance(60)
                await s3.blobs.idle()
            return await opened(self, found, span)

        monkeypatch.setattr(type(bodies), "open", late)
        assert await s3.read(Bucket=bucket, Key="k") == b"new"


class TestDelete:
    async def test_what_is_not_there_is_no_error(self, s3: S3, bucket: str) -> None:
        assert await s3("DeleteObject", Bucket=bucket, Key="k") == {}

    async def test_if_match(self, s3: S3, bucket: str) -> None:
        etag = (await s3("PutObject", Bucket=bucket, Key="k", Body=b"x"))["ETag"]
        assert (await s3.fails("DeleteObject", Bucket=bucket, Key="k", IfMatch='"other"')).status == 412
        await s3("DeleteObject", Bucket=bucket, Key="k", IfMatch=etag)
        assert (await s3.fails("HeadObject", Bucket=bucket, Key="k")).code == "NoSuchKey"
        assert (await s3.fails("DeleteObject", Bucket=bucket, Key="k", IfMatch=etag)).status == 412

    async def test_many(self, s3: S3, bucket: str) -> None:
        for at in range(120):
            await s3("PutObject", Bucket=bucket, Key=f"k{at}", Body=b"x")
        objects = [{"Key": f"k{at}"} for at in range(119)] + [
            {"Key": "none"},
            {"Key": "k119", "VersionId": "abc"},
            {"Key": "k119", "ETag": '"other"'},
        ]
        answer = await s3("DeleteObjects", Bucket=bucket, Delete={"Objects": objects})
        assert answer["Deleted"] == [*({"Key": f"k{at}"} for at in range(119)), {"Key": "none"}]
        assert [(entry["Key"], entry["Code"]) for entry in answer["Errors"]] == [
            ("k119", "InvalidArgument"),
            ("k119", "PreconditionFailed"),
        ]
        assert [entry["Key"] for entry in (await s3("ListObjectsV2", Bucket=bucket))["Contents"]] == ["k119"]

    async def test_quietly(self, s3: S3, bucket: str) -> None:
        assert await s3("DeleteObjects", Bucket=bucket, Delete={"Objects": [{"Key": "k"}], "Quiet": True}) == {}

    @pytest.mark.parametrize("objects", [[], [{"Key": "k"}] * 1001, [{"Key": ""}]], ids=["none", "too many", "no key"])
    async def test_bad_lists(self, s3: S3, bucket: str, objects: list) -> None:
        assert (await s3.fails("DeleteObjects", Bucket=bucket, Delete={"Objects": objects})).code == "MalformedXML"
        assert (await s3.fails("DeleteObjects", Bucket=bucket)).code == "MalformedXML"


class TestTagging:
    async def test_put_get_delete(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"x")
        tags = [{"Key": "a", "Value": "b"}]
        await s3("PutObjectTagging", Bucket=bucket, Key="k", Tagging={"TagSet": tags})
        assert (await s3("GetObjectTagging", Bucket=bucket, Key="k"))["TagSet"] == tags
        await s3("DeleteObjectTagging", Bucket=bucket, Key="k")
        assert (await s3("GetObjectTagging", Bucket=bucket, Key="k"))["TagSet"] == []
        assert await s3.read(Bucket=bucket, Key="k") == b"x"
        assert (await s3.fails("PutObjectTagging", Bucket=bucket, Key="no", Tagging={"TagSet": []})).code == "NoSuchKey"
        assert (await s3.fails("PutObjectTagging", Bucket=bucket, Key="k", Tagging={})).code == "MalformedXML"


def _bodies() -> object:
    from yobu.services.s3.model import BODIES

    return BODIES.range()
