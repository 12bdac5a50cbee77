"""Kill the node at random under mixed load, start it again, and look for everything that it had acknowledged.

Writers put items, small and large objects, events and new code; each notes what was acknowledged, and nothing else. An
event's function writes a row, which proves that it ran; now and then it is slow, leaves a child or becomes a daemon.
What is left over is looked for in left_over.py.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from tests.journeys.left_over import DAEMON, alive, files, sockets
from tests.journeys.running import ACCOUNT, RunningNode, create_function, eventually, package

TABLE, RAN, BUCKET, FUNCTION, CHANGED = "acked", "ran", "acked", "record", "changed"
SOURCE = """
import boto3, os, subprocess, time
table = boto3.resource("dynamodb").Table("ran")

def handler(event, context):
    chance = hash(context.aws_request_id) % 100
    if chance < 5:
        time.sleep(0.3)
    elif chance < 7:
        subprocess.Popen(["sleep", "60"])
    elif chance < 9:
        subprocess.Popen(DAEMON, start_new_session=True)
    if "Records" in event:
        for record in event["Records"]:
            table.put_item(Item={"id": record["s3"]["object"]["key"]})
    else:
        table.put_item(Item={"id": event["id"]})
""".replace("DAEMON", repr(DAEMON))
RETRIES_S = 300
LARGE = 300_000
HOT = "hot"
"""A key whose object is replaced again and again; it holds the number of the put."""


@dataclass
class Acknowledged:
    """What the node said yes to, over all rounds."""

    items: set[str] = field(default_factory=set)
    objects: dict[str, str] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    hot: int = 0
    code: int = 0


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
    create_function(node, CHANGED, _numbered(0))
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


def writers(
    node: RunningNode, name: str, seed: int, acked: Acknowledged, over: threading.Event
) -> list[threading.Thread]:
    """The load: threads that write until `over`, each name beginning with `name`."""
    return [
        threading.Thread(target=_write, args=(over, f"{name}-{worker}", step))
        for worker, step in enumerate(_steps(node, acked, seed))
    ]


def run_round(node: RunningNode, number: int, seed: int, acked: Acknowledged) -> None:
    """Load until a SIGKILL at a random moment."""
    chance = random.Random(seed)
    over = threading.Event()
    load = writers(node, str(number), seed, acked, over)
    for writer in load:
        writer.start()
    before = len(acked.items)
    eventually(lambda: len(acked.items) > before, 30)
    over.wait(chance.uniform(0.0, 1.2))
    node.kill()
    over.set()
    for writer in load:
        writer.join()


def _numbered(number: int) -> str:
    return f"def handler(event, context):\n    return {number}\n"


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

    # Numbers go on over all rounds: one writer each, whose puts may be there without having been acknowledged.
    hot, code = itertools.count(acked.hot + 1_000_000), itertools.count(acked.code + 1_000_000)

    def replace_object(name: str) -> None:
        number = next(hot)
        s3.put_object(Bucket=BUCKET, Key=HOT, Body=str(number).ljust(LARGE // 2).encode())
        acked.hot = number

    def change_code(name: str) -> None:
        number = next(code)
        lambda_.update_function_code(FunctionName=CHANGED, ZipFile=package(_numbered(number)))
        acked.code = number

    return [
        *(put_item, put_item, put_object(2_000), put_object(LARGE)),
        *(send_event, send_event, replace_object, change_code),
    ]


def verify(node: RunningNode, acked: Acknowledged, report: Report) -> None:
    """Everything acknowledged is there, and every event ran: both kinds, invoked and notified."""
    dynamodb, s3 = node.client("dynamodb"), node.client("s3")
    report.lost += [f"item {name}" for name in acked.items - _ids(dynamodb, TABLE)]
    for name, digest in acked.objects.items():
        found = s3.get_object(Bucket=BUCKET, Key=name)["Body"].read()
        if hashlib.sha256(found).hexdigest() != digest:
            report.lost.append(f"object {name}")
    hot = int(s3.get_object(Bucket=BUCKET, Key=HOT)["Body"].read(20)) if acked.hot else 0
    code = json.load(node.client("lambda").invoke(FunctionName=CHANGED)["Payload"])
    report.lost += [f"object {HOT} {acked.hot}, found {hot}"] if hot < acked.hot else []
    report.lost += [f"code {acked.code}, found {code}"] if code < acked.code else []
    expected = acked.events | set(acked.objects)
    eventually(lambda: expected <= _ids(dynamodb, RAN) or _is_drained(node), RETRIES_S)
    report.lost += [f"event {name}" for name in expected - _ids(dynamodb, RAN)]
    report.items, report.objects, report.events = len(acked.items), len(acked.objects), len(acked.events)


def _is_drained(node: RunningNode) -> bool:
    """Whether no event waits or runs: one that failed, on a busy machine, comes back after a minute and after two."""
    status = node.admin("GET", "status")
    waits = status["next_event_ms"] is not None or status["events_in_work"] > 0
    return not waits and status["uptime_s"] > 3  # before that it may not have found them all


def _ids(dynamodb: Any, table: str) -> set[str]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ProjectionExpression="id")
    return {item["id"]["S"] for page in pages for item in page["Items"]}


def crash(node: RunningNode, rounds: int, seed: int) -> Report:
    """The whole run: `rounds` kills on one data folder."""
    report, acked = Report(), Acknowledged()
    node.start()
    deploy(node)
    for number in range(rounds):
        run_round(node, number, seed + number, acked)
        report.left_over += [f"{what} after kill {number}" for what in _after_kill(node)]
        before = node.environments()
        node.start()
        report.left_over += [f"process {pid} after start {number}" for pid in before & node.environments()]
        report.rounds += 1
    verify(node, acked, report)
    assert node.stop() == 0, node.log.read_text()
    assert "Traceback" not in node.log.read_text(), node.log.read_text()
    report.left_over += [f"process {pid}" for pid in node.environments()]
    report.left_over += sockets(node) + asyncio.run(files(node.data))
    return report


def _after_kill(node: RunningNode) -> list[str]:
    """What outlives a killed node, but for daemons that left their group: the next start ends those."""
    try:
        eventually(lambda: not alive(node), 5)
    except AssertionError:
        return alive(node)
    return sockets(node)
