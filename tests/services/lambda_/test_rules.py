from __future__ import annotations

from typing import Any

import pytest

from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.fleet.fake import FakeFleet
from yobu.services.lambda_.model import rules
from yobu.services.lambda_.model.state import Config, Logging

BASE: dict[str, Any] = {"Runtime": "python3.12", "Role": "arn:aws:iam::123456789012:role/r", "Handler": "app.handler"}
ENVIRONMENT = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided "
)

REFUSED = [
    ({"Timeout": 901}, "ValidationException", "Value '901' at 'timeout' failed"),
    ({"MemorySize": 10241}, "ValidationException", "Value '10241' at 'memorySize' failed"),
    ({"EphemeralStorage": {"Size": 10241}}, "ValidationException", "'ephemeralStorage.size' failed"),
    (
        {"Environment": {"Variables": {"A_B": "1", "AWS_REGION": "x", "AWS_SESSION_TOKEN": "y"}}},
        "InvalidParameterValueException",
        ENVIRONMENT + "contains reserved keys that are currently not supported for modification. "
        "Reserved keys used in this request: AWS_REGION, AWS_SESSION_TOKEN",
    ),
    (
        {"Environment": {"Variables": {"LARGE": "x" * 4096}}},
        "InvalidParameterValueException",
        ENVIRONMENT + 'exceeded the 4KB limit. String measured: {"LARGE":"xxx',
    ),
    (
        {"Environment": {"Variables": {"A-B": "1"}}},
        "ValidationException",
        "Value '{A-B=1}' at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint",
    ),
    (
        {"LoggingConfig": {"LogFormat": "Text", "ApplicationLogLevel": "INFO"}},
        "InvalidParameterValueException",
        "you must set LogFormat to JSON",
    ),
]

NOT_BUILT = [
    {"Layers": ["arn:aws:lambda:us-east-1:123456789012:layer:l:1"]},
    {"FileSystemConfigs": [{"Arn": "a", "LocalMountPath": "/mnt/a"}]},
    {"PackageType": "Image"},
    {"Code": {"ImageUri": "i"}},
    {"ImageConfig": {"Command": ["c"]}},
    {"Code": {"S3Bucket": "b", "S3Key": "k", "S3ObjectStorageMode": "REFERENCE"}},
    {"DurableConfig": {"ExecutionTimeout": 1}},
    {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}},
    {"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {}}},
    {"PublishTo": "LATEST_PUBLISHED"},
]

WARNED = [
    ({"VpcConfig": {"SubnetIds": ["s"], "SecurityGroupIds": ["g"]}}, "VpcConfig"),
    ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
    ({"TracingConfig": {"Mode": "Active"}}, "TracingConfig"),
    ({"KMSKeyArn": "arn:aws:kms:us-east-1:123456789012:key/k"}, "KMSKeyArn"),
    ({"LoggingConfig": {"LogFormat": "JSON"}}, "LogFormat JSON"),
    ({"EphemeralStorage": {"Size": 1024}}, "EphemeralStorage"),
]

SILENT = [
    {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []}},
    {"SnapStart": {"ApplyOn": "None"}},
    {"TracingConfig": {"Mode": "PassThrough"}},
    {"KMSKeyArn": ""},
    {"LoggingConfig": {"LogFormat": "Text", "LogGroup": "/my/group"}},
    {"EphemeralStorage": {"Size": 512}},
]


@pytest.mark.parametrize(("params", "code", "message"), REFUSED)
def test_values_outside_the_limits_are_refused_in_awss_words(params: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        rules.new_config(BASE | params)
    assert caught.value.code == code
    assert message in caught.value.message


@pytest.mark.parametrize("params", NOT_BUILT)
def test_what_is_not_built_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as caught:
        rules.refuse_not_built(BASE | params)
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


def test_a_code_signing_configuration_cannot_exist() -> None:
    with pytest.raises(AwsError) as caught:
        rules.refuse_not_built(BASE | {"CodeSigningConfigArn": "arn:csc"})
    assert (caught.value.code, caught.value.status) == ("CodeSigningConfigNotFoundException", 404)


@pytest.mark.parametrize(("params", "setting"), WARNED)
def test_what_has_no_effect_is_accepted_with_a_warning(ctx: Context, params: dict[str, Any], setting: str) -> None:
    rules.warn(ctx, rules.new_config(BASE | params), params, FakeFleet())
    assert [text for text in ctx.warnings if text.startswith(setting)] == ctx.warnings
    assert ctx.warnings


@pytest.mark.parametrize("params", SILENT)
def test_what_changes_nothing_is_accepted_without_one(ctx: Context, params: dict[str, Any]) -> None:
    rules.refuse_not_built(BASE | params)
    rules.warn(ctx, rules.new_config(BASE | params), params, FakeFleet())
    assert ctx.warnings == []


def test_a_foreign_architecture_is_told(ctx: Context) -> None:
    for architecture in ("x86_64", "arm64"):
        params = {"Architectures": [architecture]}
        rules.warn(ctx, rules.new_config(BASE | params), params, FakeFleet())
    assert len(ctx.warnings) == 1


def test_runtime_and_handler_are_mandatory() -> None:
    for missing in ("Runtime", "Handler"):
        with pytest.raises(AwsError, match="Runtime and Handler are mandatory parameters"):
            rules.new_config({name: value for name, value in BASE.items() if name != missing})


def test_an_unknown_runtime_is_refused_as_the_enum_is(ctx: Context) -> None:
    with pytest.raises(AwsError) as caught:
        rules.check_runtime(ctx, "cobol", FakeFleet())
    assert caught.value.code == "InvalidParameterValueException"
    assert caught.value.message.startswith(
        "Value cobol at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [nodejs20.x, "
    )
    assert caught.value.message.endswith("] or be a valid ARN")


def test_a_runtime_that_nothing_serves_is_refused_with_the_fleets_reason(ctx: Context) -> None:
    with pytest.raises(AwsError) as caught:
        rules.check_runtime(ctx, "java21", FakeFleet())
    assert caught.value.code == "InvalidParameterValueException"
    assert "java21" in caught.value.message


def test_a_change_leaves_everything_else(ctx: Context) -> None:
    before = rules.new_config(BASE | {"Timeout": 9, "Environment": {"Variables": {"A_B": "1"}}})
    after = rules.changed_config(before, {"MemorySize": 256, "Description": "d"})
    assert after == Config(
        "python3.12", BASE["Role"], "app.handler", "d", timeout_s=9, memory_mb=256, environment={"A_B": "1"}
    )
    assert rules.changed_config(after, {"Environment": {"Variables": {}}}).environment == {}


def test_json_logging_has_levels() -> None:
    config = rules.new_config(BASE | {"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "WARN"}})
    assert config.logging == Logging("JSON", None, "INFO", "WARN")


def test_fifty_tags_are_enough() -> None:
    assert len(rules.check_tags({str(number): "" for number in range(50)})) == 50
    with pytest.raises(AwsError, match="Number of tags exceeds resource tag limit"):
        rules.check_tags({str(number): "" for number in range(51)})
