from __future__ import annotations

from collections.abc import Callable
from typing import Any

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


async def test_settings_show_limits_and_usage(aws: Any, zipped: Callable[..., bytes]) -> None:
    await aws.create()
    assert await aws("GetAccountSettings") == {
        "AccountLimit": {
            "TotalCodeSize": 80530636800,
            "CodeSizeUnzipped": 262144000,
            "CodeSizeZipped": 52428800,
            "ConcurrentExecutions": 1000,
            "UnreservedConcurrentExecutions": 1000,
        },
        "AccountUsage": {"TotalCodeSize": len(zipped()), "FunctionCount": 1},
    }


async def test_what_is_always_the_same_is_said_so(aws: Any) -> None:
    await aws.create(Publish=True)
    assert await aws("GetFunctionCodeSigningConfig", FunctionName="f") == {}
    assert await aws("ListEventSourceMappings") == {"EventSourceMappings": []}
    assert await aws("GetRuntimeManagementConfig", FunctionName="f", Qualifier="1") == {
        "UpdateRuntimeOn": "Auto",
        "FunctionArn": f"{ARN}:1",
    }


async def test_loops_are_not_detected_and_it_is_admitted(aws: Any) -> None:
    await aws.create()
    assert await aws("GetFunctionRecursionConfig", FunctionName="f") == {"RecursiveLoop": "Allow"}
    assert await aws("PutFunctionRecursionConfig", FunctionName="f", RecursiveLoop="Allow") == {
        "RecursiveLoop": "Allow"
    }
    await aws.refused("NotImplemented", "PutFunctionRecursionConfig", FunctionName="f", RecursiveLoop="Terminate")


async def test_operations_that_are_not_built_have_no_handler(aws: Any) -> None:
    for name in ("CreateEventSourceMapping", "PublishLayerVersion", "CreateFunctionUrlConfig"):
        assert aws.api.operation("lambda", name) is None
