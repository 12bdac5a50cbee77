from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from yobu.base.errors import AwsError
from yobu.fleet.fake import FakeFleet
from yobu.services.lambda_.api import Api
from yobu.services.lambda_.model import rules, state
from yobu.services.port import Parts

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"
ROLE = "arn:aws:iam::123456789012:role/worker"
CODE = {"Runtime": "python3.12", "Role": ROLE, "Handler": "app.handler"}


async def test_create_answers_pending_with_awss_defaults(aws: Any, zipped: Callable[..., bytes]) -> None:
    made = await aws("CreateFunction", FunctionName="f", Code={"ZipFile": zipped()}, **CODE)
    digest = hashlib.sha256(zipped()).digest()
    revision = made.pop("RevisionId")
    assert len(revision) == 36
    assert made.pop("RuntimeVersionConfig")["RuntimeVersionArn"].startswith("arn:aws:lambda:us-east-1::runtime:")
    assert made == {
        "FunctionName": "f",
        "FunctionArn": ARN,
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "app.handler",
        "CodeSize": len(zipped()),
        "CodeSha256": base64.b64encode(digest).decode(),
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": "2023-11-14T22:13:20.000+0000",
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
    }


async def test_it_becomes_active_when_the_package_is_unpacked(aws: Any) -> None:
    made = await aws.create()
    shown = await aws("GetFunctionConfiguration", FunctionName="f")
    assert (shown["State"], shown["LastUpdateStatus"]) == ("Active", "Successful")
    assert "StateReason" not in shown
    assert shown["RevisionId"] != made["RevisionId"]


async def test_whoever_asks_at_once_sees_it_active(aws: Any, zipped: Callable[..., bytes]) -> None:
    """A question waits a moment for the change that is under way, so that a client's waiter never sleeps."""
    await aws("CreateFunction", FunctionName="f", Code={"ZipFile": zipped()}, Publish=True, **CODE)
    assert (await aws("GetFunction", FunctionName="f:1"))["Configuration"]["State"] == "Active"
    await aws("UpdateFunctionConfiguration", FunctionName="f", Timeout=7)
    assert (await aws("GetFunctionConfiguration", FunctionName="f"))["LastUpdateStatus"] == "Successful"


