"""ListObjects and ListObjectsV2 as clients see them; the walk itself is in test_walk."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import S3

KEYS = ["a", "b/1", "b/2", "c d", "é/x", "z"]


@pytest.fixture
async def filled(s3: S3, bucket: str) -> str:
    for key in KEYS:
        await s3("PutObject", Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def keys(page: dict[str, Any]) -> list[str]:
    return [entry["Key"] for entry in page["Contents"]]


def prefixes(page: dict[str, Any]) -> list[str]:
    return [entry["Prefix"] for entry in page.get("CommonPrefixes", ())]


class TestV2:
    async def test_a_whole_listing(self, s3: S3, filled: str) -> None:
        page = await s3("ListObjectsV2", Bucket=filled)
        assert keys(page) == ["a", "b/1", "b/2", "c d", "z", "é/x"]
        assert {name: page[name] for name in ("Name", "Prefix", "MaxKeys", "KeyCount", "IsTruncated")} == {
            "Name": filled,
            "Prefix": "",
            "MaxKeys": 1000,
            "KeyCount": 6,
            "IsTruncated": False,
        }
        assert not {"Delimiter", "StartAfter", "NextContinuationToken", "EncodingType", "CommonPrefixes"} & set(page)
        entry = page["Contents"][0]
        assert entry.pop("ETag") == '"0cc175b9c0f1b6a831c399e269772661"'
        assert entry == {
            "Key": "a",
            "LastModified": 1_700_000_000,
            "Size": 1,
            "StorageClass": "STANDARD",
            "ChecksumAlgorithm": ["CRC64NVME"],
            "ChecksumType": "FULL_OBJECT",
        }

    async def test_pages_by_token(self, s3: S3, filled: str) -> None:
        seen: list[str] = []
        more: dict[str, str] = {}
        while True:
            page = await s3("ListObjectsV2", Bucket=filled, Delimiter="/", MaxKeys=2, **more)
            assert page["KeyCount"] == len(keys(page)) + len(prefixes(page)) <= 2
            seen += sorted(keys(page) + prefixes(page))
            if not page["IsTruncated"]:
                break
            more = {"ContinuationToken": page["NextContinuationToken"]}
        assert seen == ["a", "b/", "c d", "z", "é/"]

    async def test_start_after_shows_the_prefix_it_lies_in(self, s3: S3, filled: str) -> None:
        page = await s3("ListObjectsV2", Bucket=filled, StartAfter="b/1", Delimiter="/")
        assert (keys(page), prefixes(page), page["StartAfter"]) == (["c d", "z"], ["b/", "é/"], "b/1")

    async def test_names_for_urls(self, s3: S3, filled: str) -> None:
        page = await s3("ListObjectsV2", Bucket=filled, EncodingType="url", Delimiter="/", Prefix="")
        assert keys(page) == ["a", "c+d", "z"]
        assert prefixes(page) == ["b/", "%C3%A9/"]
        assert (page["EncodingType"], page["Delimiter"]) == ("url", "/")

    async def test_owners_where_they_are_wanted(self, s3: S3, filled: str) -> None:
        page = await s3("ListObjectsV2", Bucket=filled, FetchOwner=True)
        assert len(page["Contents"][0]["Owner"]["ID"]) == 64

    async def test_no_keys_at_all(self, s3: S3, filled: str) -> None:
        page = await s3("ListObjectsV2", Bucket=filled, MaxKeys=0)
        assert (page["Contents"], page["KeyCount"], page["IsTruncated"]) == ([], 0, False)

    @pytest.mark.parametrize(
        ("params", "name"),
        [
            ({"MaxKeys": -1}, "maxKeys"),
            ({"EncodingType": "hex"}, "encoding-type"),
            ({"ContinuationToken": ""}, "continuation-token"),
            ({"ContinuationToken": "!"}, "continuation-token"),
        ],
    )
    async def test_bad_arguments(self, s3: S3, filled: str, params: dict, name: str) -> None:
        error = await s3.fails("ListObjectsV2", Bucket=filled, **params)
        assert (error.code, error.members["ArgumentName"]) == ("InvalidArgument", name)


class TestV1:
    async def test_markers(self, s3: S3, filled: str) -> None:
        first = await s3("ListObjects", Bucket=filled, Delimiter="/", MaxKeys=2)
        assert (keys(first), prefixes(first), first["NextMarker"]) == (["a"], ["b/"], "b/")
        rest = await s3("ListObjects", Bucket=filled, Delimiter="/", Marker="b/")
        assert (keys(rest), prefixes(rest), rest["Marker"]) == (["c d", "z"], ["é/"], "b/")
        inside = await s3("ListObjects", Bucket=filled, Delimiter="/", Marker="b/1")
        assert prefixes(inside) == ["é/"]
        assert "NextMarker" not in await s3("ListObjects", Bucket=filled, MaxKeys=1)
        assert len(first["Contents"][0]["Owner"]["ID"]) == 64
