"""SIGTERM under load: what was acknowledged is there, what runs is finished or left queued, in bounded time."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tests.journeys.crash import RAN, TABLE, Acknowledged, Report, deploy, verify, writers
from tests.journeys.left_over import alive, files, sockets
from tests.journeys.running import RunningNode, create_function, eventually

BOUND_S = 15.0
"""The node gives running work 10 s; the rest is for a busy machine."""

WAITS = """
import boto3, os, time
table = boto3.resource("dynamodb").Table("ran")

def handler(event, context):
    open(event["begun"], "w").close()
    while not os.path.exists(event["over"]):
        time.sleep(0.01)
    table.put_item(Item={"id": event["id"]})
    return event["id"]
"""


class Call(threading.Thread):
    """A synchronous invoke whose answer is kept."""

    def __init__(self, node: RunningNode, event: dict[str, str]) -> None:
        super().__init__()
        self.answer: Any = None
        self._client = node.client("lambda", config=Config(retries={"total_max_attempts": 1}, read_timeout=30))
        self._event = event

    def run(self) -> None:
        try:
            answer = self._client.invoke(FunctionName="waits", Payload=json.dumps(self._event))
            self.answer = json.load(answer["Payload"])
        except (ClientError, BotoCoreError) as error:
            self.answer = error


def event(folder: Path, name: str) -> dict[str, str]:
    return {"id": name, "begun": str(folder / f"begun-{name}"), "over": str(folder / f"over-{name}")}


async def test_a_stop_under_load_loses_nothing(own_node: RunningNode) -> None:
    own_node.start()
    deploy(own_node)
    acked, over = Acknowledged(), threading.Event()
    load = writers(own_node, "stopped", 7, acked, over)
    for writer in load:
        writer.start()
    eventually(lambda: len(acked.items) > 5 and acked.events and acked.objects, 30)
    began = time.monotonic()
    assert own_node.stop() == 0
    assert time.monotonic() - began < BOUND_S
    over.set()
    for writer in load:
        writer.join()
    log = own_node.log.read_text()
    assert "Traceback" not in log, log
    assert alive(own_node) == [] == sockets(own_node)
    assert await files(own_node.data) == []
    own_node.start()
    report = Report()
    verify(own_node, acked, report)
    assert report.lost == []
    assert own_node.stop() == 0


def test_what_runs_is_finished_and_may_still_use_the_node(own_node: RunningNode, tmp_path: Path) -> None:
    own_node.start()
    deploy(own_node)
    create_function(own_node, "waits", WAITS)
    direct, queued = event(tmp_path, "direct"), event(tmp_path, "queued")
    call = Call(own_node, direct)
    call.start()
    client = own_node.client("lambda")
    client.invoke(FunctionName="waits", InvocationType="Event", Payload=json.dumps(queued))
    eventually(lambda: Path(direct["begun"]).exists() and Path(queued["begun"]).exists(), 30)
    stopping = threading.Thread(target=own_node.stop)
    stopping.start()
    eventually(lambda: "stopping" in own_node.log.read_text())

    def refused() -> bool:
        """Other clients are told so."""
        try:
            own_node.client("dynamodb").get_item(TableName=RAN, Key={"id": {"S": "x"}})
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            return True
        return False

    eventually(refused)
    for one in (direct, queued):
        Path(one["over"]).touch()
    call.join()
    assert call.answer == "direct"
    stopping.join()
    assert own_node.process is not None and own_node.process.returncode == 0
    own_node.start()
    client = own_node.client("dynamodb")
    found = {item["id"]["S"] for item in client.scan(TableName=RAN)["Items"]}
    assert found == {"direct", "queued"}


def test_what_does_not_end_is_refused_or_runs_again(own_node: RunningNode, tmp_path: Path) -> None:
    """A function that outlasts the stop: its caller is told, its event stays queued; all steps share one bound."""
    own_node.start()
    deploy(own_node)
    create_function(own_node, "waits", WAITS)
    direct, queued = event(tmp_path, "direct"), event(tmp_path, "queued")
    call = Call(own_node, direct)
    call.start()
    client = own_node.client("lambda")
    client.invoke(FunctionName="waits", InvocationType="Event", Payload=json.dumps(queued))
    eventually(lambda: Path(direct["begun"]).exists() and Path(queued["begun"]).exists(), 30)
    began = time.monotonic()
    assert own_node.stop() == 0
    assert time.monotonic() - began < BOUND_S
    call.join()
    assert isinstance(call.answer, ClientError | BotoCoreError), call.answer
    eventually(lambda: not alive(own_node))
    Path(queued["over"]).touch()
    own_node.start()
    dynamodb = own_node.client("dynamodb")
    eventually(lambda: dynamodb.get_item(TableName=RAN, Key={"id": {"S": "queued"}}).get("Item"), 30)
    assert TABLE in dynamodb.list_tables()["TableNames"]
