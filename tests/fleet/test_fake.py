import json
from pathlib import Path

import pytest

from yobu.base.clock import FakeClock
from yobu.base.errors import AwsError
from yobu.base.ids import SeededIds
from yobu.fleet.fake import FakeFleet
from yobu.fleet.port import FunctionSpec, Work

SPEC = FunctionSpec("arn", "1", "r", "job", "$LATEST", "r1", "python3.11", "a.b", Path("/"), "role")
WORK = Work("id", b'{"a": 1}', "arn")


@pytest.fixture
def fleet() -> FakeFleet:
    return FakeFleet(FakeClock(), SeededIds())


async def test_a_handler_gets_the_event(fleet: FakeFleet) -> None:
    fleet.handle("job", lambda event, work: {"got": event, "id": work.request_id})
    reply = await fleet.run(SPEC, WORK)
    assert json.loads(reply.payload) == {"got": {"a": 1}, "id": "id"}
    assert fleet.calls == [(SPEC, WORK)]


async def test_a_handler_may_be_async(fleet: FakeFleet) -> None:
    async def handler(event: object, work: Work) -> object:
        return event

    fleet.handle("job", handler)
    assert (await fleet.run(SPEC, WORK)).payload == b'{"a": 1}'


async def test_what_a_handler_raises_is_lambdas_error_object(fleet: FakeFleet) -> None:
    def handler(event: object, work: Work) -> object:
        raise ValueError("no")

    fleet.handle("job", handler)
    reply = await fleet.run(SPEC, WORK)
    shape = json.loads(reply.payload)
    assert (reply.error, reply.error_type) == ("Unhandled", "ValueError")
    assert {name: shape[name] for name in ("errorMessage", "errorType", "requestId")} == {
        "errorMessage": "no",
        "errorType": "ValueError",
        "requestId": "id",
    }
    assert "in handler" in shape["stackTrace"][0]


async def test_a_function_without_a_handler_is_refused(fleet: FakeFleet) -> None:
    with pytest.raises(AwsError, match="no handler for job"):
        await fleet.run(SPEC, WORK)


def test_a_runtime_of_no_family_is_refused(fleet: FakeFleet) -> None:
    assert fleet.check("python3.13") is None
    with pytest.raises(AwsError, match="cobol85"):
        fleet.check("cobol85")


async def test_a_reset_forgets_environments_but_not_handlers(fleet: FakeFleet) -> None:
    fleet.handle("job", lambda event, work: None)
    await fleet.run(SPEC, WORK)
    fleet.reset()
    assert fleet.calls == []
    assert (await fleet.run(SPEC, WORK)).init_ms is not None
