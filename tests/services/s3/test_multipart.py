"""Multipart uploads: parts, their checks, the object they become, and what is collected."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import pytest

from yobu.services.s3.checksums import Digest
from yobu.services.s3.model import BODIES, PARTS, Run, holds, make_runs

from .conftest import S3

MB = 1024 * 1024
FIRST, SECOND, LAST = b"a" * (5 * MB), b"b" * (5 * MB), b"c" * 1000


def crc(name: str, data: bytes) -> str:
    digest = Digest((name,))
    digest.update(data)
    return digest.values()[name]


class Parts:
    """An upload of `photos/k`, part by part."""

    def __init__(self, s3: S3, upload: str) -> None:
        self.s3 = s3
        self.at = {"Bucket": "photos", "Key": "k", "UploadId": upload}

    async def put(self, number: int, data: bytes, **params: Any) -> dict[str, Any]:
        answer = await self.s3("UploadPart", **self.at, PartNumber=number, Body=data, **params)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    async def complete(self, *parts: dict[str, Any], **params: Any) -> Any:
        return await self.s3("CompleteMultipartUpload", **self.at, MultipartUpload={"Parts": list(parts)}, **params)

    async def fails(self, *parts: dict[str, Any], **params: Any) -> Any:
        return await self.s3.fails(
            "CompleteMultipartUpload", **self.at, MultipartUpload={"Parts": list(parts)}, **params
        )


@pytest.fixture
async def upload(s3: S3, bucket: str) -> Parts:
    begun = await s3("CreateMultipartUpload", Bucket=bucket, Key="k", ContentType="image/jpeg", Metadata={"a": "b"})
    return Parts(s3, begun["UploadId"])


class TestComplete:
    async def test_the_parts_are_the_object(self, s3: S3, upload: Parts) -> None:
        one, two, three = await upload.put(1, FIRST), await upload.put(4, SECOND), await upload.put(9, LAST)
        done = await upload.complete(one, two, three)
        md5s = b"".join(hashlib.md5(part).digest() for part in (FIRST, SECOND, LAST))
        assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-3"'
        assert done["Location"] == "http://localhost:4566/photos/k"
        assert done["ChecksumCRC64NVME"] == crc("CRC64NVME", FIRST + SECOND + LAST)
        assert done["ChecksumType"] == "FULL_OBJECT"
        assert await s3.read(Bucket="photos", Key="k") == FIRST + SECOND + LAST
        head = await s3("HeadObject", Bucket="photos", Key="k")
        assert (head["ContentType"], head["Metadata"], head["ContentLength"]) == ("image/jpeg", {"a": "b"}, 10486760)
        assert "PartsCount" not in head
        assert (await s3("ListMultipartUploads", Bucket="photos"))["Uploads"] == []

    async def test_ranges_over_parts(self, s3: S3, upload: Parts) -> None:
        await upload.complete(await upload.put(1, FIRST), await upload.put(2, SECOND), await upload.put(3, LAST))
        whole = FIRST + SECOND + LAST
        for start, end in ((0, 2), (5 * MB - 1, 5 * MB), (5 * MB - 3, 10 * MB + 4), (10 * MB, len(whole) - 1)):
            found = await s3.read(Bucket="photos", Key="k", Range=f"bytes={start}-{end}")
            assert found == whole[start : end + 1]

    async def test_a_part_by_its_number(self, s3: S3, upload: Parts) -> None:
        await upload.complete(await upload.put(2, FIRST), await upload.put(7, LAST))
        answer = await s3.answer("GetObject", Bucket="photos", Key="k", PartNumber=2)
        assert answer.status == 206
        assert answer.output["PartsCount"] == 2
        assert answer.output["ContentRange"] == f"bytes {5 * MB}-{5 * MB + 999}/{5 * MB + 1000}"
        assert await s3.read(Bucket="photos", Key="k", PartNumber=2) == LAST
        error = await s3.fails("HeadObject", Bucket="photos", Key="k", PartNumber=3)
        assert (error.code, error.status) == ("InvalidPartNumber", 416)

    async def test_a_part_that_is_put_again_replaces_the_first(self, s3: S3, upload: Parts) -> None:
        old = await upload.put(1, b"old" * 100_000)
        new = await upload.put(1, b"new")
        assert (await upload.fails(old)).code == "InvalidPart"
        await upload.complete(new)
        assert await s3.read(Bucket="photos", Key="k") == b"new"
        s3.clock.advance(60)
        await s3.blobs.idle()
        assert s3.files() == []

    async def test_parts_that_are_not_listed_are_collected(self, s3: S3, upload: Parts) -> None:
        await upload.put(1, b"x" * 100_000)
        await upload.complete(await upload.put(2, b"y" * 100_000))
        await s3.api.depot.idle()
        s3.clock.advance(60)
        await s3.blobs.idle()
        await s3.blobs.stop()
        assert len(s3.files()) == 1
        assert await s3.store.scan(PARTS.range(), 10) != []

    async def test_bad_lists(self, upload: Parts) -> None:
        one, two, three = await upload.put(1, FIRST), await upload.put(2, LAST), await upload.put(3, LAST)
        assert (await upload.fails()).code == "MalformedXML"
        assert (await upload.fails({"PartNumber": 1})).code == "MalformedXML"
        assert (await upload.fails(three, one)).code == "InvalidPartOrder"
        assert (await upload.fails(one, one)).code == "InvalidPartOrder"
        assert (await upload.fails(one, {"PartNumber": 8, "ETag": "x"})).code == "InvalidPart"
        assert (await upload.fails(one, {"PartNumber": 2, "ETag": "x"})).code == "InvalidPart"
        error = await upload.fails(one, two, three)
        assert error.code == "EntityTooSmall"
        assert error.members["PartNumber"] == "2"
        assert (await upload.fails(one, three, MpuObjectSize=1)).code == "InvalidRequest"
        await upload.complete(one, three, MpuObjectSize=5 * MB + 1000)

    async def test_twice(self, upload: Parts) -> None:
        part = await upload.put(1, LAST)
        await upload.complete(part)
        assert (await upload.fails(part)).code == "NoSuchUpload"

    async def test_conditions(self, s3: S3, upload: Parts) -> None:
        await s3("PutObject", Bucket="photos", Key="k", Body=b"x")
        part = await upload.put(1, LAST)
        assert (await upload.fails(part, IfNoneMatch="*")).code == "PreconditionFailed"
        await upload.complete(part, IfMatch=f'"{hashlib.md5(b"x").hexdigest()}"')

    async def test_a_replaced_multipart_object_is_collected_behind_its_readers(self, s3: S3, upload: Parts) -> None:
        await upload.complete(await upload.put(1, FIRST), await upload.put(2, SECOND))
        body = (await s3("GetObject", Bucket="photos", Key="k"))["Body"]
        first = await anext(body)
        await s3("DeleteObject", Bucket="photos", Key="k")
        await s3.api.depot.idle()
        assert first + b"".join([chunk async for chunk in body]) == FIRST + SECOND
        s3.clock.advance(60)
        await s3.api.depot.idle()
        s3.clock.advance(60)
        await s3.blobs.idle()
        assert s3.files() == []
        assert await s3.store.scan(PARTS.range(), 10) == []
        assert await s3.store.scan(BODIES.range(), 10) == []


class TestChecksums:
    async def begin(self, s3: S3, **params: str) -> Parts:
        begun = await s3("CreateMultipartUpload", Bucket="photos", Key="k", **params)
        assert begun["ChecksumAlgorithm"] == params["ChecksumAlgorithm"]
        return Parts(s3, begun["UploadId"])

    async def test_composite(self, s3: S3, bucket: str) -> None:
        upload = await self.begin(s3, ChecksumAlgorithm="SHA256")
        value = crc("SHA256", LAST)
        part = await upload.put(1, LAST, ChecksumSHA256=value)
        error = await upload.fails(part)
        assert error.message == (
            "The upload was created using a sha256 checksum. The complete request must include the checksum for each "
            "part. It was missing for part 1 in the request."
        )
        wrong = {**part, "ChecksumSHA256": crc("SHA256", b"")}
        assert (await upload.fails(wrong)).code == "InvalidPart"
        done = await upload.complete({**part, "ChecksumSHA256": value})
        assert (
            done["ChecksumSHA256"] == b64encode(hashlib.sha256(hashlib.sha256(LAST).digest()).digest()).decode() + "-1"
        )
        assert done["ChecksumType"] == "COMPOSITE"

    async def test_full_object(self, s3: S3, bucket: str) -> None:
        upload = await self.begin(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
        one, two = await upload.put(1, FIRST), await upload.put(2, LAST)
        assert (await upload.fails(one, two, ChecksumCRC32=crc("CRC32", b""))).code == "BadDigest"
        done = await upload.complete(one, two, ChecksumCRC32=crc("CRC32", FIRST + LAST))
        assert (done["ChecksumCRC32"], done["ChecksumType"]) == (crc("CRC32", FIRST + LAST), "FULL_OBJECT")

    async def test_another_algorithm_than_the_upload_s(self, s3: S3, bucket: str) -> None:
        upload = await self.begin(s3, ChecksumAlgorithm="SHA256")
        error = await s3.fails("UploadPart", **upload.at, PartNumber=1, Body=LAST, ChecksumCRC32=crc("CRC32", LAST))
        assert error.message == (
            "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
        )

    @pytest.mark.parametrize(
        "params",
        [
            {"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"},
            {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
            {"ChecksumType": "COMPOSITE"},
            {"ChecksumAlgorithm": "CRC17"},
        ],
    )
    async def test_kinds_that_do_not_fit(self, s3: S3, bucket: str, params: dict) -> None:
        assert (await s3.fails("CreateMultipartUpload", Bucket=bucket, Key="k", **params)).code == "InvalidRequest"


class TestParts:
    async def test_numbers(self, s3: S3, upload: Parts) -> None:
        for number in (0, 10_001):
            error = await s3.fails("UploadPart", **upload.at, PartNumber=number, Body=b"")
            assert error.message == "Part number must be an integer between 1 and 10000, inclusive"

    async def test_no_such_upload(self, s3: S3, bucket: str) -> None:
        at = {"Bucket": bucket, "Key": "k", "UploadId": "nothing"}
        for operation, more in (
            ("UploadPart", {"PartNumber": 1, "Body": b""}),
            ("ListParts", {}),
            ("AbortMultipartUpload", {}),
            ("CompleteMultipartUpload", {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": "x"}]}}),
        ):
            error = await s3.fails(operation, **at, **more)
            assert (error.code, error.status, error.members) == ("NoSuchUpload", 404, {"UploadId": "nothing"})

    async def test_listed_in_pages(self, s3: S3, upload: Parts) -> None:
        for number in (1, 2, 5):
            await upload.put(number, b"x" * number)
        first = await s3("ListParts", **upload.at, MaxParts=2)
        assert [(part["PartNumber"], part["Size"]) for part in first["Parts"]] == [(1, 1), (2, 2)]
        assert (first["IsTruncated"], first["NextPartNumberMarker"]) == (True, 2)
        rest = await s3("ListParts", **upload.at, PartNumberMarker=2)
        assert [part["PartNumber"] for part in rest["Parts"]] == [5]
        assert not rest["IsTruncated"]
        assert (await s3.fails("ListParts", **upload.at, PartNumberMarker="x")).code == "InvalidArgument"

    async def test_copied_from_an_object(self, s3: S3, upload: Parts) -> None:
        await s3("PutObject", Bucket="photos", Key="source", Body=FIRST + LAST)
        at = {**upload.at, "CopySource": "photos/source"}
        one = await s3("UploadPartCopy", **at, PartNumber=1, CopySourceRange=f"bytes=0-{5 * MB - 1}")
        two = await s3("UploadPartCopy", **at, PartNumber=2)
        parts = [
            {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}
            for number, answer in enumerate((one, two), 1)
        ]
        await upload.complete(*parts)
        assert await s3.read(Bucket="photos", Key="k") == FIRST + FIRST + LAST
        error = await s3.fails("UploadPartCopy", **at, PartNumber=1, CopySourceRange="bytes=0-99999999")
        assert error.code == "NoSuchUpload"

    async def test_aborted(self, s3: S3, upload: Parts) -> None:
        await upload.put(1, b"x" * 100_000)
        await upload.put(2, b"x")
        await s3("AbortMultipartUpload", **upload.at)
        await s3.api.depot.idle()
        s3.clock.advance(60)
        await s3.blobs.idle()
        assert s3.files() == []
        assert await s3.store.scan(PARTS.range(), 10) == []
        assert await s3.store.scan(BODIES.range(), 10) == []


class TestUploads:
    async def test_listed_by_key_and_age_in_pages(self, s3: S3, bucket: str) -> None:
        begun = [
            (key, (await s3("CreateMultipartUpload", Bucket=bucket, Key=key))["UploadId"])
            for key in ("b", "a", "a", "d/1", "d/2")
        ]
        wanted = [*sorted(begun[1:3]), begun[0]]
        whole = await s3("ListMultipartUploads", Bucket=bucket, Delimiter="/")
        assert [(one["Key"], one["UploadId"]) for one in whole["Uploads"]] == wanted
        assert whole["CommonPrefixes"] == [{"Prefix": "d/"}]
        seen: list[Any] = []
        page: dict[str, Any] = {"IsTruncated": True}
        while page["IsTruncated"]:
            markers = {
                name.removeprefix("Next"): page[name]
                for name in ("NextKeyMarker", "NextUploadIdMarker")
                if page.get(name)
            }
            page = await s3("ListMultipartUploads", Bucket=bucket, MaxUploads=1, **markers)
            seen += [(one["Key"], one["UploadId"]) for one in page["Uploads"]]
        assert seen == wanted + begun[3:]


def test_runs() -> None:
    runs = make_runs([(1, 5), (2, 5), (3, 5), (5, 5), (6, 2)])
    assert runs == (Run(1, 3, 5), Run(5, 1, 5), Run(6, 1, 2))
    assert [number for number in range(9) if holds(runs, number)] == [1, 2, 3, 5, 6]
    assert not holds((), 1)
