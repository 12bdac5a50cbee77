from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yobu.services.lambda_.model import state
from yobu.services.port import Parts

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


async def test_create_with_publish_shows_the_version_under_the_unqualified_arn(aws: Any) -> None:
    made = await aws.create(Publish=True)
    assert (made["Version"], made["FunctionArn"], made["State"]) == ("1", ARN, "Pending")
    await aws.api.jobs.idle()
    shown = await aws("GetFunction", FunctionName="f", Qualifier="1")
    assert shown["Configuration"]["FunctionArn"] == f"{ARN}:1"
    assert (shown["Configuration"]["State"], shown["Configuration"]["LastUpdateStatus"]) == ("Active", "Successful")


async def test_publish_takes_latest_as_it_is(aws: Any) -> None:
    await aws.create(Description="first")
    version = await aws("PublishVersion", FunctionName="f", Description="one")
    assert (version["Version"], version["Description"], version["FunctionArn"]) == ("1", "one", f"{ARN}:1")
    assert (version["State"], version["LastUpdateStatus"]) == ("Active", "Successful")
    await aws.update(MemorySize=256)
    assert (await aws("GetFunctionConfiguration", FunctionName="f:1"))["MemorySize"] == 128
    assert (await aws("GetFunctionConfiguration", FunctionName="f"))["Description"] == "first"


async def test_nothing_changed_is_no_new_version(aws: Any, zipped: Callable[..., bytes]) -> None:
    await aws.create(Publish=True)
    for _ in range(2):
        again = await aws("PublishVersion", FunctionName="f", Description="another")
        assert (again["Version"], again["Description"]) == ("1", "")
    await aws("UpdateFunctionCode", FunctionName="f", ZipFile=zipped())
    assert (await aws("PublishVersion", FunctionName="f"))["Version"] == "1"
    await aws.update(Description="changed")
    assert (await aws("PublishVersion", FunctionName="f"))["Version"] == "2"
    await aws.update(Description="")
    assert (await aws("PublishVersion", FunctionName="f"))["Version"] == "3"


async def test_the_code_must_be_the_expected_one(aws: Any) -> None:
    made = await aws.create()
    message = await aws.refused(
        "InvalidParameterValueException", "PublishVersion", FunctionName="f", CodeSha256="another"
    )
    assert message == (
        f"CodeSHA256 (another) is different from current CodeSHA256 in $LATEST ({made['CodeSha256']}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )
    assert (await aws("PublishVersion", FunctionName="f", CodeSha256=made["CodeSha256"]))["Version"] == "1"


async def test_code_can_be_published_as_it_comes(aws: Any, zipped: Callable[..., bytes]) -> None:
    await aws.create()
    made = await aws("UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"app.py": "x"}), Publish=True)
    assert (made["Version"], made["FunctionArn"], made["State"]) == ("1", f"{ARN}:1", "Pending")
    await aws.api.jobs.idle()
    shown = await aws("GetFunctionConfiguration", FunctionName="f:1")
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    latest = await aws("GetFunctionConfiguration", FunctionName="f")
    assert latest["LastUpdateStatus"] == "Successful"


async def test_a_package_lives_as_long_as_a_version_uses_it(
    aws: Any, parts: Parts, zipped: Callable[..., bytes]
) -> None:
    await aws.create(Publish=True)
    head = await state.function(parts.store, aws.ref())
    blob = head.latest.code.blob
    assert await state.PACKAGES.get(parts.store, head.id, blob) == 2
    assert (await aws("GetAccountSettings"))["AccountUsage"]["TotalCodeSize"] == 2 * len(zipped())
    await aws("UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"app.py": "x"}))
    assert await state.PACKAGES.get(parts.store, head.id, blob) == 1
    await aws("DeleteFunction", FunctionName="f", Qualifier="1")
    assert await state.PACKAGES.get(parts.store, head.id, blob) is None


async def test_versions_are_listed_by_number_in_pages(aws: Any) -> None:
    await aws.create(Publish=True)
    for timeout in range(4, 14):
        await aws.update(Timeout=timeout)
        await aws("PublishVersion", FunctionName="f")
    first = await aws("ListVersionsByFunction", FunctionName="f", MaxItems=10)
    rest = await aws("ListVersionsByFunction", FunctionName="f", MaxItems=10, Marker=first["NextMarker"])
    labels = [version["Version"] for version in first["Versions"] + rest["Versions"]]
    assert labels == ["$LATEST", *map(str, range(1, 12))]
    assert first["Versions"][0]["FunctionArn"] == f"{ARN}:$LATEST"
    assert "State" not in first["Versions"][1]
