"""What callers may expect of every fleet (fleet.port.Fleet): the one of processes, and the fake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from yobu.base.clock import Clock
from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.fake import FakeFleet
from yobu.fleet.fleet import FleetParts, ProcessFleet, found_runtimes
from yobu.fleet.port import FunctionSpec, Keys, LogStream, Reply, Work

SOURCE = """
def handler(event, context):
    if event == "fail":
        raise ValueError("no")
    if event == "big":
        return "x" * 7_000_000
    return {"got": event}
"""


class Kept:
    """A log sink."""

    def __init__(self) -> None:
        self.bursts: list[tuple[LogStream, list[str]]] = []

    def append(self, stream: LogStream, at_ms: int, lines: list[str]) -> None:
        self.bursts.append((stream, lines))


class Issued:
    """Credentials."""

    async def issue(self, account: str, role: str, session: str) -> Keys:
        return Keys("key", "secret", "token")


class Subject:
    """A fleet with the function `job`, whatever it runs on."""

    def __init__(self, fleet: Any, spec: FunctionSpec, sink: Kept) -> None:
        self.fleet, self.spec, self.sink = fleet, spec, sink

    async def call(self, event: object, **changes: Any) -> Reply:
        work = Work("id", json.dumps(event).encode(), self.spec.arn)
        reply: Reply = await self.fleet.run(replace(self.spec, **changes), work)
        return reply


def processes(folder: Path, sink: Kept) -> ProcessFleet:
    return ProcessFleet(
        FleetParts(
            settings=Settings(),
            clock=Clock(),
            ids=Ids(),
            run_folder=folder / "run",
            runtimes=found_runtimes(),
            credentials=Issued(),
            log_sink=sink,
            endpoint=lambda: "http://127.0.0.1:4566",
        )
    )


def fake(folder: Path, sink: Kept) -> FakeFleet:
    fleet = FakeFleet(log_sink=sink)
    scope: dict[str, Any] = {}
    exec(SOURCE, scope)
    fleet.handle("job", scope["handler"])
    return fleet


@pytest.fixture(params=[processes, fake])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(dedent(SOURCE))
    spec = FunctionSpec(
        arn="arn:aws:lambda:eu-west-1:123456789012:function:job",
        account="123456789012",
        region="eu-west-1",
        name="job",
        version="7",
        revision="1",
        runtime="python3.11",
        handler="app.handler",
        code=code,
        role="role",
        log_group="/aws/lambda/job",
    )
    sink = Kept()
    subject = Subject(request.param(tmp_path, sink), spec, sink)
    await subject.fleet.start()
    yield subject
    await subject.fleet.stop(within_s=1.0)


async def test_an_answer(subject: Subject) -> None:
    reply = await subject.call([1, "é"])
    assert json.loads(reply.payload) == {"got": [1, "é"]}
    assert (reply.error, reply.error_type) == (None, None)
    assert reply.memory_mb == 128
    assert 0 < reply.max_memory_mb <= 128
    assert reply.billed_ms >= 1


async def test_an_error(subject: Subject) -> None:
    reply = await subject.call("fail")
    shape = json.loads(reply.payload)
    assert (reply.error, reply.error_type) == ("Unhandled", "ValueError")
    assert list(shape) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert (shape["errorMessage"], shape["errorType"], shape["requestId"]) == ("no", "ValueError", "id")
    assert "in handler" in shape["stackTrace"][0]


async def test_an_answer_over_the_limit(subject: Subject) -> None:
    assert (await subject.call("big")).error_type == "Function.ResponseSizeTooLarge"


async def test_cold_then_warm(subject: Subject) -> None:
    cold, warm = await subject.call(1), await subject.call(1)
    assert cold.init_ms is not None
    assert warm.init_ms is None
    assert (cold.environment, cold.log_stream) == (warm.environment, warm.log_stream)


@pytest.mark.parametrize("change", [{"revision": "2"}, {"version": "8"}])
async def test_versions_and_revisions_are_apart(subject: Subject, change: dict[str, str]) -> None:
    await subject.call(1)
    assert (await subject.call(1, **change)).init_ms is not None


async def test_retired_environments_are_not_used_again(subject: Subject) -> None:
    first = await subject.call(1)
    subject.fleet.retire(subject.spec.arn, "8")
    assert (await subject.call(1)).init_ms is None
    subject.fleet.retire(subject.spec.arn)
    again = await subject.call(1)
    assert again.init_ms is not None
    assert again.environment != first.environment


async def test_after_a_reset_all_is_cold(subject: Subject) -> None:
    await subject.call(1)
    subject.fleet.reset()
    assert (await subject.call(1)).init_ms is not None


async def test_lines_go_to_the_stream_of_the_reply(subject: Subject) -> None:
    reply = await subject.call(1)
    lines = [line for _, burst in subject.sink.bursts for line in burst]
    assert {stream for stream, _ in subject.sink.bursts} == {
        LogStream("123456789012", "eu-west-1", "/aws/lambda/job", reply.log_stream)
    }
    assert lines[-3] == "START RequestId: id Version: 7"
    assert lines[-2] == "END RequestId: id"
    assert lines[-1].startswith("REPORT RequestId: id\t")
    assert reply.log.decode().splitlines() == lines[-3:]
    assert "[7]" in reply.log_stream


async def test_calls_at_once(subject: Subject) -> None:
    replies = await asyncio.gather(*(subject.call(number) for number in range(5)))
    assert [json.loads(reply.payload)["got"] for reply in replies] == list(range(5))


async def test_runtimes_are_known_or_refused(subject: Subject) -> None:
    assert subject.fleet.check("python3.11") is None or "not installed" in subject.fleet.check("python3.11")
    with pytest.raises(AwsError) as refused:
        subject.fleet.check("cobol85")
    assert refused.value.code == "InvalidRuntimeException"


async def test_status_counts(subject: Subject) -> None:
    await subject.call(1)
    status = subject.fleet.status()
    assert {name: status[name] for name in ("starting", "idle", "busy")} == {"starting": 0, "idle": 1, "busy": 0}
