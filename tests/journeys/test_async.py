"""Asynchronous invocations: accepted, then run, whatever happens in between."""

from __future__ import annotations

import json
from typing import Any

from tests.journeys.calling import code, log_text, refusal
from tests.journeys.running import ACCOUNT, RunningNode, create_function, eventually

FAILS = "def handler(event, context):\n    raise ValueError('no such order')\n"
ECHO = "def handler(event, context):\n    return event\n"
SHOWS = "import json\n\ndef handler(event, context):\n    print('got ' + json.dumps(event))\n"
# Writes a row when it begins and one when it ends; waits in between while the gate is shut.
GATED = """
import boto3, time
rows = boto3.resource("dynamodb").Table("rows")

def handler(event, context):
    rows.put_item(Item={"id": event["id"] + " began"})
    while "Item" not in rows.get_item(Key={"id": "gate"}, ConsistentRead=True):
        time.sleep(0.02)
    rows.put_item(Item={"id": event["id"] + " ended"})
"""


def send(node: RunningNode, name: str, event: Any) -> str:
    """The request id of an accepted event."""
    answer = node.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event))
    assert answer["StatusCode"] == 202
    return str(answer["ResponseMetadata"]["RequestId"])


def shown(node: RunningNode, name: str) -> list[Any]:
    """What a `SHOWS` function has got so far."""
    return [json.loads(line[4:]) for line in log_text(node, name).splitlines() if line.startswith("got ")]


def rows(node: RunningNode) -> set[str]:
    return {item["id"]["S"] for item in node.client("dynamodb").scan(TableName="rows")["Items"]}


def create_rows(node: RunningNode) -> None:
    node.client("dynamodb").create_table(
        TableName="rows",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def test_accepted_events_run(node: RunningNode) -> None:
    create_function(node, "show", SHOWS)
    for number in range(10):
        send(node, "show", {"n": number})
    got = eventually(lambda: len(shown(node, "show")) == 10 and shown(node, "show"))
    assert sorted(event["n"] for event in got) == list(range(10))


def test_the_request_id_of_the_answer_is_the_contexts(node: RunningNode) -> None:
    create_function(node, "f", "def handler(event, context):\n    print('id', context.aws_request_id)\n")
    request_id = send(node, "f", {})
    eventually(lambda: f"id {request_id}" in log_text(node, "f"))


def test_a_large_event_arrives_whole(node: RunningNode) -> None:
    create_function(node, "f", "def handler(event, context):\n    print('length', len(event))\n")
    send(node, "f", "x" * 1_000_000)
    eventually(lambda: "length 1000000" in log_text(node, "f"))


def test_an_event_for_nobody_is_refused(node: RunningNode) -> None:
    error = refusal(node.client("lambda").invoke, FunctionName="nobody", InvocationType="Event")
    assert code(error) == "ResourceNotFoundException"


def test_a_failure_goes_to_its_destination(node: RunningNode) -> None:
    failing = create_function(node, "fails", FAILS)["FunctionArn"]
    target = create_function(node, "mourner", SHOWS)["FunctionArn"]
    node.client("lambda").put_function_event_invoke_config(
        FunctionName="fails", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": target}}
    )
    request_id = send(node, "fails", {"order": 7})
    record = eventually(lambda: shown(node, "mourner"))[0]
    assert record["version"] == "1.0"
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["functionArn"] == f"{failing}:$LATEST"
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["requestPayload"] == {"order": 7}
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "no such order"


def test_a_success_goes_to_its_destination(node: RunningNode) -> None:
    create_function(node, "echo", ECHO)
    target = create_function(node, "next", SHOWS)["FunctionArn"]
    node.client("lambda").put_function_event_invoke_config(
        FunctionName="echo", DestinationConfig={"OnSuccess": {"Destination": target}}
    )
    send(node, "echo", {"order": 7})
    record = eventually(lambda: shown(node, "next"))[0]
    assert record["requestContext"]["condition"] == "Success"
    assert record["responseContext"]["statusCode"] == 200
    assert record["responsePayload"] == {"order": 7}


def test_a_synchronous_failure_has_no_destination(node: RunningNode) -> None:
    create_function(node, "fails", FAILS)
    target = create_function(node, "mourner", SHOWS)["FunctionArn"]
    client = node.client("lambda")
    client.put_function_event_invoke_config(
        FunctionName="fails", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": target}}
    )
    client.invoke(FunctionName="fails", Payload='"sync"')
    send(node, "fails", "async")
    records = eventually(lambda: shown(node, "mourner"))
    assert [record["requestPayload"] for record in records] == ["async"]


def test_an_event_outlives_a_node_that_is_killed(own_node: RunningNode) -> None:
    own_node.start()
    create_rows(own_node)
    create_function(own_node, "gated", GATED)
    send(own_node, "gated", {"id": "order 7"})
    eventually(lambda: "order 7 began" in rows(own_node))
    own_node.kill()
    own_node.start()
    own_node.client("dynamodb").put_item(TableName="rows", Item={"id": {"S": "gate"}})
    eventually(lambda: "order 7 ended" in rows(own_node))
    eventually(lambda: own_node.admin("GET", "status")["events_in_work"] == 0)


def test_an_object_in_a_bucket_wakes_a_function(node: RunningNode) -> None:
    arn = create_function(node, "show", SHOWS)["FunctionArn"]
    notify(node, arn, [{"Name": "prefix", "Value": "in/"}, {"Name": "suffix", "Value": ".csv"}])
    s3 = node.client("s3")
    for key in ("in/a.csv", "in/a.txt", "out/a.csv", "in/b c.csv"):
        s3.put_object(Bucket="inbox", Key=key, Body=b"1,2,3")
    got = eventually(lambda: len(shown(node, "show")) == 2 and shown(node, "show"))
    records = [event["Records"][0] for event in got]
    assert sorted(record["s3"]["object"]["key"] for record in records) == ["in/a.csv", "in/b+c.csv"]
    for record in records:
        assert record["eventSource"] == "aws:s3"
        assert record["eventName"] == "ObjectCreated:Put"
        assert record["s3"]["bucket"]["arn"] == "arn:aws:s3:::inbox"
        assert record["s3"]["object"]["size"] == 5


def test_a_bucket_needs_the_functions_permission(node: RunningNode) -> None:
    arn = create_function(node, "show", SHOWS)["FunctionArn"]
    node.client("s3").create_bucket(Bucket="inbox")
    error = refusal(configure, node=node, arn=arn, rules=[])
    assert code(error) == "InvalidArgument"
    assert "Unable to validate the following destination configurations" in str(error)


def notify(node: RunningNode, arn: str, rules: list[dict[str, str]]) -> None:
    node.client("lambda").add_permission(
        FunctionName=arn,
        StatementId="bucket",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::inbox",
        SourceAccount=ACCOUNT,
    )
    node.client("s3").create_bucket(Bucket="inbox")
    configure(node, arn, rules)


def configure(node: RunningNode, arn: str, rules: list[dict[str, str]]) -> None:
    configuration: dict[str, Any] = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    if rules:
        configuration["Filter"] = {"Key": {"FilterRules": rules}}
    node.client("s3").put_bucket_notification_configuration(
        Bucket="inbox", NotificationConfiguration={"LambdaFunctionConfigurations": [configuration]}
    )
