"""What every language family must do, for all that discovery finds (fleet.port.Runtime).

A family is known here by one program that does what each test asks for. To add one: its program, in PROGRAMS.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from yobu.base.clock import Clock
from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.fleet import FleetParts, ProcessFleet, found_runtimes
from yobu.fleet.port import FunctionSpec, Keys, LogStream, Reply, Runtime, Work


@dataclass(frozen=True)
class Program:
    """`file` with `source` answers to `{"do": ...}`: echo, print, fail, exit, environment, big, late."""

    runtime: str
    handler: str
    file: str
    source: str
    error_type: str


PYTHON = """
import os, sys, time
def handler(event, context):
    do = event["do"]
    if do == "echo":
        return {"event": event, "id": context.aws_request_id, "arn": context.invoked_function_arn}
    if do == "print":
        print("hello")
    if do == "fail":
        raise ValueError("no")
    if do == "exit":
        sys.exit(3)
    if do == "environment":
        return dict(os.environ)
    if do == "big":
        return "x" * 7_000_000
    if do == "late":
        time.sleep(60)
"""

NODE = """
exports.handler = async (event, context) => {
    switch (event.do) {
        case "echo": return { event, id: context.awsRequestId, arn: context.invokedFunctionArn };
        case "print": return void process.stdout.write("hello\\n");
        case "fail": throw new TypeError("no");
        case "exit": process.exit(3);
        case "environment": return process.env;
        case "big": return "x".repeat(7_000_000);
        case "late": await new Promise((resolve) => setTimeout(resolve, 60_000));
    }
};
"""

PROGRAMS = {
    "yobu.runtimes.node": Program("nodejs20.x", "app.handler", "app.js", NODE, "TypeError"),
    "yobu.runtimes.python": Program("python3.11", "app.handler", "app.py", PYTHON, "ValueError"),
}


def name_of(runtime: Runtime) -> str:
    return getattr(runtime, "__name__", type(runtime).__name__)


class Remembered:
    """A log sink."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def append(self, stream: LogStream, at_ms: int, lines: list[str]) -> None:
        self.lines += lines


class Issued:
    """Credentials."""

    async def issue(self, account: str, role: str, session: str) -> Keys:
        return Keys("key", "secret", "token")


class Caller:
    """A fleet with one family, and a function of its program."""

    def __init__(self, folder: Path, runtime: Runtime, program: Program) -> None:
        self.sink = Remembered()
        code = folder / "code"
        code.mkdir()
        (code / program.file).write_text(program.source)
        self.spec = FunctionSpec(
            arn="arn:aws:lambda:eu-west-1:123456789012:function:job",
            account="123456789012",
            region="eu-west-1",
            name="job",
            version="$LATEST",
            revision="1",
            runtime=program.runtime,
            handler=program.handler,
            code=code,
            role="arn:aws:iam::123456789012:role/job",
            memory_mb=512,
            timeout_s=20,
            environment={"STAGE": "test"},
        )
        self.fleet = ProcessFleet(
            FleetParts(
                settings=Settings(),
                clock=Clock(),
                ids=Ids(),
                run_folder=folder / "run",
                runtimes=[runtime],
                credentials=Issued(),
                log_sink=self.sink,
                endpoint=lambda: "http://127.0.0.1:4566",
            )
        )

    async def call(self, do: str, **changes: Any) -> Reply:
        spec = replace(self.spec, **changes)
        return await self.fleet.run(spec, Work("id", json.dumps({"do": do}).encode(), spec.arn + ":live"))


def test_every_family_has_its_program() -> None:
    assert {name_of(runtime) for runtime in found_runtimes()} == set(PROGRAMS)


@pytest.fixture(params=found_runtimes(), ids=name_of)
async def caller(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Caller]:
    caller = Caller(tmp_path, request.param, PROGRAMS[name_of(request.param)])
    await caller.fleet.start()
    try:
        caller.fleet.check(caller.spec.runtime)
    except AwsError as error:
        await caller.fleet.stop(0)
        pytest.skip(error.message)
    yield caller
    await caller.fleet.stop(0)


async def test_serves_its_own_names_only(caller: Caller) -> None:
    assert caller.fleet.check(caller.spec.runtime) is None or "not installed" in str(
        caller.fleet.check(caller.spec.runtime)
    )
    for runtime in caller.fleet._parts.runtimes:
        assert runtime.serves(caller.spec.runtime)
        assert not runtime.serves("cobol85")


async def test_hands_the_event_over_and_the_answer_back(caller: Caller) -> None:
    reply = await caller.call("echo")
    assert json.loads(reply.payload) == {"event": {"do": "echo"}, "id": "id", "arn": caller.spec.arn + ":live"}
    assert (reply.error, reply.error_type) == (None, None)
    assert reply.init_ms is not None
    assert (await caller.call("echo")).init_ms is None


async def test_shows_its_output_within_its_event(caller: Caller) -> None:
    await caller.call("print")
    lines = caller.sink.lines
    start = lines.index("START RequestId: id Version: $LATEST")
    assert lines[start : start + 3] == [lines[start], "hello", "END RequestId: id"]
    assert lines[start + 3].startswith("REPORT RequestId: id\tDuration: ")


async def test_words_an_error_as_lambda_does(caller: Caller) -> None:
    reply = await caller.call("fail")
    error = json.loads(reply.payload)
    assert reply.error == "Unhandled"
    assert error["errorMessage"] == "no"
    assert error["errorType"] == reply.error_type == PROGRAMS[name_of(caller.fleet._parts.runtimes[0])].error_type
    assert any("ERROR" in line for line in caller.sink.lines)
    assert json.loads((await caller.call("echo")).payload)["id"] == "id"


async def test_dies_without_a_word(caller: Caller) -> None:
    reply = await caller.call("exit")
    assert json.loads(reply.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: id Error: Runtime exited with error: exit status 3",
    }


async def test_is_stopped_at_its_limit(caller: Caller) -> None:
    reply = await caller.call("late", timeout_s=1)
    assert reply.error_type == "Sandbox.Timedout"
    assert reply.duration_ms == 1000


async def test_cannot_return_more_than_6_mb(caller: Caller) -> None:
    assert (await caller.call("big")).error_type == "Function.ResponseSizeTooLarge"


async def test_reports_memory(caller: Caller) -> None:
    assert 1 < (await caller.call("echo")).max_memory_mb < 512


async def test_gives_the_function_lambdas_variables(caller: Caller) -> None:
    found = json.loads((await caller.call("environment")).payload)
    expected = {
        "_HANDLER": caller.spec.handler,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{caller.spec.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": "job",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_REGION": "eu-west-1",
        "AWS_SESSION_TOKEN": "token",
        "LAMBDA_TASK_ROOT": str(caller.spec.code),
        "STAGE": "test",
    }
    assert expected.items() <= found.items()
    assert "LAMBDA_RUNTIME_DIR" in found
