"""Objects as applications use them, through boto3's clients, resources and transfers."""

from __future__ import annotations

import hashlib
import io
import json
import random
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from tests.journeys.calling import code, refusal, status
from tests.journeys.running import ACCOUNT, REGION, RunningNode

MB = 1024 * 1024


@pytest.fixture
def s3(node: RunningNode) -> Any:
    client = node.client("s3")
    client.create_bucket(Bucket="docs")
    return client


def resource(node: RunningNode) -> Any:
    return boto3.resource(
        "s3",
        endpoint_url=node.url,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
    )


def drafts(node: RunningNode) -> list[Path]:
    """Bodies on disk that belong to nothing, while nothing is being written."""
    return list((node.data / "blobs" / "drafts").glob("*"))


def fetch(url: str, method: str = "GET", body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=30) as answer:
        return bytes(answer.read())


class TestObjects:
    def test_what_is_put_is_got(self, s3: Any) -> None:
        put = s3.put_object(
            Bucket="docs", Key="a/b.txt", Body=b"hello", ContentType="text/plain", Metadata={"by": "me"}
        )
        got = s3.get_object(Bucket="docs", Key="a/b.txt")
        assert got["Body"].read() == b"hello"
        assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
        assert (got["ContentType"], got["ContentLength"], got["Metadata"]) == ("text/plain", 5, {"by": "me"})
        head = s3.head_object(Bucket="docs", Key="a/b.txt")
        assert (head["ContentLength"], head["ETag"]) == (5, put["ETag"])

    @pytest.mark.parametrize(
        "key", ["a b", "ünïcode/呼ぶ", "a+b%20c", "/lead", "two//slashes", "dots/../up", "?x=1&y#z"]
    )
    def test_any_key_comes_back_as_it_is(self, s3: Any, key: str) -> None:
        s3.put_object(Bucket="docs", Key=key, Body=key.encode())
        assert [item["Key"] for item in s3.list_objects_v2(Bucket="docs")["Contents"]] == [key]
        assert s3.get_object(Bucket="docs", Key=key)["Body"].read() == key.encode()
        s3.delete_object(Bucket="docs", Key=key)
        assert s3.list_objects_v2(Bucket="docs")["KeyCount"] == 0

    def test_an_empty_object_is_an_object(self, s3: Any) -> None:
        s3.put_object(Bucket="docs", Key="empty", Body=b"")
        assert s3.get_object(Bucket="docs", Key="empty")["Body"].read() == b""

    def test_ranges(self, s3: Any) -> None:
        s3.put_object(Bucket="docs", Key="k", Body=b"0123456789")
        for wanted, expected in (
            ("bytes=2-4", b"234"),
            ("bytes=7-", b"789"),
            ("bytes=-3", b"789"),
            ("bytes=5-99", b"56789"),
        ):
            got = s3.get_object(Bucket="docs", Key="k", Range=wanted)
            assert got["Body"].read() == expected
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        error = refusal(s3.get_object, Bucket="docs", Key="k", Range="bytes=10-")
        assert (code(error), status(error)) == ("InvalidRange", 416)

    def test_conditions(self, s3: Any) -> None:
        etag = s3.put_object(Bucket="docs", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
        assert status(refusal(s3.put_object, Bucket="docs", Key="k", Body=b"2", IfNoneMatch="*")) == 412
        assert status(refusal(s3.get_object, Bucket="docs", Key="k", IfNoneMatch=etag)) == 304
        assert code(refusal(s3.get_object, Bucket="docs", Key="k", IfMatch='"other"')) == "PreconditionFailed"
        assert s3.put_object(Bucket="docs", Key="k", Body=b"2", IfMatch=etag)["ETag"] != etag

    def test_copy(self, s3: Any) -> None:
        s3.put_object(Bucket="docs", Key="from/a b.txt", Body=b"x" * 100_000, Metadata={"by": "me"})
        s3.copy_object(Bucket="docs", Key="to", CopySource={"Bucket": "docs", "Key": "from/a b.txt"})
        got = s3.get_object(Bucket="docs", Key="to")
        assert (got["Body"].read(), got["Metadata"]) == (b"x" * 100_000, {"by": "me"})

    def test_many_are_deleted_at_once(self, s3: Any, node: RunningNode) -> None:
        for number in range(30):
            s3.put_object(Bucket="docs", Key=f"k{number:02}", Body=b"x")
        answer = s3.delete_objects(Bucket="docs", Delete={"Objects": [{"Key": f"k{n:02}"} for n in range(29)]})
        assert len(answer["Deleted"]) == 29
        assert [item["Key"] for item in s3.list_objects_v2(Bucket="docs")["Contents"]] == ["k29"]

    def test_folders_and_pages(self, s3: Any) -> None:
        for key in ("a", "b/1", "b/2", "c/1", "d"):
            s3.put_object(Bucket="docs", Key=key, Body=b"")
        top = s3.list_objects_v2(Bucket="docs", Delimiter="/")
        assert [item["Key"] for item in top["Contents"]] == ["a", "d"]
        assert [item["Prefix"] for item in top["CommonPrefixes"]] == ["b/", "c/"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="docs", PaginationConfig={"PageSize": 2})
        assert [[item["Key"] for item in page["Contents"]] for page in pages] == [["a", "b/1"], ["b/2", "c/1"], ["d"]]

    def test_tags(self, s3: Any) -> None:
        s3.put_object(Bucket="docs", Key="k", Body=b"", Tagging="team=shop&stage=test")
        tags = s3.get_object_tagging(Bucket="docs", Key="k")["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "shop", "stage": "test"}


class TestBuckets:
    def test_buckets_are_listed_and_removed_when_empty(self, s3: Any) -> None:
        assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["docs"]
        s3.put_object(Bucket="docs", Key="k", Body=b"")
        assert code(refusal(s3.delete_bucket, Bucket="docs")) == "BucketNotEmpty"
        s3.delete_object(Bucket="docs", Key="k")
        s3.delete_bucket(Bucket="docs")
        s3.get_waiter("bucket_not_exists").wait(Bucket="docs", WaiterConfig={"Delay": 1, "MaxAttempts": 2})
        assert s3.list_buckets()["Buckets"] == []

    @pytest.mark.parametrize("name", ["AB", "ab", "under_score", "a..b", "192.168.1.1", "-start"])
    def test_a_name_that_is_none_is_refused(self, node: RunningNode, name: str) -> None:
        from botocore.exceptions import ParamValidationError

        with pytest.raises((ClientError, ParamValidationError), match=r"InvalidBucketName|Invalid bucket name"):
            node.client("s3").create_bucket(Bucket=name)

    def test_what_is_missing_is_named(self, s3: Any) -> None:
        error = refusal(s3.get_object, Bucket="docs", Key="nothing")
        assert (code(error), status(error)) == ("NoSuchKey", 404)
        assert error.response["Error"]["Key"] == "nothing"
        assert code(refusal(s3.list_objects_v2, Bucket="nowhere")) == "NoSuchBucket"
        assert code(refusal(s3.head_object, Bucket="docs", Key="nothing")) == "404"

    def test_a_bucket_of_another_region(self, node: RunningNode) -> None:
        west = node.client("s3", region_name="eu-west-1")
        west.create_bucket(Bucket="west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        assert west.get_bucket_location(Bucket="west")["LocationConstraint"] == "eu-west-1"


class TestTransfers:
    def test_a_file_of_20_mb_goes_up_in_parts_and_comes_down(self, s3: Any, node: RunningNode, tmp_path: Path) -> None:
        body = random.Random(1).randbytes(20 * MB)
        (tmp_path / "up").write_bytes(body)
        seen: list[int] = []
        s3.upload_file(str(tmp_path / "up"), "docs", "large", ExtraArgs={"ContentType": "x/y"}, Callback=seen.append)
        assert sum(seen) == len(body)
        head = s3.head_object(Bucket="docs", Key="large")
        assert head["ETag"].endswith('-3"')
        assert (head["ContentLength"], head["ContentType"]) == (len(body), "x/y")
        s3.download_file("docs", "large", str(tmp_path / "down"))
        assert (tmp_path / "down").read_bytes() == body
        part = s3.get_object(Bucket="docs", Key="large", Range=f"bytes={8 * MB - 2}-{8 * MB + 1}")
        assert part["Body"].read() == body[8 * MB - 2 : 8 * MB + 2]
        assert drafts(node) == []

    def test_streams_go_up_and_down(self, s3: Any) -> None:
        body = random.Random(2).randbytes(9 * MB)
        s3.upload_fileobj(io.BytesIO(body), "docs", "k", Config=TransferConfig(multipart_threshold=64 * MB))
        out = io.BytesIO()
        s3.download_fileobj("docs", "k", out)
        assert out.getvalue() == body

    def test_an_aborted_upload_leaves_nothing(self, s3: Any, node: RunningNode) -> None:
        upload = s3.create_multipart_upload(Bucket="docs", Key="k")["UploadId"]
        s3.upload_part(Bucket="docs", Key="k", UploadId=upload, PartNumber=1, Body=b"x" * 100_000)
        assert [item["UploadId"] for item in s3.list_multipart_uploads(Bucket="docs")["Uploads"]] == [upload]
        s3.abort_multipart_upload(Bucket="docs", Key="k", UploadId=upload)
        error = refusal(s3.upload_part, Bucket="docs", Key="k", UploadId=upload, PartNumber=2, Body=b"x")
        assert code(error) == "NoSuchUpload"
        assert "Uploads" not in s3.list_multipart_uploads(Bucket="docs")
        assert drafts(node) == []

    def test_a_checksum_that_does_not_fit_is_refused(self, s3: Any) -> None:
        error = refusal(s3.put_object, Bucket="docs", Key="k", Body=b"x", ChecksumSHA256="A" * 43 + "=")
        assert code(error) == "BadDigest"
        assert s3.list_objects_v2(Bucket="docs")["KeyCount"] == 0


class TestResource:
    def test_buckets_and_objects_as_things(self, node: RunningNode) -> None:
        bucket = resource(node).create_bucket(Bucket="things")
        bucket.wait_until_exists()
        for number in range(3):
            bucket.put_object(Key=f"n{number}", Body=str(number).encode())
        thing = bucket.Object("n1")
        assert thing.get()["Body"].read() == b"1"
        assert thing.content_length == 1
        assert [summary.key for summary in bucket.objects.filter(Prefix="n")] == ["n0", "n1", "n2"]
        bucket.objects.all().delete()
        assert list(bucket.objects.all()) == []
        bucket.delete()


class TestPresigned:
    def test_get_and_put_without_keys(self, s3: Any) -> None:
        put = s3.generate_presigned_url("put_object", {"Bucket": "docs", "Key": "a b.txt"})
        fetch(put, "PUT", b"by url")
        get = s3.generate_presigned_url("get_object", {"Bucket": "docs", "Key": "a b.txt"})
        assert fetch(get) == b"by url"

    def test_the_url_may_name_the_answers_headers(self, s3: Any) -> None:
        s3.put_object(Bucket="docs", Key="k", Body=b"x")
        url = s3.generate_presigned_url(
            "get_object", {"Bucket": "docs", "Key": "k", "ResponseContentDisposition": 'attachment; filename="x.txt"'}
        )
        with urllib.request.urlopen(url, timeout=30) as answer:
            assert answer.headers["content-disposition"] == 'attachment; filename="x.txt"'

    def test_a_missing_object_is_s3s_xml(self, s3: Any) -> None:
        url = s3.generate_presigned_url("get_object", {"Bucket": "docs", "Key": "none"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(url)
        assert caught.value.code == 404
        assert b"<Code>NoSuchKey</Code>" in caught.value.read()


class TestNotifications:
    def test_a_configuration_is_kept(self, s3: Any, node: RunningNode) -> None:
        assert "LambdaFunctionConfigurations" not in s3.get_bucket_notification_configuration(Bucket="docs")
        wrong = {
            "LambdaFunctionConfigurations": [{"LambdaFunctionArn": "arn:aws:lambda:x", "Events": ["s3:Nothing:*"]}]
        }
        error = refusal(s3.put_bucket_notification_configuration, Bucket="docs", NotificationConfiguration=wrong)
        assert status(error) == 400
        assert json.dumps(s3.get_bucket_notification_configuration(Bucket="docs"), default=str).count("Lambda") == 0