async def test_a_question_is_answered_though_the_change_goes_on(
    parts: Parts, ctx: Any, zipped: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yobu.services.lambda_.api.functions.LOOK_S", 0.01)
    idle = Api(parts)
    await idle.create_function(ctx, {"FunctionName": "f", "Code": {"ZipFile": zipped()}, **CODE})
    assert (await idle.get_function_configuration(ctx, {"FunctionName": "f"}))["State"] == "Pending"


async def test_a_pending_function_is_finished_by_the_next_node(
    parts: Parts, ctx: Any, zipped: Callable[..., bytes]
) -> None:
    """The job lies in the store: a node that dies before it ran loses nothing."""
    first = Api(parts)
    await first.create_function(ctx, {"FunctionName": "f", "Code": {"ZipFile": zipped()}, **CODE})
    second = Api(parts)
    await second.start()
    ref = state.FunctionRef(ctx.account, ctx.region, "f")
    assert await second.jobs.settled(ref, 10.0) is None
    shown = await second.get_function_configuration(ctx, {"FunctionName": "f"})
    assert shown["State"] == "Active"
    await second.stop()


async def test_a_package_that_cannot_be_unpacked_fails_the_function(
    parts: Parts, ctx: Any, zipped: Callable[..., bytes]
) -> None:
    class Torn:
        async def unpack(self, sha256_hex: str, archive: object) -> object:
            raise AwsError("InvalidParameterValueException", "Could not unzip uploaded file.")

    torn: Any = Torn()
    room = Api(dataclasses.replace(parts, code=torn))
    await room.start()
    await room.create_function(ctx, {"FunctionName": "f", "Code": {"ZipFile": zipped()}, **CODE})
    ref = state.FunctionRef(ctx.account, ctx.region, "f")
    assert await room.jobs.settled(ref, 10.0) is None
    shown = await room.get_function_configuration(ctx, {"FunctionName": "f"})
    assert (shown["State"], shown["StateReasonCode"]) == ("Failed", "InvalidZipFileException")
    assert shown["StateReason"] == "Could not unzip uploaded file."
    with pytest.raises(AwsError, match="currently in the following state: Failed"):
        await room.functions.resolve(ref)
    await room.stop()


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException", "Could not unzip uploaded file. "),
        ({"Code": {"ZipFile": b""}}, "InvalidParameterValueException", "Uploaded file must be a non-empty zip"),
        ({"Code": {}}, "InvalidParameterValueException", "Please provide a source for function code."),
        ({"Code": {"S3Bucket": "b"}}, "InvalidParameterValueException", "Please provide a source for function code."),
        (
            {"Code": {"S3Bucket": "b", "S3Key": "k"}},
            "InvalidParameterValueException",
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. "
            "S3 Error Message: The specified key does not exist.",
        ),
        ({"Code": {"ZipFile": b"z", "S3Bucket": "b"}}, "InvalidParameterValueException", "Please do not provide other"),
        ({"FunctionName": "f" * 65}, "InvalidParameterValueException", "have length less than or equal to 64"),
        ({"FunctionName": "f:live"}, "InvalidParameterValueException", "permitted on Lambda functions only"),
        ({"Runtime": "cobol"}, "InvalidParameterValueException", "Value cobol at 'runtime' failed"),
        ({"Timeout": 901}, "ValidationException", "less than or equal to 900"),
        ({"Layers": ["l"]}, "NotImplemented", "Lambda layers"),
    ],
)
async def test_a_bad_create_changes_nothing(
    aws: Any, zipped: Callable[..., bytes], change: dict[str, Any], code: str, message: str
) -> None:
    params = {"FunctionName": "f", "Code": {"ZipFile": zipped()}, **CODE, **change}
    assert message in await aws.refused(code, "CreateFunction", **params)
    assert (await aws("ListFunctions"))["Functions"] == []
    assert (await aws("GetAccountSettings"))["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}


async def test_a_refused_package_leaves_no_file(aws: Any, parts: Parts) -> None:
    await aws.refused(
        "InvalidParameterValueException", "CreateFunction", FunctionName="f", Code={"ZipFile": b"x"}, **CODE
    )
    assert not [path for path in (parts.settings.data / "blobs").rglob("*") if path.is_file()]


async def test_a_package_of_more_than_50_mb_must_come_from_s3(aws: Any) -> None:
    message = await aws.refused(
        "RequestEntityTooLargeException",
        "CreateFunction",
        FunctionName="f",
        Code={"ZipFile": bytes(rules.ZIP_BYTES + 1)},
        **CODE,
    )
    assert message == "Request must be smaller than 70167211 bytes for the CreateFunction operation"


async def test_a_name_is_given_once(aws: Any) -> None:
    await aws.create()
    with pytest.raises(AwsError) as caught:
        await aws.create()
    assert (caught.value.code, caught.value.status) == ("ResourceConflictException", 409)
    assert caught.value.message == "Function already exist: f"
    assert caught.value.members == {"Type": "User"}


async def test_code_comes_from_s3(aws: Any, parts: Any, zipped: Callable[..., bytes]) -> None:
    parts.call.objects["bucket", "k"] = zipped()
    made = await aws.create(Code={"S3Bucket": "bucket", "S3Key": "k", "S3ObjectVersion": "v"})
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(zipped()).digest()).decode()
    assert parts.call.asked == [{"Bucket": "bucket", "Key": "k", "VersionId": "v"}]


async def test_an_object_that_cannot_be_a_package_is_not_read_to_its_end(
    aws: Any, parts: Any, zipped: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "UNZIPPED_BYTES", 99)
    parts.call.objects["bucket", "k"] = zipped()
    message = await aws.refused(
        "InvalidParameterValueException",
        "CreateFunction",
        FunctionName="f",
        Code={"S3Bucket": "bucket", "S3Key": "k"},
        **CODE,
    )
    assert message == "Unzipped size must be smaller than 262144000 bytes"
    assert not [path for path in (parts.settings.data / "blobs").rglob("*") if path.is_file()]


async def test_code_storage_is_bounded(aws: Any, monkeypatch: pytest.MonkeyPatch, zipped: Callable[..., bytes]) -> None:
    await aws.create()
    monkeypatch.setattr(rules, "STORAGE_BYTES", len(zipped()) + 1)
    await aws.refused(
        "CodeStorageExceededException", "CreateFunction", FunctionName="g", Code={"ZipFile": zipped()}, **CODE
    )
    await aws("DeleteFunction", FunctionName="f")
    await aws.create("g")


