"""The main job as a client does it: deploy, upload, wait. Everything goes through boto3 clients that are given.

What a step does is told to `say`; the job knows nothing of terminals.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yobu.base.errors import YobuError

PHOTOS, THUMBNAILS, TABLE, FUNCTION = "photos", "thumbnails", "photos", "make-thumbnail"
ROLE = "thumbnailer"
TRUST = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)
BASIC_EXECUTION = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"

Say = Callable[[str], None]


@dataclass(slots=True)
class Photo:
    """One photo on its way. Times are seconds on `time.monotonic`."""

    name: str
    body: bytes
    uploaded_at: float = 0.0
    upload_s: float = 0.0
    row: dict[str, Any] | None = None
    row_at: float = 0.0
    thumbnail: bytes | None = None


@dataclass(slots=True)
class Job:
    """The deployed job: `clients` holds boto3 clients of s3, dynamodb, lambda and iam."""

    clients: Mapping[str, Any]
    package: bytes
    runtime: str
    photos: list[Photo] = field(default_factory=list)

    def deploy(self, say: Say) -> None:
        """Role, function, table, buckets and the notification between them."""
        iam, lambda_, s3, dynamodb = (self.clients[name] for name in ("iam", "lambda", "s3", "dynamodb"))
        say("role and permissions")
        role = iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        iam.attach_role_policy(RoleName=ROLE, PolicyArn=BASIC_EXECUTION)
        say(f"table {TABLE}")
        dynamodb.create_table(
            TableName=TABLE,
            AttributeDefinitions=[{"AttributeName": "photo", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "photo", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
        say(f"function {FUNCTION}: {len(self.package) / 1e6:.1f} MB with Pillow, {self.runtime}")
        arn = lambda_.create_function(
            FunctionName=FUNCTION,
            Runtime=self.runtime,
            Role=role,
            Handler="app.handler",
            Code={"ZipFile": self.package},
            Timeout=30,
            MemorySize=512,
            Environment={"Variables": {"TABLE": TABLE, "THUMBNAILS": THUMBNAILS}},
        )["FunctionArn"]
        lambda_.get_waiter("function_active_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
        say(f"buckets {PHOTOS} and {THUMBNAILS}, notification s3:ObjectCreated:* -> {FUNCTION}")
        for bucket in (PHOTOS, THUMBNAILS):
            s3.create_bucket(Bucket=bucket)
        lambda_.add_permission(
            FunctionName=FUNCTION,
            StatementId="photos",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{PHOTOS}",
        )
        rule = {"Name": "suffix", "Value": ".jpg"}
        s3.put_bucket_notification_configuration(
            Bucket=PHOTOS,
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {
                        "LambdaFunctionArn": arn,
                        "Events": ["s3:ObjectCreated:*"],
                        "Filter": {"Key": {"FilterRules": [rule]}},
                    }
                ]
            },
        )

    def upload(self, photo: Photo) -> None:
        """Put one photo into the bucket."""
        begun = time.monotonic()
        self.clients["s3"].put_object(Bucket=PHOTOS, Key=photo.name, Body=photo.body, ContentType="image/jpeg")
        photo.uploaded_at = time.monotonic()
        photo.upload_s = photo.uploaded_at - begun
        self.photos.append(photo)

    def wait(self, say: Callable[[Photo], None], timeout_s: float = 60.0) -> None:
        """Ask the table for every photo's row, then fetch its thumbnail. Raises YobuError after `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        waiting = [photo for photo in self.photos if photo.row is None]
        while waiting:
            for photo in list(waiting):
                item = self.clients["dynamodb"].get_item(TableName=TABLE, Key={"photo": {"S": photo.name}})
                if "Item" in item:
                    photo.row, photo.row_at = item["Item"], time.monotonic()
                    found = self.clients["s3"].get_object(Bucket=THUMBNAILS, Key=photo.row["thumbnail"]["S"])
                    photo.thumbnail = found["Body"].read()
                    waiting.remove(photo)
                    say(photo)
            if waiting and time.monotonic() > deadline:
                names = ", ".join(photo.name for photo in waiting)
                raise YobuError(f"no row after {timeout_s:.0f} s for {names}; see the function's log above")
            time.sleep(0.005)


def load(paths: list[Path]) -> list[Photo]:
    """The user's own photos. Raises YobuError for a file that cannot be read or is no JPEG."""
    found: list[Photo] = []
    for path in paths:
        try:
            body = path.read_bytes()
        except OSError as error:
            raise YobuError(f"cannot read the photo: {error}") from None
        if not body.startswith(b"\xff\xd8"):
            raise YobuError(f"{path} is not a JPEG")
        taken = any(photo.name == f"{path.stem}.jpg" for photo in found)
        found.append(Photo(f"{path.stem}-{len(found) + 1}.jpg" if taken else f"{path.stem}.jpg", body))
    return found
