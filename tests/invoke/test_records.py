"""The invocation record and the dead letter, against the samples of AWS's documentation."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

import pytest

from yobu.fleet.port import Reply
from yobu.invoke.decide import Attempt, Settled
from yobu.invoke.records import dead_letter_attributes, deliveries, invocation_record
from yobu.invoke.values import FunctionRef, Outcome, QueuedEvent, Resolved

MakeResolved = Callable[..., Resolved]

AT = 1_573_755_365_568  # 2019-11-14T18:16:05.568Z


def reply(payload: bytes, failed: bool) -> Outcome:
    answer = Reply(payload, 1.0, 1, 128, 32, "e", "s", error="Unhandled" if failed else None)
    return Outcome("error" if failed else "ok", answer)


def attempt(
    function: Resolved | None, outcome: Outcome | None, payload: bytes = b'{"ORDER_IDS": [1, 2]}', throttles: int = 0
) -> Attempt:
    ref = FunctionRef("123456789012", "us-east-1", "f")
    event = QueuedEvent("e4b46cbf", ref, AT, "api", throttles=throttles)
    return Attempt(event, function, outcome, payload, AT)


def test_the_record_is_awss_sample(make_resolved: MakeResolved) -> None:
    function = make_resolved()
    tried = attempt(function, reply(b'{"errorMessage": "Process exited"}', True))
    assert json.loads(invocation_record(tried, function, Settled("RetriesExhausted", 3), AT)) == {
        "version": "1.0",
        "timestamp": "2019-11-14T18:16:05.568Z",
        "requestContext": {
            "requestId": "e4b46cbf",
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"ORDER_IDS": [1, 2]},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "Process exited"},
    }


@pytest.mark.parametrize(
    ("payload", "embedded"), [(b"", None), (b" ", None), (b"<x>", "<x>"), (b"\xff", "\ufffd"), (b"1e3", 1000.0)]
)
def test_a_payload_that_is_not_json_leaves_the_record_whole(
    make_resolved: MakeResolved, payload: bytes, embedded: object
) -> None:
    function = make_resolved()
    tried = attempt(function, reply(payload, False), payload)
    record = json.loads(invocation_record(tried, function, Settled("Success", 1), AT))
    assert record["requestPayload"] == record["responsePayload"] == embedded


def test_what_never_ran_has_a_status_and_no_response(make_resolved: MakeResolved) -> None:
    function = make_resolved()
    tried = attempt(function, Outcome("platform", reason="broken"))
    record = json.loads(invocation_record(tried, function, Settled("EventAgeExceeded", 0), AT))
    assert record["responseContext"] == {"statusCode": 500}
    assert "responsePayload" not in record


@pytest.mark.parametrize(
    ("outcome", "throttles", "expected"),
    [
        (reply(b'{"errorMessage": "no"}', True), 0, {"ErrorCode": "200", "ErrorMessage": "no"}),
        (reply(b'{"errorMessage": 5}', True), 0, {"ErrorCode": "200", "ErrorMessage": ""}),
        (Outcome("throttled", reason="x"), 0, {"ErrorCode": "429", "ErrorMessage": "Rate Exceeded."}),
        (Outcome("platform", reason="broken"), 0, {"ErrorCode": "500", "ErrorMessage": "broken"}),
        (None, 3, {"ErrorCode": "429", "ErrorMessage": "Rate Exceeded."}),
        (None, 0, {"ErrorMessage": "The event is older than the maximum event age."}),
    ],
)
def test_dead_letter_attributes(
    make_resolved: MakeResolved, outcome: Outcome | None, throttles: int, expected: dict[str, str]
) -> None:
    tried = attempt(make_resolved(), outcome, throttles=throttles)
    attributes = dead_letter_attributes(tried, Settled("EventAgeExceeded", 0))
    assert attributes == {"RequestID": "e4b46cbf", **expected}


def test_the_error_message_is_cut_at_1_kb_of_whole_characters(make_resolved: MakeResolved) -> None:
    tried = attempt(make_resolved(), reply(json.dumps({"errorMessage": "x" + "é" * 600}).encode(), True))
    message = dead_letter_attributes(tried, Settled("RetriesExhausted", 3))["ErrorMessage"]
    assert message == "x" + "é" * 511


def test_failures_go_to_both_and_success_to_its_own(make_resolved: MakeResolved) -> None:
    function = make_resolved(on_success="arn:s", on_failure="arn:f", dead_letter="arn:d")
    numbers = count()
    tried = attempt(function, reply(b"1", False))

    def targets(settled: Settled) -> list[tuple[str, str]]:
        return [(found.target, found.id) for found in deliveries(tried, settled, AT, lambda: str(next(numbers)))]

    assert targets(Settled("Success", 1)) == [("arn:s", "0")]
    assert targets(Settled("RetriesExhausted", 1)) == [("arn:f", "1"), ("arn:d", "2")]


def test_nobody_is_told_where_nobody_is_known(make_resolved: MakeResolved) -> None:
    assert deliveries(attempt(None, None), Settled("EventAgeExceeded", 0), AT, str) == []
    assert deliveries(attempt(make_resolved(), None), Settled("EventAgeExceeded", 0), AT, str) == []
