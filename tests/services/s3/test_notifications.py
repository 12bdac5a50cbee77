"""Notifications: which rules match, what a record says, and which configurations are refused."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from yobu.invoke.values import Delivery
from yobu.services.s3.model import Rule
from yobu.services.s3.notify import matches, overlapping

from .conftest import S3, context

FUNCTION = "arn:aws:lambda:us-east-1:111122223333:function:thumb"
QUEUE = "arn:aws:sqs:us-east-1:111122223333:queue"
CREATED = ("s3:ObjectCreated:*",)


def rule(events: tuple[str, ...] = CREATED, prefix: str = "", suffix: str = "", name: str = "r") -> Rule:
    return Rule(name, FUNCTION, events, prefix, suffix)


@pytest.mark.parametrize(
    ("wanted", "event", "key", "verdict"),
    [
        (rule(), "s3:ObjectCreated:Put", "k", True),
        (rule(), "s3:ObjectCreated:CompleteMultipartUpload", "k", True),
        (rule(), "s3:ObjectRemoved:Delete", "k", False),
        (rule(("s3:ObjectCreated:Put",)), "s3:ObjectCreated:Copy", "k", False),
        (rule(("s3:ObjectRemoved:*", "s3:ObjectCreated:Copy")), "s3:ObjectCreated:Copy", "k", True),
        (rule(prefix="in/"), "s3:ObjectCreated:Put", "in/a.jpg", True),
        (rule(prefix="in/"), "s3:ObjectCreated:Put", "out/a.jpg", False),
        (rule(suffix=".jpg"), "s3:ObjectCreated:Put", "in/a.jpg", True),
        (rule(suffix=".jpg"), "s3:ObjectCreated:Put", "in/a.JPG", False),
        (rule(prefix="in/", suffix=".jpg"), "s3:ObjectCreated:Put", "in/a.png", False),
        (rule(prefix="ab", suffix="bc"), "s3:ObjectCreated:Put", "abc", True),
    ],
)
def test_matches(wanted: Rule, event: str, key: str, verdict: bool) -> None:
    assert matches(wanted, event, key) is verdict


@pytest.mark.parametrize(
    ("one", "other", "verdict"),
    [
        (rule(), rule(), True),
        (rule(), rule(("s3:ObjectCreated:Put",)), True),
        (rule(), rule(("s3:ObjectRemoved:*",)), False),
        (rule(("s3:ObjectCreated:Put",)), rule(("s3:ObjectCreated:Copy",)), False),
        (rule(prefix="a"), rule(prefix="ab"), True),
        (rule(prefix="a"), rule(prefix="b"), False),
        (rule(suffix="jpg"), rule(suffix="pg"), True),
        (rule(suffix=".jpg"), rule(suffix=".png"), False),
        (rule(prefix="a", suffix=".jpg"), rule(prefix="ab", suffix=".png"), False),
        (rule(prefix="a"), rule(suffix=".png"), True),
    ],
)
def test_overlaps(one: Rule, other: Rule, verdict: bool) -> None:
    assert bool(list(overlapping([one, other]))) is verdict
    assert bool(list(overlapping([other, one]))) is verdict


def entry(arn: str = FUNCTION, member: str = "LambdaFunctionArn", **more: Any) -> dict[str, Any]:
    return {member: arn, "Events": list(CREATED), **more}


def filtered(*rules: tuple[str, str]) -> dict[str, Any]:
    return {"Key": {"FilterRules": [{"Name": name, "Value": value} for name, value in rules]}}


async def configure(s3: S3, *entries: dict[str, Any], **more: Any) -> None:
    await s3(
        "PutBucketNotificationConfiguration",
        Bucket="photos",
        NotificationConfiguration={"LambdaFunctionConfigurations": list(entries)},
        **more,
    )


def records(sent: list[Delivery]) -> list[dict[str, Any]]:
    return [record for delivery in sent for record in json.loads(delivery.payload)["Records"]]


class TestConfiguration:
    async def test_comes_back_with_ids_and_capitals(self, s3: S3, bucket: str) -> None:
        assert await s3("GetBucketNotificationConfiguration", Bucket=bucket) == {}
        await configure(
            s3,
            entry(Id="mine", Filter=filtered(("PREFIX", "in/"), ("suffix", ".jpg"))),
            entry(Events=["s3:ObjectRemoved:*"]),
        )
        answer = await s3("GetBucketNotificationConfiguration", Bucket=bucket)
        mine, made = answer["LambdaFunctionConfigurations"]
        assert mine == entry(Id="mine", Filter=filtered(("Prefix", "in/"), ("Suffix", ".jpg")))
        assert uuid.UUID(made["Id"]).version == 4
        await s3("PutBucketNotificationConfiguration", Bucket=bucket, NotificationConfiguration={})
        assert await s3("GetBucketNotificationConfiguration", Bucket=bucket) == {}

    @pytest.mark.parametrize(
        ("entries", "message"),
        [
            ([entry(), entry()], "Configurations overlap."),
            ([entry(), entry(Filter=filtered(("prefix", "a")))], "Configuration is ambiguously defined."),
            ([entry(Events=["s3:ObjectEaten:*"])], "The event is not supported for notifications"),
            ([entry(Events=[])], "The XML you provided was not well-formed"),
            ([entry("not an arn")], "The ARN could not be parsed"),
            ([entry(QUEUE)], "The ARN could not be parsed"),
            ([entry(Filter=filtered(("middle", "a")))], "filter rule name must be either prefix or suffix"),
            ([entry(Filter=filtered(("prefix", "a"), ("Prefix", "b")))], "Cannot specify more than one prefix rule"),
            ([entry(Filter=filtered(("prefix", "a" * 1025)))], "Size of filter rule value cannot exceed 1024 bytes"),
            ([entry(Id="a" * 256)], "ID length exceeded allowed limit of 255"),
            ([entry(Id="a"), entry(Id="a", Events=["s3:ObjectRemoved:*"])], "Same ID used for multiple configurations"),
        ],
    )
    async def test_refusals(self, s3: S3, bucket: str, entries: list, message: str) -> None:
        error = await s3.fails(
            "PutBucketNotificationConfiguration",
            Bucket=bucket,
            NotificationConfiguration={"LambdaFunctionConfigurations": entries},
        )
        assert error.code in ("InvalidArgument", "MalformedXML")
        assert error.message.startswith(message)
        assert await s3("GetBucketNotificationConfiguration", Bucket=bucket) == {}

    async def test_destinations_are_asked(self, s3: S3, bucket: str) -> None:
        s3.deliveries.refused = {FUNCTION: "no permission", QUEUE: "The destination queue does not exist"}
        configuration = {
            "LambdaFunctionConfigurations": [entry()],
            "QueueConfigurations": [entry(QUEUE, "QueueArn", Events=["s3:ObjectRemoved:*"])],
        }
        at = {"Bucket": bucket, "NotificationConfiguration": configuration}
        error = await s3.fails("PutBucketNotificationConfiguration", **at)
        assert error.message == "Unable to validate the following destination configurations"
        assert error.members == {
            "ArgumentName1": QUEUE,
            "ArgumentValue1": "The destination queue does not exist",
            "ArgumentName2": f"{FUNCTION}, null",
            "ArgumentValue2": f"Not authorized to invoke function [{FUNCTION}]",
        }
        await s3("PutBucketNotificationConfiguration", **at, SkipDestinationValidation=True)
        assert s3.deliveries.sent == []

    async def test_destinations_lie_in_the_bucket_s_region(self, s3: S3, bucket: str) -> None:
        away = QUEUE.replace("us-east-1", "eu-west-1")
        error = await s3.fails(
            "PutBucketNotificationConfiguration",
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": [entry(away, "QueueArn")]},
        )
        assert "region is not valid" in error.members["ArgumentValue1"]

    async def test_eventbridge_is_not_built(self, s3: S3, bucket: str) -> None:
        error = await s3.fails(
            "PutBucketNotificationConfiguration",
            Bucket=bucket,
            NotificationConfiguration={"EventBridgeConfiguration": {}},
        )
        assert (error.code, error.status) == ("NotImplemented", 501)

    async def test_events_that_never_happen_warn(self, s3: S3, bucket: str) -> None:
        ctx = context()
        await s3(
            "PutBucketNotificationConfiguration",
            ctx,
            Bucket=bucket,
            NotificationConfiguration={"LambdaFunctionConfigurations": [entry(Events=["s3:LifecycleTransition"])]},
        )
        assert len(ctx.warnings) == 1

    async def test_a_queue_gets_a_trial_and_a_function_none(self, s3: S3, bucket: str) -> None:
        await configure(s3, entry())
        assert s3.deliveries.sent == []
        await s3(
            "PutBucketNotificationConfiguration",
            Bucket=bucket,
            NotificationConfiguration={"QueueConfigurations": [entry(QUEUE, "QueueArn")]},
        )
        (trial,) = s3.deliveries.sent
        document = json.loads(trial.payload)
        assert (trial.target, document["Event"], document["Bucket"]) == (QUEUE, "s3:TestEvent", bucket)


class TestRecords:
    async def test_of_a_put(self, s3: S3, bucket: str) -> None:
        await configure(s3, entry(Id="mine"))
        await s3("PutObject", Bucket=bucket, Key="in/red flower é.jpg", Body=b"hello")
        (delivery,) = s3.deliveries.sent
        (record,) = records([delivery])
        sequencer = record["s3"]["object"].pop("sequencer")
        assert len(sequencer) == 16
        assert len(record["responseElements"].pop("x-amz-id-2")) == 88
        assert len(record["s3"]["bucket"]["ownerIdentity"].pop("principalId")) == 14
        assert record == {
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": "2023-11-14T22:13:20.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AWS:111122223333"},
            "requestParameters": {"sourceIPAddress": "127.0.0.9"},
            "responseElements": {"x-amz-request-id": "A1B2C3D4E5F60718"},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "mine",
                "bucket": {"name": bucket, "ownerIdentity": {}, "arn": "arn:aws:s3:::photos"},
                "object": {
                    "key": "in/red+flower+%C3%A9.jpg",
                    "size": 5,
                    "eTag": "5d41402abc4b2a76b9719d911017c592",
                },
            },
        }
        assert (delivery.target, delivery.source, delivery.service) == (
            FUNCTION,
            "arn:aws:s3:::photos",
            "s3.amazonaws.com",
        )
        assert (delivery.account, delivery.region, delivery.created_ms) == (
            "111122223333",
            "us-east-1",
            1_700_000_000_000,
        )
        assert uuid.UUID(delivery.id)

    async def test_every_kind_of_write_and_delete(self, s3: S3, bucket: str) -> None:
        every = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]
        await configure(s3, entry(Events=every, Filter=filtered(("prefix", "k"))))
        await s3("PutObject", Bucket=bucket, Key="other", Body=b"1")
        await s3("PutObject", Bucket=bucket, Key="k1", Body=b"1")
        await s3("CopyObject", Bucket=bucket, Key="k2", CopySource=f"{bucket}/k1")
        upload = (await s3("CreateMultipartUpload", Bucket=bucket, Key="k3"))["UploadId"]
        at = {"Bucket": bucket, "Key": "k3", "UploadId": upload}
        etag = (await s3("UploadPart", **at, PartNumber=1, Body=b"12"))["ETag"]
        await s3("CompleteMultipartUpload", **at, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]})
        await s3("PutObjectTagging", Bucket=bucket, Key="k1", Tagging={"TagSet": []})
        await s3("DeleteObject", Bucket=bucket, Key="k1")
        await s3("DeleteObject", Bucket=bucket, Key="k1")
        await s3("DeleteObjects", Bucket=bucket, Delete={"Objects": [{"Key": "k2"}, {"Key": "k3"}, {"Key": "k4"}]})
        found = records(s3.deliveries.sent)
        assert [(record["eventName"], record["s3"]["object"]["key"]) for record in found] == [
            ("ObjectCreated:Put", "k1"),
            ("ObjectCreated:Copy", "k2"),
            ("ObjectCreated:CompleteMultipartUpload", "k3"),
            ("ObjectTagging:Put", "k1"),
            ("ObjectRemoved:Delete", "k1"),
            ("ObjectRemoved:Delete", "k2"),
            ("ObjectRemoved:Delete", "k3"),
        ]
        assert "size" not in found[4]["s3"]["object"]
        assert "eTag" not in found[4]["s3"]["object"]
        assert found[3]["eventVersion"] == "2.3"
        numbers = [record["s3"]["object"].get("sequencer") for record in found if "Tagging" not in record["eventName"]]
        assert numbers == sorted(set(numbers))
        assert len({delivery.id for delivery in s3.deliveries.sent}) == len(s3.deliveries.sent)
        assert s3.deliveries.calls[-1] == 2  # one send for a whole DeleteObjects

    async def test_nothing_is_sent_for_a_write_that_is_refused(self, s3: S3, bucket: str) -> None:
        await configure(s3, entry())
        await s3("PutObject", Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
        await s3.fails("PutObject", Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
        assert len(s3.deliveries.sent) == 1
