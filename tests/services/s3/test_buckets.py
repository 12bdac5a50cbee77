"""Buckets: names, owners, regions, listing and deletion."""

from __future__ import annotations

import pytest

from .conftest import OTHER, S3, context

EU = {"LocationConstraint": "eu-west-1"}


class TestCreate:
    async def test_it_is_there_then(self, s3: S3) -> None:
        answer = await s3("CreateBucket", Bucket="photos")
        assert answer == {"Location": "/photos", "BucketArn": "arn:aws:s3:::photos"}
        assert (await s3("HeadBucket", Bucket="photos"))["BucketRegion"] == "us-east-1"
        assert await s3("GetBucketLocation", Bucket="photos") == {}

    async def test_in_another_region(self, s3: S3) -> None:
        answer = await s3("CreateBucket", context(region="eu-west-1"), Bucket="photos", CreateBucketConfiguration=EU)
        assert answer["Location"] == "http://photos.s3.amazonaws.com/"
        assert await s3("GetBucketLocation", Bucket="photos") == {"LocationConstraint": "eu-west-1"}

    @pytest.mark.parametrize(
        ("region", "constraint", "code", "message"),
        [
            ("eu-west-1", None, "IllegalLocationConstraintException", "The unspecified location constraint"),
            ("eu-west-1", "us-west-2", "IllegalLocationConstraintException", "The us-west-2 location constraint"),
            ("us-east-1", "us-east-1", "InvalidLocationConstraint", "The specified location-constraint is not valid"),
            ("us-east-1", "nowhere", "InvalidLocationConstraint", "The specified location-constraint is not valid"),
        ],
    )
    async def test_where_the_location_does_not_fit(
        self, s3: S3, region: str, constraint: str | None, code: str, message: str
    ) -> None:
        configuration = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
        error = await s3.fails("CreateBucket", context(region=region), Bucket="photos", **configuration)
        assert error.code == code
        assert error.message.startswith(message)
        assert error.status == 400

    @pytest.mark.parametrize(
        "name",
        [
            "ab",
            "a" * 64,
            "Photos",
            "-photos",
            "photos-",
            "pho..tos",
            "192.168.0.1",
            "xn--photos",
            "pho_tos",
            "a-s3alias",
        ],
    )
    async def test_bad_names(self, s3: S3, name: str) -> None:
        error = await s3.fails("CreateBucket", Bucket=name)
        assert (error.code, error.message) == ("InvalidBucketName", "The specified bucket is not valid.")
        assert error.members == {"BucketName": name}

    async def test_again_is_no_error_in_us_east_1_alone(self, s3: S3) -> None:
        await s3("CreateBucket", Bucket="photos")
        assert (await s3("CreateBucket", Bucket="photos"))["Location"] == "/photos"
        away = context(region="eu-west-1")
        await s3("CreateBucket", away, Bucket="photos-eu", CreateBucketConfiguration=EU)
        error = await s3.fails("CreateBucket", away, Bucket="photos-eu", CreateBucketConfiguration=EU)
        assert (error.code, error.status) == ("BucketAlreadyOwnedByYou", 409)

    async def test_names_are_global(self, s3: S3, bucket: str) -> None:
        error = await s3.fails("CreateBucket", context(OTHER), Bucket=bucket)
        assert (error.code, error.status) == ("BucketAlreadyExists", 409)

    @pytest.mark.parametrize(
        ("params", "code"),
        [
            ({"ACL": "public-read"}, "InvalidBucketAclWithObjectOwnership"),
            ({"ObjectLockEnabledForBucket": True}, "NotImplemented"),
            ({"ObjectOwnership": "ObjectWriter"}, "NotImplemented"),
            ({"CreateBucketConfiguration": {"Bucket": {"Type": "Directory"}}}, "NotImplemented"),
        ],
    )
    async def test_what_has_no_effect_is_refused(self, s3: S3, params: dict, code: str) -> None:
        assert (await s3.fails("CreateBucket", Bucket="photos", **params)).code == code
        assert (await s3.fails("HeadBucket", Bucket="photos")).code == "NoSuchBucket"


class TestAccess:
    async def test_no_such_bucket(self, s3: S3) -> None:
        error = await s3.fails("HeadBucket", Bucket="photos")
        assert (error.code, error.message, error.status) == (
            "NoSuchBucket",
            "The specified bucket does not exist",
            404,
        )
        assert error.members == {"BucketName": "photos"}
        assert (await s3.fails("HeadBucket", Bucket="Photos!")).code == "InvalidBucketName"

    async def test_of_another_account(self, s3: S3, bucket: str) -> None:
        assert (await s3.fails("HeadBucket", context(OTHER), Bucket=bucket)).code == "AccessDenied"
        assert (await s3.fails("PutObject", context(OTHER), Bucket=bucket, Key="k", Body=b"")).status == 403

    async def test_expected_owner(self, s3: S3, bucket: str) -> None:
        await s3("HeadBucket", Bucket=bucket, ExpectedBucketOwner="111122223333")
        assert (await s3.fails("HeadBucket", Bucket=bucket, ExpectedBucketOwner=OTHER)).code == "AccessDenied"


