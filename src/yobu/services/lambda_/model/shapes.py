"""Records into AWS's answers.

In: records and the function's reference. Out: `Params` with AWS's member names. Knows no store and no request.
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
"""

from __future__ import annotations

import base64

from yobu.aws.http import Params
from yobu.base.clock import iso_offset
from yobu.fleet.report import runtime_version_arn
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.model.names import arn
from yobu.services.lambda_.model.state import Alias, Config, EventConfig, Version


def configuration(ref: FunctionRef, version: Version, qualifier: str | None) -> Params:
    """A FunctionConfiguration with its states; its ARN carries `qualifier` where that is given."""
    answer = listed(ref, version, qualifier)
    answer["RuntimeVersionConfig"] = {"RuntimeVersionArn": runtime_version_arn(version.config.runtime, ref.region)}
    answer["State"] = version.state
    for name, value in (
        ("StateReason", version.reason),
        ("StateReasonCode", version.reason_code),
        ("LastUpdateStatus", version.update),
        ("LastUpdateStatusReason", version.update_reason),
        ("LastUpdateStatusReasonCode", version.update_code),
    ):
        if value is not None:
            answer[name] = value
    return answer


def listed(ref: FunctionRef, version: Version, qualifier: str | None) -> Params:
    """A FunctionConfiguration as lists show it: without states and runtime version."""
    answer: Params = {
        "FunctionName": ref.name,
        "FunctionArn": arn(ref, qualifier),
        "CodeSize": version.code.size,
        "CodeSha256": base64.b64encode(bytes.fromhex(version.code.sha256)).decode(),
        "LastModified": iso_offset(version.modified_ms / 1000),
        "Version": version.label,
        "PackageType": "Zip",
        "RevisionId": version.revision,
    }
    answer.update(_settings(ref.name, version.config))
    return answer


def _settings(name: str, config: Config) -> Params:
    answer: Params = {
        "Runtime": config.runtime,
        "Role": config.role,
        "Handler": config.handler,
        "Description": config.description,
        "Timeout": config.timeout_s,
        "MemorySize": config.memory_mb,
        "TracingConfig": {"Mode": config.tracing},
        "Architectures": [config.architecture],
        "EphemeralStorage": {"Size": config.ephemeral_mb},
        "SnapStart": {"ApplyOn": config.snap_start, "OptimizationStatus": "Off"},
        "LoggingConfig": _logging(name, config),
    }
    if config.environment is not None:
        answer["Environment"] = {"Variables": config.environment}
    if config.dead_letter:
        answer["DeadLetterConfig"] = {"TargetArn": config.dead_letter}
    if config.kms_key:
        answer["KMSKeyArn"] = config.kms_key
    if config.vpc:
        answer["VpcConfig"] = {
            "SubnetIds": list(config.vpc.subnets),
            "SecurityGroupIds": list(config.vpc.groups),
            "VpcId": "",
            "Ipv6AllowedForDualStack": config.vpc.ipv6,
        }
    return answer


def _logging(name: str, config: Config) -> Params:
    answer = {"LogFormat": config.logging.format, "LogGroup": log_group(name, config)}
    if config.logging.application_level:
        answer["ApplicationLogLevel"] = config.logging.application_level
    if config.logging.system_level:
        answer["SystemLogLevel"] = config.logging.system_level
    return answer


def log_group(name: str, config: Config) -> str:
    """Where the function's lines go: `/aws/lambda/<name>` unless LoggingConfig says otherwise."""
    return config.logging.group or f"/aws/lambda/{name}"


def alias_configuration(ref: FunctionRef, alias: Alias) -> Params:
    """An AliasConfiguration."""
    answer: Params = {
        "AliasArn": arn(ref, alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    }
    if alias.weights:
        answer["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
    return answer


def event_config(ref: FunctionRef, qualifier: str, config: EventConfig) -> Params:
    """A FunctionEventInvokeConfig."""
    answer: Params = {
        "LastModified": config.modified_ms / 1000,
        "FunctionArn": arn(ref, qualifier),
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
            "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
        },
    }
    if config.max_retries is not None:
        answer["MaximumRetryAttempts"] = config.max_retries
    if config.max_age_s is not None:
        answer["MaximumEventAgeInSeconds"] = config.max_age_s
    return answer
