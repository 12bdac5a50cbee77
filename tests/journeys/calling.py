"""How journeys call functions and read what came of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.journeys.running import RunningNode, package

ECHO = "def handler(event, context):\n    return event\n"


def call(node: RunningNode, name: str, event: Any = None, **more: Any) -> Any:
    """The decoded answer of a synchronous invoke that must succeed."""
    answer = node.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), **more)
    body = answer["Payload"].read()
    assert "FunctionError" not in answer, body
    return json.loads(body)


def fail(node: RunningNode, name: str, event: Any = None) -> tuple[dict[str, Any], str]:
    """The error object of a synchronous invoke that must fail, and the tail of its log."""
    answer = node.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    return json.load(answer["Payload"]), base64.b64decode(answer["LogResult"]).decode()


def refusal(function: Any, **params: Any) -> ClientError:
    with pytest.raises(ClientError) as caught:
        function(**params)
    return caught.value


def code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])


def status(error: ClientError) -> int:
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def log_text(node: RunningNode, name: str) -> str:
    """Everything in the function's log group."""
    client = node.client("logs")
    try:
        events = client.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except client.exceptions.ResourceNotFoundException:
        return ""
    return "".join(event["message"] for event in events)


def update(node: RunningNode, name: str, source: str) -> None:
    client = node.client("lambda")
    client.update_function_code(FunctionName=name, ZipFile=package(source))
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
