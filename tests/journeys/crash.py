"""Kill the node at random under mixed load, start it again, and look for everything that it had acknowledged.

Writers put items, small and large objects, and events; each notes what was acknowledged, and nothing else. An event's
function writes a row, which proves that it ran.
"""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from tests.journeys.running import ACCOUNT, RunningNode, create_function, eventually

TABLE, RAN, BUCKET, FUNCTION = "acked", "ran", "acked", "record"
SOURCE = """
import boto3, os
table = boto3.resource("dynamodb").Table("ran")

def handler(event, context):
    if "Records" in event:
        for record in event["Records"]:
            table.put_item(Item={"id": record["s3"]["object"]["key"]})
    else:
        table.put_item(Item={"id": event["id"]})
"""
LARGE = 300_000


@dataclass
class Acknowledged:
    """What the node said yes to, over all rounds."""

    items: set[str] = field(default_factory=set)
    objects: dict[str, str] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)


@dataclass
class Report:
    """What a run saw."""

    rounds: int = 0
    items: int = 0
    objects: int = 0
    events: int = 0
    lost: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)


def deploy(node: RunningNode) -> None:
    """Two tables, a bucket that notifies, a function."""
    dynamodb = node.client("dynamodb")
    for table in (TABLE, RAN):
        dynamodb.create_table(
            TableName=table,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    arn = create_function(node, FUNCTION, SOURCE)["FunctionArn"]
    node.client("lambda").add_permission(
        FunctionName=FUNCTION,
        StatementId="bucket",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{BUCKET}",
        SourceAccount=ACCOUNT,
    )
    s3 = node.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    configuration = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )


def run_round(node: RunningNode, number: int, seed: int, acked: Acknowledged) -> None:
    """Load until a SIGKILL at a random moment."""
    chance = random.Random(seed)
    over = threading.Event()
    writers = [
        threading.Thread(target=_write, args=(over, f"{number}-{worker}", step))
        for worker, step in enumerate(_steps(node, acked, seed))
    ]
    for writer in writers:
        writer.start()
    over.wait(chance.uniform(0.2, 1.2))
    node.kill()
    over.set()
    for writer in writers:
        writer.join()


def _write(over: threading.Event, name: str, step: Callable[[str], None]) -> None:
    count = 0
    while not over.is_set():
        count += 1
        try:
            step(f"{name}-{count}")
        except (BotoCoreError, ClientError, HTTPClientError, OSError):
            # Not acknowledged: it may be there or not.
            over.wait(0.01)


def _steps(node: RunningNode, acked: Acknowledged, seed: int) -> list[Callable[[str], None]]:
    dynamodb, s3, lambda_ = (node.client(name) for name in ("dynamodb", "s3", "lambda"))
    bodies = random.Random(seed)

    def put_item(name: str) -> None:
        dynamodb.put_item(TableName=TABLE, Item={"id": {"S": name}, "text": {"S": "x" * 500}})
        acked.items.add(name)

    def put_object(size: int) -> Callable[[str], None]:
        def put(name: str) -> None:
            body = bodies.randbytes(size)
            s3.put_object(Bucket=BUCKET, Key=name, Body=body)
            acked.objects[name] = hashlib.sha256(body).hexdigest()

        return put

    def send_event(name: str) -> None:
        lambda_.invoke(FunctionName=FUNCTION, InvocationType="Event", Payload=json.dumps({"id": name}))
        acked.events.add(name)

    return [put_item, put_item, put_object(2_000), put_object(LARGE), send_event, send_event]


def verify(node: RunningNode, acked: Acknowledged, report: Report) -> None:
    """Everything acknowledged is there, and every event ran: both kinds, invoked and notified."""
    dynamodb, s3 = node.client("dynamodb"), node.client("s3")
    report.lost += [f"item {name}" for name in acked.items - _ids(dynamodb, TABLE)]
    for name, digest in acked.objects.items():
        found = s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        if hashlib.sha256(found).hexdigest() != digest:
            report.lost.append(f"object {name}")
    expected = acked.events | set(acked.objects)
    missing: set[str] = set()

    def all_ran() -> bool:
        nonlocal missing
        missing = expected - _ids(dynamodb, RAN)
        return not missing

    try:
        eventually(all_ran, 60)
    except AssertionError:
        report.lost += [f"event {name}" for name in missing]
    report.items, report.objects, report.events = len(acked.items), len(acked.objects), len(acked.events)


def _ids(dynamodb: Any, table: str) -> set[str]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="id")
    return {item["id"]["S"] for page in pages for item in page["Items"]}


def left_over(node: RunningNode) -> list[str]:
    """What a killed node must not leave: processes, and (after a start and a stop) temporary files."""
    found = [f"process {pid}" for pid in node.environments()]
    found += [f"file {path}" for path in (node.data / "run").rglob("*") if path.is_file() or path.is_socket()]
    found += [f"draft {path}" for path in (node.data / "blobs" / "drafts").glob("*")]
    return found


def crash(node: RunningNode, rounds: int, seed: int) -> Report:
    """The whole run: `rounds` kills on one data folder."""
    report, acked = Report(), Acknowledged()
    node.start()
    deploy(node)
    for number in range(rounds):
        run_round(node, number, seed + number, acked)
        try:
            eventually(lambda: not node.environments(), 5)
        except AssertionError:
            report.left_over += [f"process {pid} after kill {number}" for pid in node.environments()]
        node.start()
        report.rounds += 1
    verify(node, acked, report)
    assert node.stop() == 0, node.log.read_text()
    report.left_over += left_over(node)
    return report
