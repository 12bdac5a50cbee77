"""The model's constraints in AWS's words."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from yobu.aws.service import Catalogue, Service


@cache
def service(name: str) -> Service:
    return Catalogue().service(name)


def failed(value: str, path: str, rule: str) -> str:
    return f"Value '{value}' at '{path}' failed to satisfy constraint: {rule}"


@pytest.mark.parametrize(
    ("name", "params", "sentences"),
    [
        ("dynamodb:DescribeTable", {"TableName": "photos"}, []),
        (
            "dynamodb:DescribeTable",
            {},
            ["Value null at 'tableName' failed to satisfy constraint: Member must not be null"],
        ),
        (
            "dynamodb:DescribeTable",
            {"TableName": ""},
            [failed("", "tableName", "Member must have length greater than or equal to 1")],
        ),
        (
            "dynamodb:ListTables",
            {"Limit": 101},
            [failed("101", "limit", "Member must have value less than or equal to 100")],
        ),
        (
            "dynamodb:CreateTable",
            {"TableName": "t", "AttributeDefinitions": [], "KeySchema": [{"AttributeName": "a", "KeyType": "X"}]},
            [failed("X", "keySchema.1.member.keyType", "Member must satisfy enum value set: [HASH, RANGE]")],
        ),
        (
            "dynamodb:BatchWriteItem",
            {"RequestItems": {"t": []}},
            [
                failed(
                    "{t=[]}",
                    "requestItems",
                    "Map value must satisfy constraint: [Member must have length less than or equal to 25, "
                    "Member must have length greater than or equal to 1]",
                )
            ],
        ),
        (
            "dynamodb:BatchWriteItem",
            {"RequestItems": {"t": [{"PutRequest": {}}]}},
            [
                "Value null at 'requestItems.t.member.1.member.putRequest.item' failed to satisfy constraint: "
                "Member must not be null"
            ],
        ),
        (
            "lambda:UpdateFunctionConfiguration",
            {"FunctionName": "f", "Role": "me"},
            [
                failed(
                    "me",
                    "role",
                    r"Member must satisfy regular expression pattern: "
                    r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
                )
            ],
        ),
        (
            "lambda:UpdateFunctionCode",
            {"FunctionName": "f", "Architectures": ["mips"]},
            [
                failed(
                    "[mips]",
                    "architectures",
                    "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], "
                    "Member must not be null]",
                )
            ],
        ),
        (
            "lambda:CreateAlias",
            {
                "FunctionName": "f",
                "Name": "a",
                "FunctionVersion": "1",
                "RoutingConfig": {"AdditionalVersionWeights": {"x": 2.0}},
            },
            [
                failed(
                    "{x=2.0}",
                    "routingConfig.additionalVersionWeights",
                    "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
                    "Member must have length greater than or equal to 1, "
                    "Member must satisfy regular expression pattern: [0-9]+, Member must not be null]",
                ),
                failed(
                    "{x=2.0}",
                    "routingConfig.additionalVersionWeights",
                    "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must "
                    "have value greater than or equal to 0.0, Member must not be null]",
                ),
            ],
        ),
    ],
)
def test_sentences(name: str, params: dict[str, Any], sentences: list[str]) -> None:
    room, operation = name.split(":")
    assert service(room).constraints(operation, params) == sentences


def test_sensitive_values_are_not_shown() -> None:
    params = {"FunctionName": "f", "Environment": {"Variables": {"9": "secret"}}}
    (sentence,) = service("lambda").constraints("UpdateFunctionConfiguration", params)
    assert sentence.startswith("Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy")
    assert "secret" not in sentence


def test_two_that_fail_come_in_the_models_order() -> None:
    sentences = service("dynamodb").constraints("PutItem", {"ReturnValues": "SOME"})
    assert [sentence.split("' failed")[0] for sentence in sentences] == [
        "Value null at 'tableName",
        "Value null at 'item",
        "Value 'SOME' at 'returnValues",
    ]


def test_java_patterns() -> None:
    tag = {"ResourceArn": "arn", "Tags": [{"Key": "größe: 1", "Value": "\U0001f600"}]}
    role = {"RoleName": "r", "Tags": [{"Key": "größe 1", "Value": ""}]}
    assert not service("iam").constraints("TagRole", role)
    assert not service("dynamodb").constraints("TagResource", tag)
    policy = {"RoleName": "r", "AssumeRolePolicyDocument": '{"Statement": []}\n'}
    assert not service("iam").constraints("CreateRole", policy)


def test_deep_values_do_not_break_it() -> None:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(5000):
        value = {"M": {"a": value}}
    assert service("dynamodb").constraints("PutItem", {"TableName": "t", "Item": {"a": value}}) == [
        "Nesting Levels have exceeded supported limits"
    ]
