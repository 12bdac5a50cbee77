"""A commit that fails ends the node: nothing is acknowledged from then on, and everything before it is there."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from tests.journeys.crash import RAN, TABLE, deploy
from tests.journeys.left_over import alive, sockets
from tests.journeys.running import RunningNode, eventually

WRITERS = 4


class FailingNode(RunningNode):
    """A node whose commits fail from `fail` on."""

    program = (sys.executable, str(Path(__file__).with_name("failing_node.py")))

    def fail(self) -> None:
        self.data.with_name("broken").touch()

    def mend(self) -> None:
        self.data.with_name("broken").unlink()


class Writer(threading.Thread):
    """Puts items until the node is gone, and tells what was acknowledged and how the rest was answered."""

    def __init__(self, node: RunningNode, name: str, broken: Path) -> None:
        super().__init__()
        self.acknowledged: list[str] = []
        self.late: list[str] = []
        self.refusals: set[tuple[int, str]] = set()
        self._client = node.client("dynamodb")
        self._prefix = name
        self._broken = broken

    def run(self) -> None:
        for number in range(100_000):
            key = f"{self._prefix}-{number}"
            broken = self._broken.exists()
            try:
                self._client.put_item(TableName=TABLE, Item={"id": {"S": key}})
            except ClientError as error:
                answer = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
                self.refusals.add(answer)
            except (BotoCoreError, HTTPClientError):
                return
            else:
                (self.late if broken else self.acknowledged).append(key)


def test_a_failed_commit_ends_the_node_and_loses_nothing(tmp_path: Path) -> None:
    node = FailingNode(tmp_path / "data").start()
    deploy(node)
    assert node.process is not None
    writers = [Writer(node, str(number), tmp_path / "broken") for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    eventually(lambda: all(len(writer.acknowledged) > 3 for writer in writers))
    node.client("lambda").invoke(FunctionName="record", InvocationType="Event", Payload=b'{"id": "queued"}')
    node.fail()
    assert node.process.wait(15) == 1
    for writer in writers:
        writer.join(10)
        assert writer.late == [], "acknowledged after the failure"
        assert writer.refusals <= {(503, "ServiceUnavailable")}
    log = node.log.read_text().splitlines()
    assert log[-1].endswith("stopped, because a commit failed: disk I/O error. What was acknowledged is safe"), log[-5:]
    assert "Traceback" not in "\n".join(log)
    eventually(lambda: not alive(node))
    assert sockets(node) == []

    node.mend()
    node.start()
    client = node.client("dynamodb")
    found = {item["id"]["S"] for item in client.scan(TableName=TABLE)["Items"]}
    assert found >= {key for writer in writers for key in writer.acknowledged}
    eventually(lambda: client.get_item(TableName=RAN, Key={"id": {"S": "queued"}}).get("Item"))
    assert node.stop() == 0
