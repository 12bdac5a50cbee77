"""Logs, roles and identities as their users see them."""

from __future__ import annotations

import json
import time
from typing import Any

from tests.journeys.calling import call, code, refusal, status
from tests.journeys.running import ACCOUNT, REGION, RunningNode, create_function, eventually

PRINTS = "def handler(event, context):\n    print('order', event)\n"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


class TestLogs:
    def test_output_is_readable_within_a_second(self, node: RunningNode) -> None:
        create_function(node, "f", PRINTS)
        call(node, "f", 7)
        logs = node.client("logs")

        def found() -> list[str]:
            groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
            names = [group["logGroupName"] for group in groups]
            return (
                [event["message"] for event in logs.filter_log_events(logGroupName=names[0])["events"]] if names else []
            )

        assert "order 7\n" in eventually(lambda: "order 7\n" in found() and found(), 1.0)

    def test_a_filter_finds_lines_of_all_environments(self, node: RunningNode) -> None:
        create_function(node, "f", PRINTS)
        for number in (1, 2, 3):
            call(node, "f", number)
        logs = node.client("logs")
        query = {"logGroupName": "/aws/lambda/f", "filterPattern": "order"}
        events = eventually(lambda: len(found := logs.filter_log_events(**query)["events"]) == 3 and found)
        assert [event["message"] for event in events] == ["order 1\n", "order 2\n", "order 3\n"]
        assert events[0]["logStreamName"].startswith(time.strftime("%Y/", time.gmtime()))

    def test_the_contexts_stream_is_where_the_lines_are(self, node: RunningNode) -> None:
        create_function(
            node, "f", "def handler(event, context):\n    print('here')\n    return context.log_stream_name\n"
        )
        stream = call(node, "f")
        logs = node.client("logs")
        query = {"logGroupName": "/aws/lambda/f", "logStreamName": stream, "startFromHead": True}
        eventually(lambda: logs.describe_log_streams(logGroupName="/aws/lambda/f")["logStreams"])
        events = eventually(lambda: logs.get_log_events(**query)["events"])
        assert "here\n" in [event["message"] for event in events]

    def test_a_group_of_ones_own(self, node: RunningNode) -> None:
        logs = node.client("logs")
        logs.create_log_group(logGroupName="app")
        assert code(refusal(logs.create_log_group, logGroupName="app")) == "ResourceAlreadyExistsException"
        logs.create_log_stream(logGroupName="app", logStreamName="web")
        now = int(time.time() * 1000)
        logs.put_log_events(
            logGroupName="app",
            logStreamName="web",
            logEvents=[{"timestamp": now + n, "message": f"line {n}"} for n in range(250)],
        )
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName="app", PaginationConfig={"PageSize": 100})
        messages = [event["message"] for page in pages for event in page["events"]]
        assert messages == [f"line {n}" for n in range(250)]
        logs.delete_log_group(logGroupName="app")
        assert code(refusal(logs.filter_log_events, logGroupName="app")) == "ResourceNotFoundException"


class TestRoles:
    def test_a_role_with_its_policies(self, node: RunningNode) -> None:
        iam = node.client("iam")
        role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST, Description="works")["Role"]
        assert role["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/worker"
        assert iam.get_role(RoleName="worker")["Role"]["AssumeRolePolicyDocument"] == json.loads(TRUST)
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        policy = iam.create_policy(PolicyName="s3", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="worker", PolicyArn=policy)
        iam.put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=json.dumps(document))
        attached = iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]
        assert [item["PolicyArn"] for item in attached] == [policy]
        assert iam.get_role_policy(RoleName="worker", PolicyName="inline")["PolicyDocument"] == document
        assert code(refusal(iam.delete_role, RoleName="worker")) == "DeleteConflict"
        iam.detach_role_policy(RoleName="worker", PolicyArn=policy)
        iam.delete_role_policy(RoleName="worker", PolicyName="inline")
        iam.delete_role(RoleName="worker")
        error = refusal(iam.get_role, RoleName="worker")
        assert (code(error), status(error)) == ("NoSuchEntity", 404)

    def test_a_policy_that_is_no_json_is_refused(self, node: RunningNode) -> None:
        error = refusal(node.client("iam").create_role, RoleName="worker", AssumeRolePolicyDocument="{")
        assert code(error) == "MalformedPolicyDocument"

    def test_roles_are_listed_in_pages(self, node: RunningNode) -> None:
        iam = node.client("iam")
        for number in range(5):
            iam.create_role(RoleName=f"r{number}", AssumeRolePolicyDocument=TRUST)
        pages = iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 2})
        assert [role["RoleName"] for page in pages for role in page["Roles"]] == [f"r{n}" for n in range(5)]


class TestIdentities:
    def test_who_am_i(self, node: RunningNode) -> None:
        identity = node.client("sts").get_caller_identity()
        assert identity["Account"] == ACCOUNT
        assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"

    def test_an_assumed_role_is_somebody_else(self, node: RunningNode) -> None:
        node.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=TRUST)
        arn = f"arn:aws:iam::{ACCOUNT}:role/worker"
        answer = node.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")
        assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/me"
        identity = node.client("sts", **keys(answer)).get_caller_identity()
        assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/me"

    def test_a_12_digit_key_is_an_account(self, node: RunningNode) -> None:
        other = node.client("sts", aws_access_key_id="123456789012").get_caller_identity()
        assert other["Account"] == "123456789012"

    def test_accounts_and_regions_do_not_see_each_other(self, node: RunningNode) -> None:
        create_function(node, "f", PRINTS)
        table = {
            "TableName": "rows",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        node.client("dynamodb").create_table(**table)
        node.client("s3").create_bucket(Bucket="mine")
        for where in ({"aws_access_key_id": "123456789012"}, {"region_name": "eu-west-1"}):
            assert node.client("lambda", **where).list_functions()["Functions"] == []
            assert node.client("dynamodb", **where).list_tables()["TableNames"] == []
            assert code(refusal(node.client("lambda", **where).invoke, FunctionName="f")) == "ResourceNotFoundException"
        other = node.client("s3", aws_access_key_id="123456789012")
        assert other.list_buckets()["Buckets"] == []
        assert code(refusal(other.create_bucket, Bucket="mine")) == "BucketAlreadyExists"
        assert code(refusal(other.list_objects_v2, Bucket="mine")) == "AccessDenied"
        west = node.client("dynamodb", region_name="eu-west-1").create_table(**table)["TableDescription"]
        assert west["TableArn"] == f"arn:aws:dynamodb:eu-west-1:{ACCOUNT}:table/rows"
        assert node.client("dynamodb").describe_table(TableName="rows")["Table"]["TableArn"].split(":")[3] == REGION


def keys(answer: dict[str, Any]) -> dict[str, str]:
    """AssumeRole's keys as a client takes them."""
    made = answer["Credentials"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
        "aws_session_token": made["SessionToken"],
    }