class TestList:
    async def test_by_name_with_prefix_region_and_pages(self, s3: S3) -> None:
        for name in ("bee", "ant", "antelope", "cat"):
            await s3("CreateBucket", Bucket=name)
        await s3("CreateBucket", context(region="eu-west-1"), Bucket="ant-eu", CreateBucketConfiguration=EU)
        await s3("CreateBucket", context(OTHER), Bucket="ant-other")
        every = await s3("ListBuckets")
        assert [one["Name"] for one in every["Buckets"]] == ["ant", "ant-eu", "antelope", "bee", "cat"]
        assert every["Buckets"][0]["CreationDate"] == 1_700_000_000
        assert len(every["Owner"]["ID"]) == 64
        eu = await s3("ListBuckets", BucketRegion="eu-west-1")
        assert [one["Name"] for one in eu["Buckets"]] == ["ant-eu"]
        first = await s3("ListBuckets", Prefix="ant", MaxBuckets=2)
        assert [one["Name"] for one in first["Buckets"]] == ["ant", "ant-eu"]
        rest = await s3("ListBuckets", Prefix="ant", MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
        assert [one["Name"] for one in rest["Buckets"]] == ["antelope"]
        assert "ContinuationToken" not in rest

    async def test_bad_arguments(self, s3: S3) -> None:
        assert (await s3.fails("ListBuckets", MaxBuckets=0)).code == "InvalidArgument"
        assert (await s3.fails("ListBuckets", ContinuationToken="?")).code == "InvalidArgument"


class TestDelete:
    async def test_only_when_empty(self, s3: S3, bucket: str) -> None:
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"x")
        error = await s3.fails("DeleteBucket", Bucket=bucket)
        assert (error.code, error.status) == ("BucketNotEmpty", 409)
        await s3("DeleteObject", Bucket=bucket, Key="k")
        await s3("DeleteBucket", Bucket=bucket)
        assert (await s3.fails("HeadBucket", Bucket=bucket)).code == "NoSuchBucket"
        assert (await s3("ListBuckets"))["Buckets"] == []

    async def test_a_name_used_again_sees_nothing_of_before(self, s3: S3, bucket: str) -> None:
        await s3("PutBucketTagging", Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        upload = (await s3("CreateMultipartUpload", Bucket=bucket, Key="k"))["UploadId"]
        await s3("UploadPart", Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x" * 100_000)
        await s3("DeleteBucket", Bucket=bucket)
        await s3("CreateBucket", context(OTHER), Bucket=bucket)
        other = context(OTHER)
        assert (await s3("ListMultipartUploads", other, Bucket=bucket))["Uploads"] == []
        assert (await s3.fails("GetBucketTagging", other, Bucket=bucket)).code == "NoSuchTagSet"
        await s3.api.depot.idle()
        s3.clock.advance(60)
        await s3.blobs.idle()
        assert s3.files() == []


class TestTags:
    async def test_put_get_delete(self, s3: S3, bucket: str) -> None:
        assert (await s3.fails("GetBucketTagging", Bucket=bucket)).code == "NoSuchTagSet"
        tags = [{"Key": "team", "Value": "a b"}, {"Key": "cost", "Value": ""}]
        await s3("PutBucketTagging", Bucket=bucket, Tagging={"TagSet": tags})
        assert (await s3("GetBucketTagging", Bucket=bucket))["TagSet"] == tags
        await s3("DeleteBucketTagging", Bucket=bucket)
        assert (await s3.fails("GetBucketTagging", Bucket=bucket)).code == "NoSuchTagSet"

    @pytest.mark.parametrize(
        "tags",
        [
            [("", "v")],
            [("k" * 129, "v")],
            [("k", "v" * 257)],
            [("aws:k", "v")],
            [("k", "v"), ("k", "w")],
            [("k!", "v")],
        ],
    )
    async def test_bad_tags(self, s3: S3, bucket: str, tags: list[tuple[str, str]]) -> None:
        tagging = {"TagSet": [{"Key": key, "Value": value} for key, value in tags]}
        assert (await s3.fails("PutBucketTagging", Bucket=bucket, Tagging=tagging)).code == "InvalidTag"
