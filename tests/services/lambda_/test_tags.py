from __future__ import annotations

from typing import Any

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


async def test_tags_are_added_replaced_and_taken_away(aws: Any) -> None:
    made = await aws.create()
    before = await aws("GetFunctionConfiguration", FunctionName="f")
    assert await aws("ListTags", Resource=ARN) == {"Tags": {}}
    await aws("TagResource", Resource=ARN, Tags={"a": "1", "b": "2"})
    await aws("TagResource", Resource=ARN, Tags={"b": "3", "c": "4"})
    assert await aws("ListTags", Resource=ARN) == {"Tags": {"a": "1", "b": "3", "c": "4"}}
    await aws("UntagResource", Resource=ARN, TagKeys=["a", "missing"])
    assert (await aws("GetFunction", FunctionName="f"))["Tags"] == {"b": "3", "c": "4"}
    assert await aws("GetFunctionConfiguration", FunctionName="f") == before
    assert made["FunctionArn"] == ARN


async def test_refusals_are_awss(aws: Any) -> None:
    await aws.create()
    for operation, more in (
        ("TagResource", {"Tags": {"a": "1"}}),
        ("UntagResource", {"TagKeys": ["a"]}),
        ("ListTags", {}),
    ):
        for resource in (f"{ARN}:$LATEST", f"{ARN}:live"):
            message = await aws.refused("InvalidParameterValueException", operation, Resource=resource, **more)
            assert message == "Tags on function aliases and versions are not supported. Please specify a function ARN."
        message = await aws.refused("ResourceNotFoundException", operation, Resource=f"{ARN}x", **more)
        assert message == f"Function not found: {ARN}x"
        mapping = "arn:aws:lambda:us-east-1:123456789012:event-source-mapping:11111111-2222-3333-4444-555555555555"
        await aws.refused("ResourceNotFoundException", operation, Resource=mapping, **more)
    await aws.refused(
        "InvalidParameterValueException", "TagResource", Resource=ARN, Tags={str(i): "" for i in range(51)}
    )
