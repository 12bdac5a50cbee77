"""Functions that change and are shared: versions, aliases, new code, concurrency, idle environments."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.journeys.calling import ECHO, call, code, refusal, status, update
from tests.journeys.running import RunningNode, create_function, eventually

# Holds its environment until the object it is told of is there, so that a test needs no clock.
WAITS = """
import boto3, os, time
s3 = boto3.client("s3")

def handler(event, context):
    if isinstance(event, dict) and "until" in event:
        s3.put_object(Bucket="gate", Key=event["mark"])
        while "Contents" not in s3.list_objects_v2(Bucket="gate", Prefix=event["until"]):
            time.sleep(0.01)
    return os.getpid()
"""


class TestVersions:
    def test_a_version_keeps_its_code(self, node: RunningNode) -> None:
        create_function(node, "f", returns(1))
        client = node.client("lambda")
        assert client.publish_version(FunctionName="f")["Version"] == "1"
        update(node, "f", returns(2))
        assert call(node, "f") == 2
        assert call(node, "f", Qualifier="1") == 1
        assert client.invoke(FunctionName="f", Qualifier="1")["ExecutedVersion"] == "1"
        assert client.publish_version(FunctionName="f")["Version"] == "2"
        assert client.publish_version(FunctionName="f")["Version"] == "2"
        versions = client.list_versions_by_function(FunctionName="f")["Versions"]
        assert [version["Version"] for version in versions] == ["$LATEST", "1", "2"]

    def test_an_unknown_qualifier_is_named(self, node: RunningNode) -> None:
        arn = create_function(node, "f", returns(1))["FunctionArn"]
        error = refusal(node.client("lambda").invoke, FunctionName="f", Qualifier="9")
        assert error.response["Error"]["Message"] == f"Function not found: {arn}:9"

    def test_an_alias_moves(self, node: RunningNode) -> None:
        create_function(node, "f", TELLS_VERSION)
        client = node.client("lambda")
        client.publish_version(FunctionName="f")
        update(node, "f", TELLS_VERSION + "# 2\n")
        client.publish_version(FunctionName="f")
        arn = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")["AliasArn"]
        assert call(node, "f", Qualifier="live") == ["1", arn]
        client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
        assert call(node, "f:live") == ["2", arn]

    def test_an_alias_shares_calls_by_weight(self, node: RunningNode) -> None:
        create_function(node, "f", TELLS_VERSION)
        client = node.client("lambda")
        client.publish_version(FunctionName="f")
        update(node, "f", TELLS_VERSION + "# 2\n")
        client.publish_version(FunctionName="f")
        weights = {"AdditionalVersionWeights": {"2": 0.5}}
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=weights)
        seen = Counter(client.invoke(FunctionName="f", Qualifier="live")["ExecutedVersion"] for _ in range(60))
        assert set(seen) == {"1", "2"}
        assert min(seen.values()) >= 10

    def test_new_code_is_run_at_once(self, node: RunningNode) -> None:
        create_function(node, "f", returns(1))
        before = node.client("lambda").get_function(FunctionName="f")["Configuration"]
        assert call(node, "f") == 1
        update(node, "f", returns(2))
        after = node.client("lambda").get_function(FunctionName="f")["Configuration"]
        assert after["CodeSha256"] != before["CodeSha256"]
        assert call(node, "f") == 2

    def test_new_configuration_is_used_at_once(self, node: RunningNode) -> None:
        create_function(node, "f", "import os\n\ndef handler(event, context):\n    return os.environ.get('COLOUR')\n")
        assert call(node, "f") is None
        client = node.client("lambda")
        client.update_function_configuration(FunctionName="f", Environment={"Variables": {"COLOUR": "red"}})
        client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig={"Delay": 0.05})
        assert call(node, "f") == "red"


TELLS_VERSION = "def handler(event, context):\n    return [context.function_version, context.invoked_function_arn]\n"


def returns(number: int) -> str:
    return f"def handler(event, context):\n    return {number}\n"


class TestConcurrency:
    def test_none_reserved_stops_the_function(self, node: RunningNode) -> None:
        create_function(node, "f", ECHO)
        client = node.client("lambda")
        client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
        error = refusal(client.invoke, FunctionName="f")
        assert (code(error), status(error)) == ("TooManyRequestsException", 429)
        assert error.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        client.delete_function_concurrency(FunctionName="f")
        assert call(node, "f", 1) == 1

    def test_one_reserved_admits_one_at_a_time(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="gate")
        create_function(node, "f", WAITS)
        node.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(call, node, "f", {"mark": "in", "until": "go"})
            eventually(lambda: node.client("s3").list_objects_v2(Bucket="gate")["KeyCount"])
            error = refusal(node.client("lambda").invoke, FunctionName="f")
            assert error.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
            node.client("s3").put_object(Bucket="gate", Key="go")
            running.result()
        assert call(node, "f") == running.result()

    def test_calls_at_once_have_an_environment_each(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="gate")
        create_function(node, "f", WAITS)
        with ThreadPoolExecutor(4) as pool:
            calls = [pool.submit(call, node, "f", {"mark": f"in{n}", "until": "go"}) for n in range(4)]
            eventually(lambda: node.client("s3").list_objects_v2(Bucket="gate")["KeyCount"] == 4)
            node.client("s3").put_object(Bucket="gate", Key="go")
            assert len({running.result() for running in calls}) == 4
        assert node.admin("GET", "status")["fleet"]["idle"] == 4

    def test_a_client_that_hangs_up_harms_no_other_call(self, node: RunningNode) -> None:
        node.client("s3").create_bucket(Bucket="gate")
        create_function(node, "f", WAITS)
        impatient = node.client("lambda", config=impatience())
        with pytest.raises(Exception, match="Read timeout"):
            impatient.invoke(FunctionName="f", Payload='{"mark": "in", "until": "go"}')
        assert call(node, "f") > 0
        node.client("s3").put_object(Bucket="gate", Key="go")
        eventually(lambda: node.admin("GET", "status")["fleet"]["idle"] == 2)

    def test_idle_environments_go(self, own_node: RunningNode) -> None:
        own_node.flags = ("--idle-s", "0.2")
        own_node.start()
        create_function(own_node, "f", ECHO)
        call(own_node, "f")
        eventually(lambda: not own_node.environments(), 5)
        assert call(own_node, "f", 2) == 2


def impatience() -> Any:
    from botocore.config import Config

    return Config(read_timeout=2, retries={"total_max_attempts": 1})


class TestAround:
    def test_tags_and_permissions_are_kept(self, node: RunningNode) -> None:
        arn = create_function(node, "f", ECHO, Tags={"team": "shop"})["FunctionArn"]
        client = node.client("lambda")
        client.tag_resource(Resource=arn, Tags={"stage": "test"})
        assert client.list_tags(Resource=arn)["Tags"] == {"team": "shop", "stage": "test"}
        client.add_permission(
            FunctionName="f", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
        )
        policy = json.loads(client.get_policy(FunctionName="f")["Policy"])
        assert policy["Statement"][0]["Principal"] == {"Service": "s3.amazonaws.com"}
        client.remove_permission(FunctionName="f", StatementId="s3")
        assert code(refusal(client.get_policy, FunctionName="f")) == "ResourceNotFoundException"

    def test_what_is_not_built_says_so(self, node: RunningNode) -> None:
        error = refusal(node.client("lambda").create_function_url_config, FunctionName="f", AuthType="NONE")
        assert status(error) == 501
        assert "CreateFunctionUrlConfig" in str(error)

    def test_variables_of_more_than_4_kb_are_refused(self, node: RunningNode) -> None:
        error = refusal(
            create_function, node=node, name="f", source=ECHO, Environment={"Variables": {"A1": "x" * 4096}}
        )
        assert code(error) == "InvalidParameterValueException"
        assert "exceeded the 4KB limit" in str(error)
