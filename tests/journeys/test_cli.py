"""The yobu command as a person at a terminal uses it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.journeys.calling import ECHO
from tests.journeys.commands import YOBU, run
from tests.journeys.running import ACCOUNT, REGION, RunningNode, clean_environment, create_function, eventually

FAILS = "def handler(event, context):\n    print('looking')\n    raise ValueError('no such order')\n"
PRINTS = "def handler(event, context):\n    print('order', event)\n"


def at(node: RunningNode) -> list[str]:
    return ["--data", str(node.data)]


def aws(node: RunningNode, *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    return run("aws", *arguments, status=status, YOBU_DATA=str(node.data))


class TestHelp:
    def test_the_command_lists_its_commands(self) -> None:
        shown = run("--help").stdout
        for name in ("up", "demo", "env", "invoke", "logs", "bill", "status", "reset", "aws"):
            assert re.search(rf"^    {name} +\w", shown, re.MULTILINE), name
        assert 'eval "$(yobu env)"' in shown

    @pytest.mark.parametrize("name", ["up", "demo", "env", "invoke", "logs", "bill", "status", "reset", "aws"])
    def test_each_explains_itself(self, name: str) -> None:
        shown = run(name, "--help").stdout
        assert shown.startswith(f"usage: yobu {name} ")
        assert len(shown.splitlines()) > 6

    def test_the_version(self) -> None:
        assert re.fullmatch(r"yobu \d+\.\d+\.\d+\S*\n", run("--version").stdout)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ((), "the following arguments are required: COMMAND"),
            (("fly",), "invalid choice: 'fly'"),
            (("invoke",), "the following arguments are required: NAME"),
            (("up", "--port", "many"), "argument --port: invalid int value: 'many'"),
            (("status", "--colour"), "unrecognized arguments: --colour"),
        ],
    )
    def test_a_wrong_usage_is_told_with_status_2(self, arguments: tuple[str, ...], words: str) -> None:
        done = run(*arguments, status=2)
        assert done.stdout == ""
        assert words in done.stderr

    @pytest.mark.parametrize(
        ("arguments", "variables", "words"),
        [
            (("--account", "12"), {}, "--account must be 12 digits, not '12'"),
            (("--host", "example.org"), {}, "--host must be an IP address or localhost, not 'example.org'"),
            (("--host", "0.0.0.0"), {}, "add --auth"),
            (("--isolation", "sandbox"), {}, "--isolation sandbox is not built yet: only 'process'"),
            ((), {"YOBU_PORT": "many"}, "port: 'many' is not a int"),
            ((), {"YOBU_AUTH": "perhaps"}, "auth: 'perhaps' is not a bool"),
            (("--port", "70000"), {}, "--port must be 0 to 65535"),
        ],
    )
    def test_a_node_that_cannot_start_says_why(
        self, tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], words: str
    ) -> None:
        done = run("up", "--data", str(tmp_path / "data"), *arguments, status=1, **variables)
        assert done.stderr.startswith("yobu: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "data").exists()

    def test_no_node_is_told_with_what_to_do(self, tmp_path: Path) -> None:
        done = run("status", "--data", str(tmp_path), "--endpoint", "http://127.0.0.1:9", status=1)
        assert re.fullmatch(
            r"yobu: no node answers at http://127\.0\.0\.1:9 \(.*\); start one with: yobu up\n", done.stderr
        )


class TestStatus:
    def test_status_shows_the_node(self, node: RunningNode) -> None:
        create_function(node, "f", ECHO)
        node.client("lambda").invoke(FunctionName="f")
        shown = run("status", *at(node), COLUMNS="120").stdout
        assert re.search(rf"yobu \S+ at {node.url}, up \d+ s\ndata folder: ", shown)
        assert re.search(r"environments: .*idle 1", shown)
        assert re.search(r"lambda:Invoke +\d+ +\d+ +\d+ +[\d.]+ +[\d.]+", shown)

    def test_status_as_json(self, node: RunningNode) -> None:
        assert json.loads(run("status", "--json", *at(node)).stdout)["url"] == node.url

    def test_reset_empties_the_node(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="docs")
        assert re.fullmatch(rf"{node.url} is empty \([\d.]+ ms\)\n", run("reset", *at(node)).stdout)
        assert node.client("s3").list_buckets()["Buckets"] == []

    def test_the_environment_names_the_node_too(self, node: RunningNode, tmp_path: Path) -> None:
        shown = run("status", "--json", "--data", str(tmp_path), YOBU_ENDPOINT=node.url).stdout
        assert json.loads(shown)["url"] == node.url


class TestInvoke:
    def test_the_answer_is_printed(self, node: RunningNode, tmp_path: Path) -> None:
        create_function(node, "echo", ECHO)
        assert run("invoke", "echo", *at(node)).stdout == "{}\n"
        assert run("invoke", "echo", "--event", '{"a": 1}', *at(node)).stdout == '{"a": 1}\n'
        (tmp_path / "event.json").write_text("[1, 2]")
        assert run("invoke", "echo", "--event", f"@{tmp_path / 'event.json'}", *at(node)).stdout == "[1, 2]\n"
        assert run("invoke", "echo", "--event", "-", *at(node), stdin=b'"piped"').stdout == '"piped"\n'

    def test_a_failure_is_status_1_and_the_tail_shows_why(self, node: RunningNode) -> None:
        create_function(node, "f", FAILS)
        done = run("invoke", "f", "--tail", *at(node), status=1)
        assert json.loads(done.stdout)["errorMessage"] == "no such order"
        assert "looking\n" in done.stderr
        assert "REPORT RequestId" in done.stderr

    def test_an_event_is_queued(self, node: RunningNode) -> None:
        create_function(node, "f", PRINTS)
        done = run("invoke", "f", "--async", "--event", "7", *at(node))
        assert re.fullmatch(r"[0-9a-f-]{36}\n", done.stdout)
        eventually(lambda: "order 7" in run("logs", "f", *at(node)).stdout)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("nobody",), "Function not found: arn:aws:lambda:"),
            (("echo", "--event", "{"), "Could not parse request body into json"),
            (("echo", "--event", "@/no/such/file"), "cannot read the event: "),
        ],
    )
    def test_a_wrong_call_is_one_line(self, node: RunningNode, arguments: tuple[str, ...], words: str) -> None:
        create_function(node, "echo", ECHO)
        done = run("invoke", *arguments, *at(node), status=1)
        assert done.stderr.startswith("yobu: ")
        assert words in done.stderr
        assert "Traceback" not in done.stderr


class TestLogs:
    def test_lines_with_their_times(self, node: RunningNode) -> None:
        create_function(node, "f", PRINTS)
        node.client("lambda").invoke(FunctionName="f", Payload="7")
        shown = eventually(lambda: "REPORT" in (text := run("logs", "f", *at(node)).stdout) and text)
        lines = shown.splitlines()
        assert all(re.match(r"\d\d:\d\d:\d\d\.\d{3}  ", line) for line in lines)
        assert [line[14:].split()[0] for line in lines] == ["INIT_START", "START", "order", "END", "REPORT"]
        assert len(run("logs", "f", "--limit", "2", *at(node)).stdout.splitlines()) == 2

    def test_follow_shows_lines_as_they_come(self, node: RunningNode) -> None:
        create_function(node, "f", PRINTS)
        command = [str(YOBU), "logs", "f", "--follow", *at(node)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_environment()) as following:
            for number in (1, 2):
                node.client("lambda").invoke(FunctionName="f", Payload=str(number))
                while f"order {number}" not in (line := following.stdout.readline()):
                    assert line
            following.send_signal(signal.SIGINT)
            following.stdout.close()
            assert following.wait(10) == 130

    def test_the_log_of_nobody(self, node: RunningNode) -> None:
        done = run("logs", "nobody", *at(node), status=1)
        assert re.fullmatch(r"yobu: .*there is no log group /aws/lambda/nobody .*\n", done.stderr)


class TestEnv:
    def test_the_exports_point_an_sdk_at_the_node(self, node: RunningNode) -> None:
        exports = run("env", *at(node)).stdout
        node.client("s3").create_bucket(Bucket="seen-by-sdk")
        script = f"{exports}\n{shlex.quote(sys.executable)} -c {shlex.quote(SDK)}"
        done = subprocess.run(
            ["/bin/sh", "-c", script], capture_output=True, text=True, env=clean_environment(), timeout=30, check=True
        )
        assert done.stdout == f"seen-by-sdk {REGION}\n"

    def test_what_was_exported_can_be_taken_back(self, node: RunningNode) -> None:
        made = run("env", *at(node)).stdout.splitlines()
        back = run("env", "--unset", *at(node)).stdout.splitlines()
        assert [line.split()[1].partition("=")[0] for line in made] == [line.removeprefix("unset ") for line in back]


SDK = 'import boto3; s3 = boto3.client("s3"); print(s3.list_buckets()["Buckets"][0]["Name"], s3.meta.region_name)'


class TestAws:
    def test_s3_commands(self, node: RunningNode, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("hello")
        assert aws(node, "s3", "mb", "s3://docs").stdout == "make_bucket: docs\n"
        aws(node, "s3", "cp", str(tmp_path / "a.txt"), "s3://docs/in/a.txt")
        assert re.search(r"\d+ +5 a.txt", aws(node, "s3", "ls", "s3://docs/in/").stdout)
        assert aws(node, "s3", "cp", "s3://docs/in/a.txt", "-").stdout == "hello"
        assert "remove_bucket failed" in aws(node, "s3", "rb", "s3://docs", status=1).stderr
        aws(node, "s3", "rb", "--force", "s3://docs")
        assert aws(node, "s3", "ls").stdout == ""

    def test_dynamodb_commands(self, node: RunningNode) -> None:
        aws(
            node,
            *("dynamodb", "create-table", "--table-name", "rows", "--billing-mode", "PAY_PER_REQUEST"),
            *("--attribute-definitions", "AttributeName=id,AttributeType=S"),
            *("--key-schema", "AttributeName=id,KeyType=HASH"),
        )
        aws(node, "dynamodb", "wait", "table-exists", "--table-name", "rows")
        aws(node, "dynamodb", "put-item", "--table-name", "rows", "--item", '{"id": {"S": "1"}}')
        assert json.loads(aws(node, "dynamodb", "scan", "--table-name", "rows").stdout)["Items"] == [{"id": {"S": "1"}}]

    def test_lambda_invoke(self, node: RunningNode, tmp_path: Path) -> None:
        create_function(node, "echo", ECHO)
        out = tmp_path / "out.json"
        shown = aws(node, "lambda", "invoke", "--function-name", "echo", "--payload", '{"a": 1}', str(out)).stdout
        assert json.loads(shown) == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
        assert json.loads(out.read_text()) == {"a": 1}

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (("sqs", "list-queues"), "sqs"),
            (("kinesis", "list-streams"), "kinesis"),
            (("lambda", "list-layers"), "ListLayers"),
        ],
    )
    def test_what_is_not_built_says_so(self, node: RunningNode, arguments: tuple[str, ...], words: str) -> None:
        done = aws(node, *arguments, status=255)
        assert "NotImplemented" in done.stderr
        assert words in done.stderr
        assert "yobu does not offer" in done.stderr

    def test_options_and_status_are_the_aws_clis(self, node: RunningNode) -> None:
        assert aws(node, "--version").stdout.startswith("aws-cli/")
        assert aws(node, "--output", "text", "sts", "get-caller-identity").stdout.startswith(f"{ACCOUNT}\t")
        assert "usage: aws" in aws(node, "s3", "fly", status=2).stderr


def test_a_reader_that_goes_away_is_no_failure(node: RunningNode) -> None:
    create_function(node, "f", "def handler(event, context):\n    for n in range(20000):\n        print('line', n)\n")
    node.client("lambda").invoke(FunctionName="f")
    eventually(lambda: len(run("logs", "f", "--limit", "20000", *at(node)).stdout) > 100_000)
    command = f"{shlex.quote(str(YOBU))} logs f --limit 20000 --data {shlex.quote(str(node.data))} | head -1"
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, env=clean_environment(), check=True
    )
    assert done.stderr == ""
