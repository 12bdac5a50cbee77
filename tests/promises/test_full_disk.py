"""A full disk: writes are refused in the service's own words, reads go on, nothing acknowledged is lost."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.journeys.crash import BUCKET, TABLE, deploy
from tests.journeys.left_over import files
from tests.journeys.running import ROLE, RUNTIME, RunningNode, create_function, eventually, package

PRINT = "def handler(event, context):\n    print('x' * 100)\n    return event\n"
COUNTS = """
import os, time
def handler(event, context):
    with open(event["ran"], "a") as file:
        file.write("once\\n")
    while not os.path.exists(event["over"]):
        time.sleep(0.01)
"""


@pytest.fixture
def full_node(small_disk: Path) -> Iterator[RunningNode]:
    node = RunningNode(small_disk / "data")
    node.log = small_disk.with_name("log")
    node.start()
    yield node
    if node.process is not None and node.process.poll() is None:
        assert node.stop() == 0, node.log.read_text()


class Ballast:
    """A file that takes all the room there is."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def fill(self, leave: int = 0) -> None:
        number = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            for size in (1 << 20, 1 << 12, 1):
                self._append(number, bytes(size))
            os.ftruncate(number, os.fstat(number).st_size - leave)
        finally:
            os.close(number)

    def _append(self, number: int, data: bytes) -> None:
        try:
            while os.write(number, data) == len(data):
                pass
        except OSError:
            return  # no room for that much

    def drop(self) -> None:
        self._path.unlink()


def refused(call: Callable[[], Any]) -> tuple[int, str]:
    """Status and code of the error that a call is answered with."""
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], caught.value.response["Error"]["Code"]


def fill_with(put: Callable[[int], Any], most: int = 10_000) -> tuple[int, tuple[int, str]]:
    """Put until it is refused: how many were acknowledged, and the refusal."""
    for number in range(most):
        try:
            put(number)
        except ClientError as error:
            found = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
            return number, found
    raise AssertionError("the disk is not small")


async def test_a_full_disk_refuses_writes_and_loses_nothing(full_node: RunningNode, small_disk: Path) -> None:
    deploy(full_node)
    dynamodb, s3, lambda_ = (full_node.client(name) for name in ("dynamodb", "s3", "lambda"))
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})
    create_function(full_node, "print", PRINT)
    body = os.urandom(200_000)
    s3.put_object(Bucket=BUCKET, Key="kept", Body=body)
    ballast = Ballast(small_disk)
    ballast.fill()

    def put_item(number: int) -> None:
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": str(number)}, "text": {"S": "x" * 3000}})

    # The log of the store has room of its own, which it uses again: some writes may still be taken.
    items, refusal = fill_with(put_item)
    assert refusal == (503, "ServiceUnavailable")
    assert refused(lambda: s3.put_object(Bucket=BUCKET, Key="large", Body=body)) == (503, "ServiceUnavailable")
    event = json.dumps("x" * 100_000)
    late = {"FunctionName": "print", "InvocationType": "Event", "Payload": event}
    assert refused(lambda: lambda_.invoke(**late)) == (503, "ServiceUnavailable")
    code = {"ZipFile": package(PRINT)}
    settings = {"Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler", "Code": code}
    assert refused(lambda: lambda_.create_function(FunctionName="late", **settings))[0] == 503
    assert refused(lambda: lambda_.invoke(FunctionName="print"))[0] >= 500
    eventually(lambda: not full_node.environments())
    assert not list((full_node.data / "blobs" / "drafts").iterdir())

    # Reads go on.
    assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == body
    assert dynamodb.scan(TableName=TABLE, Select="COUNT")["Count"] == items

    # And with room, so do writes; log lines too.
    ballast.drop()
    put_item(items)
    s3.put_object(Bucket=BUCKET, Key="large", Body=body)
    assert json.load(lambda_.invoke(FunctionName="print", Payload=b'"back"')["Payload"]) == "back"
    lambda_.create_function(FunctionName="late", **settings)
    full_node.kill()
    full_node.start()
    dynamodb, s3 = full_node.client("dynamodb"), full_node.client("s3")
    assert dynamodb.scan(TableName=TABLE, Select="COUNT")["Count"] == items + 1
    found = s3.get_object(Bucket=BUCKET, Key="large")["Body"].read()
    assert hashlib.sha256(found).digest() == hashlib.sha256(body).digest()
    assert full_node.stop() == 0
    assert await files(full_node.data) == []