async def test_get_function_shows_tags_and_reservation(aws: Any) -> None:
    await aws.create(Tags={"team": "a"})
    await aws("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=5)
    shown = await aws("GetFunction", FunctionName="f:$LATEST")
    assert shown["Configuration"]["FunctionArn"] == f"{ARN}:$LATEST"
    assert shown["Tags"] == {"team": "a"}
    assert shown["Concurrency"] == {"ReservedConcurrentExecutions": 5}
    assert shown["Code"]["RepositoryType"] == "S3"


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("GetFunction", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("GetFunction", {"FunctionName": "f", "Qualifier": "9"}, f"Function not found: {ARN}:9"),
        ("GetFunction", {"FunctionName": "f:live"}, f"Function not found: {ARN}:live"),
        ("GetFunctionConfiguration", {"FunctionName": "g:$LATEST"}, f"Function not found: {ARN[:-1]}g:$LATEST"),
        ("UpdateFunctionConfiguration", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("UpdateFunctionCode", {"FunctionName": "g", "ZipFile": b""}, f"Function not found: {ARN[:-1]}g"),
        ("DeleteFunction", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("DeleteFunction", {"FunctionName": "g", "Qualifier": "1"}, f"Function not found: {ARN[:-1]}g"),
        ("PublishVersion", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("ListVersionsByFunction", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("ListAliases", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("Invoke", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("Invoke", {"FunctionName": "g", "InvocationType": "Event"}, f"Function not found: {ARN[:-1]}g"),
        ("GetFunctionConcurrency", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        (
            "PutFunctionConcurrency",
            {"FunctionName": "g", "ReservedConcurrentExecutions": 1},
            f"Function not found: {ARN[:-1]}g:$LATEST",
        ),
        ("GetPolicy", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("GetFunctionCodeSigningConfig", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("GetRuntimeManagementConfig", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
        ("GetFunctionRecursionConfig", {"FunctionName": "g"}, f"Function not found: {ARN[:-1]}g"),
    ],
)
async def test_what_is_missing_is_named(aws: Any, operation: str, params: dict[str, Any], message: str) -> None:
    await aws.create()
    assert await aws.refused("ResourceNotFoundException", operation, **params) == message


async def test_another_accounts_function_is_not_shown(aws: Any) -> None:
    foreign = ARN.replace("123456789012", "222222222222")
    message = await aws.refused("AccessDeniedException", "GetFunction", FunctionName=foreign)
    assert "is not authorized to perform: lambda:GetFunction on resource: " + foreign in message


class TestUpdate:
    async def test_a_configuration_is_in_progress_then_successful(self, aws: Any, fleet: FakeFleet) -> None:
        await aws.create()
        changed = await aws.update(Description="d", MemorySize=256, Environment={"Variables": {"A_B": "1"}})
        assert (changed["State"], changed["LastUpdateStatus"]) == ("Active", "InProgress")
        assert changed["LastUpdateStatusReasonCode"] == "Creating"
        shown = await aws("GetFunctionConfiguration", FunctionName="f")
        assert shown["LastUpdateStatus"] == "Successful"
        assert "LastUpdateStatusReason" not in shown
        assert (shown["Description"], shown["MemorySize"], shown["Handler"]) == ("d", 256, "app.handler")
        assert shown["Environment"] == {"Variables": {"A_B": "1"}}
        assert len({changed["RevisionId"], shown["RevisionId"]}) == 2
        assert fleet.retired == [(ARN, "$LATEST")]

    async def test_the_next_change_waits_for_the_one_before(self, aws: Any) -> None:
        await aws.create()
        await aws("UpdateFunctionConfiguration", FunctionName="f", Timeout=7)
        await aws.update(MemorySize=256)
        shown = await aws("GetFunctionConfiguration", FunctionName="f")
        assert (shown["Timeout"], shown["MemorySize"]) == (7, 256)

    async def test_a_change_that_does_not_end_is_a_conflict(
        self, parts: Parts, ctx: Any, zipped: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("yobu.services.lambda_.api.changes.WAIT_S", 0.01)
        idle = Api(parts)
        await idle.create_function(ctx, {"FunctionName": "f", "Code": {"ZipFile": zipped()}, **CODE})
        with pytest.raises(AwsError) as caught:
            await idle.update_function_configuration(ctx, {"FunctionName": "f", "Timeout": 7})
        assert caught.value.code == "ResourceConflictException"
        assert caught.value.message == (
            "The operation cannot be performed at this time. The function is currently in the following state: Pending"
        )

    async def test_a_stale_revision_is_refused_and_changes_nothing(
        self, aws: Any, zipped: Callable[..., bytes]
    ) -> None:
        made = await aws.create()
        for operation, more in (
            ("UpdateFunctionConfiguration", {"Timeout": 7}),
            ("UpdateFunctionCode", {"ZipFile": zipped({"app.py": "x = 1"})}),
            ("PublishVersion", {}),
        ):
            message = await aws.refused(
                "PreconditionFailedException", operation, FunctionName="f", RevisionId=made["RevisionId"], **more
            )
            assert message == (
                "The Revision Id provided does not match the latest Revision Id. "
                "Call the GetFunction/GetAlias API to retrieve the latest Revision Id"
            )
        shown = await aws("GetFunctionConfiguration", FunctionName="f")
        assert (shown["Timeout"], shown["CodeSha256"]) == (3, made["CodeSha256"])
        await aws.update(RevisionId=shown["RevisionId"], Timeout=7)

    async def test_code_is_replaced_and_the_old_package_freed(
        self, aws: Any, parts: Parts, zipped: Callable[..., bytes]
    ) -> None:
        await aws.create()
        head = await state.function(parts.store, aws.ref())
        before = head.latest.code
        new = zipped({"app.py": "x = 1"})
        changed = await aws("UpdateFunctionCode", FunctionName="f", ZipFile=new, Architectures=["arm64"])
        assert changed["CodeSha256"] == base64.b64encode(hashlib.sha256(new).digest()).decode()
        assert (changed["LastUpdateStatus"], changed["Architectures"]) == ("InProgress", ["arm64"])
        assert await state.PACKAGES.get(parts.store, head.id, before.blob) is None
        assert (await aws("GetAccountSettings"))["AccountUsage"] == {"TotalCodeSize": len(new), "FunctionCount": 1}

    async def test_the_same_code_again_keeps_its_package(
        self, aws: Any, parts: Parts, zipped: Callable[..., bytes]
    ) -> None:
        await aws.create()
        before = (await state.function(parts.store, aws.ref())).latest.code
        await aws("UpdateFunctionCode", FunctionName="f", ZipFile=zipped())
        head = await state.function(parts.store, aws.ref())
        assert head.latest.code == before
        assert await state.PACKAGES.get(parts.store, head.id, before.blob) == 1

    async def test_a_dry_run_changes_nothing(self, aws: Any, zipped: Callable[..., bytes]) -> None:
        made = await aws.create()
        new = zipped({"app.py": "x = 1"})
        shown = await aws("UpdateFunctionCode", FunctionName="f", ZipFile=new, DryRun=True)
        assert shown["CodeSize"] == len(new)
        after = await aws("GetFunctionConfiguration", FunctionName="f")
        assert after["CodeSha256"] == made["CodeSha256"]
        await aws.refused(
            "InvalidParameterValueException", "UpdateFunctionCode", FunctionName="f", ZipFile=b"x", DryRun=True
        )

    async def test_a_dead_letter_target_must_be_there(self, aws: Any) -> None:
        await aws.create()
        for target in ("arn:aws:sqs:us-east-1:123456789012:dead", ARN):
            message = await aws.refused(
                "InvalidParameterValueException",
                "UpdateFunctionConfiguration",
                FunctionName="f",
                DeadLetterConfig={"TargetArn": target},
            )
            assert target in message
        assert "DeadLetterConfig" not in await aws("GetFunctionConfiguration", FunctionName="f")


class TestDelete:
    async def test_everything_goes_and_the_name_is_free(self, aws: Any, parts: Parts, fleet: FakeFleet) -> None:
        await aws.create(Publish=True)
        await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
        await aws("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=5)
        await aws("PutFunctionEventInvokeConfig", FunctionName="f", MaximumRetryAttempts=0)
        head = await state.function(parts.store, aws.ref())
        assert parts.invoker.admission.unreserved(aws.ctx.account, aws.ctx.region) == 995
        await aws("DeleteFunction", FunctionName="f")
        await aws.refused("ResourceNotFoundException", "GetFunction", FunctionName="f")
        assert fleet.retired[-1] == (ARN, None)
        assert parts.invoker.admission.unreserved(aws.ctx.account, aws.ctx.region) == 1000
        assert (await aws("GetAccountSettings"))["AccountUsage"] == {"TotalCodeSize": 0, "FunctionCount": 0}
        await aws.api.jobs.idle()
        for space in (state.VERSIONS, state.ALIASES, state.POLICIES, state.EVENT_CONFIGS, state.PACKAGES):
            assert await space.scan(parts.store, space.range(head.id)) == []
        await aws.create()
        assert (await aws("ListAliases", FunctionName="f"))["Aliases"] == []
        assert (await aws("PublishVersion", FunctionName="f"))["Version"] == "1"

    async def test_one_version_goes_alone(self, aws: Any) -> None:
        await aws.create(Publish=True)
        await aws.update(Timeout=7)
        await aws("PublishVersion", FunctionName="f")
        await aws("DeleteFunction", FunctionName="f", Qualifier="1")
        await aws("DeleteFunction", FunctionName="f", Qualifier="99")
        versions = (await aws("ListVersionsByFunction", FunctionName="f"))["Versions"]
        assert [version["Version"] for version in versions] == ["$LATEST", "2"]

    async def test_numbers_are_never_given_twice(self, aws: Any) -> None:
        await aws.create(Publish=True)
        await aws("DeleteFunction", FunctionName="f", Qualifier="1")
        assert (await aws("PublishVersion", FunctionName="f"))["Version"] == "2"

    async def test_a_version_in_use_and_latest_stay(self, aws: Any) -> None:
        await aws.create(Publish=True)
        await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
        message = await aws.refused("ResourceConflictException", "DeleteFunction", FunctionName="f", Qualifier="1")
        assert message == "Unable to delete version because the following aliases reference it: [live]"
        message = await aws.refused(
            "InvalidParameterValueException", "DeleteFunction", FunctionName="f", Qualifier="$LATEST"
        )
        assert message == "$LATEST version cannot be deleted without deleting the function."


class TestList:
    async def test_by_name_in_pages(self, aws: Any) -> None:
        for name in ("c", "a", "b"):
            await aws.create(name)
        first = await aws("ListFunctions", MaxItems=2)
        assert [function["FunctionName"] for function in first["Functions"]] == ["a", "b"]
        rest = await aws("ListFunctions", MaxItems=2, Marker=first["NextMarker"])
        assert [function["FunctionName"] for function in rest["Functions"]] == ["c"]
        assert "NextMarker" not in rest
        assert not {"State", "LastUpdateStatus", "RuntimeVersionConfig"} & rest["Functions"][0].keys()

    async def test_all_versions_in_pages_of_any_size(self, aws: Any) -> None:
        for name in ("a", "b"):
            await aws.create(name, Publish=True)
            await aws.update(name, Timeout=7)
            await aws("PublishVersion", FunctionName=name)
        everything = [f"{name}:{version}" for name in "ab" for version in ("$LATEST", "1", "2")]
        for size in range(1, 7):
            found: list[str] = []
            marker: dict[str, str] = {}
            while True:
                page = await aws("ListFunctions", FunctionVersion="ALL", MaxItems=size, **marker)
                found += [function["FunctionArn"].split(":function:")[1] for function in page["Functions"]]
                if "NextMarker" not in page:
                    break
                marker = {"Marker": page["NextMarker"]}
            assert found == everything

    async def test_a_marker_of_another_list_is_refused(self, aws: Any) -> None:
        await aws.create(Publish=True)
        page = await aws("ListVersionsByFunction", FunctionName="f", MaxItems=1)
        await aws.refused("InvalidParameterValueException", "ListFunctions", Marker=page["NextMarker"])
        await aws.refused("InvalidParameterValueException", "ListFunctions", Marker="?")

    async def test_no_function_is_replicated_from_elsewhere(self, aws: Any) -> None:
        await aws.create()
        assert (await aws("ListFunctions", MasterRegion="eu-west-1", FunctionVersion="ALL"))["Functions"] == []
