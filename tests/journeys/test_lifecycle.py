"""A node's life: start, stop, restart, reset, and two that want the same folder."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.journeys.calling import call
from tests.journeys.commands import YOBU, run
from tests.journeys.running import RunningNode, clean_environment, create_function, eventually

# Says in the bucket that it runs, then takes as long as the event says.
SLOW = """
import boto3, time
s3 = boto3.client("s3")

def handler(event, context):
    s3.put_object(Bucket="gate", Key=event["mark"])
    time.sleep(event["seconds"])
    s3.put_object(Bucket="gate", Key=event["mark"] + " done")
    return "finished"
"""
TRUST = '{"Version": "2012-10-17", "Statement": []}'
ROWS = {
    "TableName": "rows",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def marks(node: RunningNode) -> set[str]:
    return {item["Key"] for item in node.client("s3").list_objects_v2(Bucket="gate").get("Contents", [])}


def prepare(node: RunningNode) -> None:
    node.start()
    node.client("s3").create_bucket(Bucket="gate")
    create_function(node, "slow", SLOW)


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_stop_lets_running_work_finish(self, own_node: RunningNode, number: signal.Signals) -> None:
        prepare(own_node)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(call, own_node, "slow", {"mark": "in", "seconds": 1})
            eventually(lambda: "in" in marks(own_node))
            assert own_node.process is not None
            own_node.process.send_signal(number)
            assert running.result() == "finished"
        assert own_node.process.wait(30) == 0
        assert own_node.environments() == set()
        assert not (own_node.data / "node.json").exists()
        assert "Traceback" not in own_node.log.read_text()

    def test_a_stop_has_a_bound(self, own_node: RunningNode) -> None:
        prepare(own_node)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(call, own_node, "slow", {"mark": "in", "seconds": 25})
            eventually(lambda: "in" in marks(own_node))
            assert own_node.stop() == 0  # within 30 s, or the wait fails
            assert isinstance(running.exception(), (BotoCoreError, ClientError, AssertionError))
        assert own_node.environments() == set()

    def test_a_port_is_free_after_the_stop(self, own_node: RunningNode) -> None:
        own_node.start()
        port = int(own_node.url.rpartition(":")[2])
        own_node.stop()
        with socket.create_server(("127.0.0.1", port)):
            pass

    def test_nothing_is_asked_of_a_stopped_node(self, own_node: RunningNode) -> None:
        own_node.start()
        url = own_node.url
        own_node.stop()
        assert f"no node answers at {url}" in run("status", "--endpoint", url, status=1).stderr


class TestRestart:
    def test_everything_is_there_again(self, own_node: RunningNode) -> None:
        own_node.start()
        own_node.client("s3").create_bucket(Bucket="docs")
        for key, size in (("small", 100), ("large", 300_000)):
            own_node.client("s3").put_object(Bucket="docs", Key=key, Body=b"x" * size)
        own_node.client("dynamodb").create_table(**ROWS)
        own_node.client("dynamodb").put_item(TableName="rows", Item={"id": {"S": "1"}})
        create_function(own_node, "echo", "def handler(event, context):\n    print('hi')\n    return event\n")
        own_node.client("lambda").publish_version(FunctionName="echo")
        own_node.client("lambda").create_alias(FunctionName="echo", Name="live", FunctionVersion="1")
        assert call(own_node, "echo:live", 1) == 1
        assert own_node.stop() == 0
        own_node.start()
        assert call(own_node, "echo:live", 2) == 2
        assert own_node.client("s3").get_object(Bucket="docs", Key="large")["Body"].read() == b"x" * 300_000
        assert own_node.client("dynamodb").scan(TableName="rows")["Count"] == 1
        events = own_node.client("logs").filter_log_events(logGroupName="/aws/lambda/echo")["events"]
        assert "hi\n" in [event["message"] for event in events]
        assert len(own_node.admin("GET", "usage")["records"]) >= 1


class TestFolder:
    def test_a_second_node_is_refused(self, node: RunningNode) -> None:
        done = run("up", "--port", "0", "--data", str(node.data), status=1)
        assert done.stderr.startswith("yobu: ")
        assert str(node.data) in done.stderr
        assert done.stderr.count("\n") == 1
        assert node.admin("GET", "health")["status"] == "ok"

    def test_a_newer_format_is_refused(self, own_node: RunningNode) -> None:
        own_node.start()
        own_node.stop()
        (number,) = [path for path in own_node.data.iterdir() if "format" in path.name]
        number.write_text("999\n")
        done = run("up", "--port", "0", "--data", str(own_node.data), status=1)
        assert done.stderr.startswith("yobu: ")
        assert "999" in done.stderr
        assert number.read_text() == "999\n"

    def test_a_taken_port_is_told(self, node: RunningNode, tmp_path: Path) -> None:
        port = node.url.rpartition(":")[2]
        done = run("up", "--port", port, "--data", str(tmp_path / "data"), status=1)
        assert done.stderr.startswith("yobu: ")
        assert port in done.stderr
        assert done.stderr.count("\n") == 1

    def test_a_folder_that_cannot_be_made_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        done = run("up", "--port", "0", "--data", str(tmp_path / "file" / "data"), status=1)
        assert done.stderr.startswith("yobu: ")
        assert "Traceback" not in done.stderr


def test_every_flag_can_be_a_variable(tmp_path: Path) -> None:
    """--port 0 and a folder by YOBU_DATA; what a flag says wins over its variable."""
    variables = {"YOBU_DATA": str(tmp_path / "data"), "YOBU_PORT": "0", "YOBU_ACCOUNT": "123456789012"}
    command = [str(YOBU), "up", "--account", "210987654321"]
    environment = {**clean_environment(), **variables, "YOBU_REGION": "eu-north-1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines = [process.stdout.readline(), process.stdout.readline()]
        process.terminate()
        process.stdout.close()
        assert process.wait(20) == 0
    assert "is ready at http://127.0.0.1:" in lines[0]
    assert f"data in {tmp_path / 'data'}, account 210987654321, region eu-north-1" in lines[1]


class TestReset:
    def test_everything_is_gone(self, node: RunningNode) -> None:
        s3, dynamodb = node.client("s3"), node.client("dynamodb")
        s3.create_bucket(Bucket="docs")
        s3.put_object(Bucket="docs", Key="large", Body=b"x" * 300_000)
        dynamodb.create_table(**ROWS)
        node.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
        create_function(node, "f", "def handler(event, context):\n    print('hi')\n")
        call(node, "f")
        eventually(lambda: node.client("logs").describe_log_groups()["logGroups"])
        node.admin("POST", "reset")
        assert s3.list_buckets()["Buckets"] == []
        assert dynamodb.list_tables()["TableNames"] == []
        assert node.client("lambda").list_functions()["Functions"] == []
        assert node.client("logs").describe_log_groups()["logGroups"] == []
        assert node.client("iam").list_roles()["Roles"] == []
        assert node.admin("GET", "usage")["records"] == []
        assert [path for path in (node.data / "blobs").rglob("*") if path.is_file()] == []
        eventually(lambda: not node.environments())

    def test_what_runs_is_stopped_and_writes_nothing_more(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="gate")
        create_function(node, "slow", SLOW)
        event = json.dumps({"mark": "in", "seconds": 30})
        node.client("lambda").invoke(FunctionName="slow", InvocationType="Event", Payload=event)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(call, node, "slow", {"mark": "too", "seconds": 30})
            eventually(lambda: marks(node) == {"in", "too"})
            node.admin("POST", "reset")
            assert running.exception() is not None
        eventually(lambda: not node.environments())
        assert node.client("logs").describe_log_groups()["logGroups"] == []
        assert node.admin("GET", "usage")["records"] == []
        assert node.admin("GET", "status")["events_in_work"] == 0

    def test_the_same_names_can_be_used_again(self, node: RunningNode) -> None:
        for number in range(3):
            create_function(node, "f", f"def handler(event, context):\n    return {number}\n")
            node.client("dynamodb").create_table(**ROWS)
            assert node.client("dynamodb").scan(TableName="rows")["Count"] == 0
            node.client("dynamodb").put_item(TableName="rows", Item={"id": {"S": "1"}})
            assert call(node, "f") == number
            node.admin("POST", "reset")

    def test_it_is_quick(self, node: RunningNode) -> None:
        """The promise of 20 ms is measured elsewhere; here only that nobody waits for it."""
        took = min(node.admin("POST", "reset")["took_ms"] for _ in range(10))
        print(f"reset of an empty node: {took:.1f} ms")
        assert took < 1000