async def test_log_lines_without_room_do_not_stop_the_node(full_node: RunningNode, small_disk: Path) -> None:
    create_function(full_node, "print", PRINT)
    lambda_ = full_node.client("lambda")
    lambda_.invoke(FunctionName="print")
    ballast = Ballast(small_disk)
    ballast.fill()
    for number in range(200):
        answer = lambda_.invoke(FunctionName="print", Payload=json.dumps(number))
        assert json.load(answer["Payload"]) == number
    eventually(lambda: "could not be written" in full_node.log.read_text())
    ballast.drop()
    logs = full_node.client("logs")

    def lines() -> bool:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/print")
        return sum(event["message"].startswith("xxx") for page in pages for event in page["events"]) == 201

    # Lines waited in memory until there was room.
    eventually(lines)
    assert full_node.stop() == 0
    full_node.start()
    logs = full_node.client("logs")
    assert lines()


async def test_a_package_that_finds_no_room_is_unpacked_later(full_node: RunningNode, small_disk: Path) -> None:
    """A function is not called broken because the disk was full when it was made."""
    lambda_ = full_node.client("lambda")
    ballast = Ballast(small_disk)
    ballast.fill(leave=4_000_000)
    settings = {"Runtime": RUNTIME, "Role": ROLE, "Handler": "app.handler", "Timeout": 10}
    lambda_.create_function(FunctionName="large", Code={"ZipFile": swelling(8_000_000)}, **settings)
    assert refused(lambda: lambda_.invoke(FunctionName="large")) == (503, "ServiceUnavailable")
    eventually(lambda: "the package cannot be unpacked" in full_node.log.read_text())
    assert lambda_.get_function(FunctionName="large")["Configuration"]["State"] == "Pending"
    ballast.drop()
    # An unpacking that began before still fails; SDKs try again after a 503.
    patient = full_node.client("lambda", config=Config(retries={"total_max_attempts": 8}))
    assert json.load(patient.invoke(FunctionName="large", Payload=b'"back"')["Payload"]) == "back"
    eventually(lambda: lambda_.get_function(FunctionName="large")["Configuration"]["State"] == "Active")
    assert full_node.stop() == 0
    assert await files(full_node.data) == []


def swelling(size: int) -> bytes:
    """A small package that unpacks to `size` bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", PRINT)
        archive.writestr("data", bytes(size))
    return out.getvalue()


def test_an_event_whose_outcome_finds_no_room_is_not_run_again(
    full_node: RunningNode, small_disk: Path, tmp_path: Path
) -> None:
    create_function(full_node, "counts", COUNTS)
    lambda_ = full_node.client("lambda")
    ran, over = tmp_path / "ran", tmp_path / "over"
    event = json.dumps({"ran": str(ran), "over": str(over)})
    lambda_.invoke(FunctionName="counts", InvocationType="Event", Payload=event)
    eventually(ran.exists)
    ballast = Ballast(small_disk)
    ballast.fill()

    def full() -> bool:
        """The log of the store is used up too."""
        try:
            lambda_.tag_resource(Resource=arn, Tags={"k": "x" * 200})
        except ClientError:
            return True
        return False

    arn = lambda_.get_function(FunctionName="counts")["Configuration"]["FunctionArn"]
    eventually(full)
    over.touch()
    eventually(lambda: full_node.log.read_text().count("the outcome of event") >= 2)
    ballast.drop()
    eventually(lambda: full_node.admin("GET", "status")["events_in_work"] == 0)
    assert ran.read_text() == "once\n"
