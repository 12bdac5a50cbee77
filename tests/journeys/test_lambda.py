"""Functions as their owners use them: create, invoke, see them fail, read their log."""

from __future__ import annotations

import base64
import json
import re

import pytest
from tests.journeys.calling import ECHO, call, code, fail, log_text, refusal, status
from tests.journeys.running import ACCOUNT, REGION, ROLE, RUNTIME, RunningNode, create_function, eventually, package

FAILS = "def handler(event, context):\n    raise ValueError('no such order')\n"
LOOPS = "def handler(event, context):\n    while True:\n        pass\n"


class TestCreate:
    def test_a_function_is_pending_then_active(self, node: RunningNode) -> None:
        made = create_function(node, "echo", ECHO, MemorySize=256, Environment={"Variables": {"COLOUR": "blue"}})
        assert made["FunctionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:echo"
        assert made["Version"] == "$LATEST"
        found = node.client("lambda").get_function(FunctionName="echo")["Configuration"]
        assert found["State"] == "Active"
        assert found["LastUpdateStatus"] == "Successful"
        assert found["Environment"] == {"Variables": {"COLOUR": "blue"}}
        assert found["CodeSha256"] == made["CodeSha256"]
        assert (found["Runtime"], found["Role"], found["MemorySize"]) == (RUNTIME, ROLE, 256)

    def test_the_package_may_lie_in_s3(self, node: RunningNode) -> None:
        s3 = node.client("s3")
        s3.create_bucket(Bucket="packages")
        s3.put_object(Bucket="packages", Key="echo.zip", Body=package(ECHO))
        create_function(node, "echo", ECHO, Code={"S3Bucket": "packages", "S3Key": "echo.zip"})
        assert call(node, "echo", {"from": "s3"}) == {"from": "s3"}

    def test_a_package_that_is_not_in_s3_is_named(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="packages")
        error = refusal(create_function, node=node, name="x", source="", Code={"S3Bucket": "packages", "S3Key": "no"})
        assert code(error) == "InvalidParameterValueException"
        assert "NoSuchKey" in str(error)

    def test_a_name_is_taken_once(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        error = refusal(create_function, node=node, name="echo", source=ECHO)
        assert (code(error), status(error)) == ("ResourceConflictException", 409)
        assert error.response["Error"]["Message"] == "Function already exist: echo"

    def test_functions_are_listed_in_pages(self, node: RunningNode) -> None:
        for number in range(5):
            create_function(node, f"f{number}", ECHO)
        pages = node.client("lambda").get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2})
        assert [[f["FunctionName"] for f in page["Functions"]] for page in pages] == [
            ["f0", "f1"],
            ["f2", "f3"],
            ["f4"],
        ]

    def test_a_deleted_function_is_gone(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        client = node.client("lambda")
        call(node, "echo")
        client.delete_function(FunctionName="echo")
        for operation in (client.get_function, client.invoke, client.delete_function):
            error = refusal(operation, FunctionName="echo")
            assert (code(error), status(error)) == ("ResourceNotFoundException", 404)
            assert "function:echo" in str(error)
        eventually(lambda: not node.environments())

    def test_a_name_can_be_used_again_with_other_code(self, node: RunningNode) -> None:
        create_function(node, "f", "def handler(event, context):\n    return 1\n")
        assert call(node, "f") == 1
        node.client("lambda").delete_function(FunctionName="f")
        create_function(node, "f", "def handler(event, context):\n    return 2\n")
        assert call(node, "f") == 2


class TestInvoke:
    def test_the_answer_is_what_the_handler_returns(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        answer = node.client("lambda").invoke(FunctionName="echo", Payload='{"text": "yobu \\u547c\\u3076"}')
        assert json.load(answer["Payload"]) == {"text": "yobu 呼ぶ"}
        assert answer["StatusCode"] == 200
        assert answer["ExecutedVersion"] == "$LATEST"
        assert "FunctionError" not in answer

    def test_by_name_arn_and_partial_arn(self, node: RunningNode) -> None:
        arn = create_function(node, "echo", ECHO)["FunctionArn"]
        for name in ("echo", arn, f"{ACCOUNT}:function:echo", f"{arn}:$LATEST"):
            assert call(node, name, 7) == 7

    def test_no_payload_is_an_empty_object(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        assert json.load(node.client("lambda").invoke(FunctionName="echo")["Payload"]) == {}

    def test_a_dry_run_runs_nothing(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        answer = node.client("lambda").invoke(FunctionName="echo", InvocationType="DryRun")
        assert answer["StatusCode"] == 204
        assert node.environments() == set()

    def test_an_event_is_accepted_then_runs(self, node: RunningNode) -> None:
        create_function(node, "record", "def handler(event, context):\n    print('got', event['n'])\n")
        answer = node.client("lambda").invoke(FunctionName="record", InvocationType="Event", Payload='{"n": 41}')
        assert answer["StatusCode"] == 202
        assert answer["Payload"].read() == b""
        eventually(lambda: "got 41" in log_text(node, "record"))

    def test_the_tail_holds_the_log_of_this_invocation(self, node: RunningNode) -> None:
        create_function(node, "f", "def handler(event, context):\n    print('seen', event)\n")
        call(node, "f", 1)
        answer = node.client("lambda").invoke(FunctionName="f", Payload="2", LogType="Tail")
        text = base64.b64decode(answer["LogResult"]).decode()
        assert "seen 2" in text
        assert "seen 1" not in text

    def test_the_tail_is_at_most_4_kb(self, node: RunningNode) -> None:
        create_function(node, "f", "def handler(event, context):\n    print('x' * 9000)\n")
        answer = node.client("lambda").invoke(FunctionName="f", LogType="Tail")
        text = base64.b64decode(answer["LogResult"])
        assert len(text) == 4096
        assert b"REPORT RequestId" in text

    def test_the_context_tells_what_runs(self, node: RunningNode) -> None:
        arn = create_function(node, "tell", TELLS, MemorySize=192, Timeout=20)["FunctionArn"]
        custom = {"custom": {"tenant": "acme"}, "env": {"locale": "fi"}, "client": {"app_title": "shop"}}
        text = base64.b64encode(json.dumps(custom).encode()).decode()
        answer = node.client("lambda").invoke(FunctionName="tell", ClientContext=text)
        told = json.load(answer["Payload"])
        assert told["request_id"] == answer["ResponseMetadata"]["RequestId"]
        assert (told["name"], told["version"], told["memory"]) == ("tell", "$LATEST", "192")
        assert told["arn"] == arn
        assert told["group"] == "/aws/lambda/tell"
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST][0-9a-f]{32}", told["stream"])
        assert 15_000 < told["remaining"] <= 20_000
        assert told["custom"] == {"tenant": "acme"}
        assert told["app"] == "shop"

    def test_the_environment_is_lambdas(self, node: RunningNode) -> None:
        variables = {"COLOUR": "blue", "EMPTY": ""}
        create_function(node, "f", ENVIRONMENT, Environment={"Variables": variables})
        found = call(node, "f")
        assert {"COLOUR": "blue", "EMPTY": ""}.items() <= found["env"].items()
        assert found["env"]["AWS_REGION"] == REGION
        assert found["env"]["AWS_LAMBDA_FUNCTION_NAME"] == "f"
        assert found["env"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{RUNTIME}"
        assert found["env"]["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        assert not [name for name in found["env"] if name.startswith(("PYTEST", "VIRTUAL_ENV"))]
        assert found["cwd"] == found["env"]["LAMBDA_TASK_ROOT"] == found["folder"]

    def test_the_function_calls_services_as_its_role(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="reports")
        node.client("dynamodb").create_table(
            TableName="runs",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        create_function(node, "worker", WORKS)
        identity = call(node, "worker", {"id": "r1"})
        assert identity["Account"] == ACCOUNT
        assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/worker"
        assert node.client("s3").get_object(Bucket="reports", Key="r1")["Body"].read() == b"done"
        assert node.client("dynamodb").get_item(TableName="runs", Key={"id": {"S": "r1"}})["Item"]["id"]["S"] == "r1"

    def test_modules_of_the_package_are_imported(self, node: RunningNode) -> None:
        archive = package(
            "from shop import price\n\ndef handler(event, context):\n    return price.of(3)\n",
            **{"shop/__init__.py": "", "shop/price.py": "def of(n):\n    return n * 5\n"},
        )
        create_function(node, "f", "", Code={"ZipFile": archive})
        assert call(node, "f") == 15

    def test_a_warm_environment_keeps_its_globals(self, node: RunningNode) -> None:
        create_function(
            node, "count", "n = 0\n\ndef handler(event, context):\n    global n\n    n += 1\n    return n\n"
        )
        assert [call(node, "count") for _ in range(3)] == [1, 2, 3]

    def test_six_megabytes_go_in_and_out(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        text = "x" * (6 * 1024 * 1024 - 2)
        assert call(node, "echo", text) == text

    def test_more_than_six_megabytes_do_not_go_in(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        error = refusal(node.client("lambda").invoke, FunctionName="echo", Payload=json.dumps("x" * 6 * 1024 * 1024))
        assert (code(error), status(error)) == ("RequestTooLargeException", 413)
        assert call(node, "echo", 1) == 1

    def test_more_than_six_megabytes_do_not_come_out(self, node: RunningNode) -> None:
        create_function(node, "f", "def handler(event, context):\n    return 'x' * 6_500_000\n")
        error, _ = fail(node, "f")
        assert error["errorType"] == "Function.ResponseSizeTooLarge"

    def test_an_event_of_more_than_a_megabyte_is_refused(self, node: RunningNode) -> None:
        create_function(node, "echo", ECHO)
        body = json.dumps("x" * 1024 * 1024)
        error = refusal(node.client("lambda").invoke, FunctionName="echo", InvocationType="Event", Payload=body)
        assert code(error) == "RequestTooLargeException"

    @pytest.mark.parametrize("text", ["{", "[1,", "nope", "{'a': 1}", '{"a": }', "\x00"])
    def test_a_payload_that_is_no_json_is_refused(self, node: RunningNode, text: str) -> None:
        create_function(node, "echo", ECHO)
        for kind in ("RequestResponse", "Event"):
            error = refusal(node.client("lambda").invoke, FunctionName="echo", Payload=text, InvocationType=kind)
            assert (code(error), status(error)) == ("InvalidRequestContentException", 400)
            assert "Could not parse request body into json" in str(error)


TELLS = """
def handler(event, context):
    return {
        "request_id": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "memory": context.memory_limit_in_mb,
        "arn": context.invoked_function_arn,
        "group": context.log_group_name,
        "stream": context.log_stream_name,
        "remaining": context.get_remaining_time_in_millis(),
        "custom": context.client_context.custom,
        "app": context.client_context.client.app_title,
    }
"""
ENVIRONMENT = """
import os

def handler(event, context):
    return {"env": dict(os.environ), "cwd": os.getcwd(), "folder": os.path.dirname(os.path.abspath(__file__))}
"""
WORKS = """
import boto3

def handler(event, context):
    boto3.client("s3").put_object(Bucket="reports", Key=event["id"], Body=b"done")
    boto3.resource("dynamodb").Table("runs").put_item(Item={"id": event["id"]})
    identity = boto3.client("sts").get_caller_identity()
    return {name: identity[name] for name in ("Account", "Arn", "UserId")}
"""


RAISES = """
import os

def handler(event, context):
    if event:
        raise KeyError(event)
    return os.getpid()
"""
KILLED = """
import os

def handler(event, context):
    if event:
        os.kill(os.getpid(), 9)
    return 'alive'
"""
GREEDY = """
import time

def handler(event, context):
    held = bytearray(400_000_000)
    held[:] = b'x' * len(held)
    time.sleep(20)
"""
LOGS = """
import logging
log = logging.getLogger()
log.setLevel('INFO')

def handler(event, context):
    log.info('order %s', 7)
"""


class TestFailures:
    def test_an_exception_is_described(self, node: RunningNode) -> None:
        create_function(node, "f", FAILS)
        error, log = fail(node, "f")
        assert error["errorType"] == "ValueError"
        assert error["errorMessage"] == "no such order"
        assert re.fullmatch(r"[0-9a-f-]{36}", error["requestId"])
        assert error["stackTrace"] == [
            "  File \"/var/task/app.py\", line 2, in handler\n    raise ValueError('no such order')\n"
        ]
        assert "[ERROR] ValueError: no such order\nTraceback (most recent call last):" in log.replace("\r", "\n")

    def test_an_environment_goes_on_after_an_exception(self, node: RunningNode) -> None:
        create_function(node, "f", RAISES)
        before = call(node, "f", 0)
        assert fail(node, "f", "order")[0]["errorType"] == "KeyError"
        assert call(node, "f", 0) == before

    @pytest.mark.parametrize(
        ("source", "kind", "words"),
        [
            ("def handler(event, context)\n", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
            ("import nosuchmodule\n", "Runtime.ImportModuleError", "No module named 'nosuchmodule'"),
            ("x = 1\n", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
            ("raise RuntimeError('no config')\n", "RuntimeError", "no config"),
        ],
    )
    def test_code_that_does_not_load(self, node: RunningNode, source: str, kind: str, words: str) -> None:
        create_function(node, "f", source)
        error, log = fail(node, "f")
        assert error["errorType"] == kind
        assert words in error["errorMessage"]
        assert "REPORT RequestId" in log
        assert fail(node, "f")[0]["errorType"] == kind

    def test_a_handler_that_is_not_there(self, node: RunningNode) -> None:
        create_function(node, "f", ECHO, Handler="other.handler")
        assert fail(node, "f")[0]["errorMessage"].startswith("Unable to import module 'other'")

    def test_sys_exit_is_an_exit_of_the_runtime(self, node: RunningNode) -> None:
        create_function(node, "f", "import sys\n\ndef handler(event, context):\n    sys.exit(3)\n")
        error, log = fail(node, "f")
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith("Error: Runtime exited with error: exit status 3")
        assert "Status: error\tError Type: Runtime.ExitError" in log

    def test_a_process_that_is_killed(self, node: RunningNode) -> None:
        create_function(node, "f", KILLED)
        error, _ = fail(node, "f", True)
        assert error["errorMessage"].endswith("Runtime exited with error: signal: killed")
        assert call(node, "f", False) == "alive"

    def test_an_answer_that_is_no_json(self, node: RunningNode) -> None:
        create_function(node, "f", "def handler(event, context):\n    return {1, 2}\n")
        error, _ = fail(node, "f")
        assert error["errorType"] == "Runtime.MarshalError"
        assert error["errorMessage"] == "Unable to marshal response: Object of type set is not JSON serializable"

    def test_too_much_memory(self, node: RunningNode) -> None:
        create_function(node, "f", GREEDY, MemorySize=128)
        error, log = fail(node, "f")
        assert error["errorType"] == "Runtime.OutOfMemory"
        assert "Max Memory Used: 128 MB" in log


def between(node: RunningNode, name: str) -> list[int]:
    """Milliseconds from START to REPORT of each invocation, by the times of the log's lines."""
    events = node.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    times = {word: [e["timestamp"] for e in events if e["message"].startswith(word)] for word in ("START", "REPORT")}
    return [end - start for start, end in zip(times["START"], times["REPORT"], strict=False)]


class TestTimeout:
    def test_a_function_is_stopped_at_its_limit(self, node: RunningNode) -> None:
        create_function(node, "f", LOOPS, Timeout=1)
        error, log = fail(node, "f")
        assert error["errorType"] == "Sandbox.Timedout"
        assert error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
        assert "Task timed out after 1.00 seconds" in log
        assert "\tStatus: timeout" in log
        eventually(lambda: not node.environments(), 1)

    def test_within_50_ms_of_it(self, node: RunningNode) -> None:
        """By the node's own lines, and the best of three: a busy machine may stall the node itself."""
        create_function(node, "f", LOOPS, Timeout=1)
        for attempt in (1, 2, 3):
            fail(node, "f")
            eventually(lambda wanted=attempt: len(between(node, "f")) == wanted)
            if min(between(node, "f")) <= 1050:
                break
        assert 999 <= min(between(node, "f")) <= 1050

    def test_the_next_event_gets_a_fresh_environment(self, node: RunningNode) -> None:
        source = "import os\n\ndef handler(event, context):\n    while event:\n        pass\n    return os.getpid()\n"
        create_function(node, "f", source, Timeout=1)
        first = call(node, "f", 0)
        fail(node, "f", 1)
        assert call(node, "f", 0) != first

    def test_children_of_the_function_end_with_it(self, node: RunningNode) -> None:
        source = "import subprocess\n\ndef handler(event, context):\n    subprocess.run(['sleep', '60'])\n"
        create_function(node, "f", source, Timeout=1)
        fail(node, "f")
        eventually(lambda: not node.environments(), 2)


class TestLog:
    def test_lines_around_a_cold_and_a_warm_start(self, node: RunningNode) -> None:
        create_function(node, "f", "print('loading')\n\ndef handler(event, context):\n    print('handling', event)\n")
        for number in (1, 2):
            call(node, "f", number)
        lines = eventually(lambda: (text := log_text(node, "f").splitlines()).count("handling 2") and text)
        eventually(lambda: sum(line.startswith("REPORT") for line in log_text(node, "f").splitlines()) == 2)
        lines = log_text(node, "f").splitlines()
        words = [line.split()[0] for line in lines]
        assert words == [
            "INIT_START",
            "loading",
            "START",
            "handling",
            "END",
            "REPORT",
            "START",
            "handling",
            "END",
            "REPORT",
        ]
        reports = [line for line in lines if line.startswith("REPORT")]
        assert "Init Duration:" in reports[0]
        assert "Init Duration:" not in reports[1]
        shape = r"REPORT RequestId: [0-9a-f-]{36}\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB"
        assert all(re.match(shape, line) for line in reports)

    def test_logging_writes_level_time_and_request(self, node: RunningNode) -> None:
        create_function(node, "f", LOGS)
        answer = node.client("lambda").invoke(FunctionName="f", LogType="Tail")
        text = base64.b64decode(answer["LogResult"]).decode()
        assert re.search(r"\[INFO]\t\d{4}-\d\d-\d\dT[\d:.]+Z\t[0-9a-f-]{36}\torder 7", text)
