"""What a function's configuration may be: AWS's limits and sentences, and what of it has an effect here.

In: an operation's input. Out: the changed `Config`, with a warning for each setting that is accepted without an
effect, or an AwsError. Knows nothing of what is stored.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable
from typing import Any

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.fleet.port import Fleet
from yobu.fleet.variables import RESERVED
from yobu.services.lambda_.model import errors
from yobu.services.lambda_.model.state import Config, Logging, Vpc
from yobu.services.port import not_built

ENVIRONMENT_BYTES = 4 * 1024
ZIP_BYTES = 50 * 1024 * 1024
UNZIPPED_BYTES = 262_144_000
STORAGE_BYTES = 80_530_636_800
MAX_TAGS = 50

RUNTIMES = (
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "python3.8",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "dotnet8",
    "dotnet10",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "provided.al2",
    "provided.al2023",
)
"""What AWS names in its refusal of an unknown runtime. Which of them run here is the fleet's to say."""

_ENVIRONMENT_KEY = re.compile(r"[a-zA-Z]([a-zA-Z0-9_])+")

_NOT_BUILT = {
    "Layers": "Lambda layers",
    "FileSystemConfigs": "file systems for functions (FileSystemConfigs)",
    "ImageConfig": "container images (PackageType Image)",
    "TenancyConfig": "tenant isolation (TenancyConfig)",
    "CapacityProviderConfig": "Lambda managed instances (CapacityProviderConfig)",
    "DurableConfig": "durable functions (DurableConfig)",
    "RuntimeConfig": "custom runtime versions (RuntimeConfig)",
    "AcceleratorConfig": "accelerators (AcceleratorConfig)",
    "PublishTo": "PublishTo",
}
"""Parameters without which the function would not do what its owner means: refused where they hold anything."""


def refuse_not_built(params: Params) -> None:
    """Refuse what is not built (law 10)."""
    for name, what in _NOT_BUILT.items():
        if params.get(name):
            raise not_built(what)
    code = params.get("Code", params)
    if params.get("PackageType", "Zip") == "Image" or code.get("ImageUri"):
        raise not_built(_NOT_BUILT["ImageConfig"])
    if code.get("S3ObjectStorageMode", "COPY") != "COPY":
        raise not_built("S3ObjectStorageMode REFERENCE")
    signing = params.get("CodeSigningConfigArn")
    if signing:
        message = (
            "The code signing configuration cannot be found. Check that the provided configuration is not deleted: "
            f"{signing}."
        )
        raise AwsError("CodeSigningConfigNotFoundException", message, 404, members={"Type": "User"})


def new_config(params: Params) -> Config:
    """CreateFunction's configuration; AWS's defaults where nothing is said."""
    if not params.get("Runtime") or not params.get("Handler"):
        raise errors.invalid(
            "Runtime and Handler are mandatory parameters for functions created with deployment packages."
        )
    return changed_config(Config(runtime=params["Runtime"], role=params["Role"], handler=params["Handler"]), params)


def changed_config(config: Config, params: Params) -> Config:
    """`config` with everything that `params` sets. Raises AwsError for a value outside AWS's limits."""
    changes: dict[str, Any] = {}
    for name, (field, read) in _MEMBERS.items():
        if params.get(name) is not None:
            changes[field] = read(params[name])
    return msgspec.structs.replace(config, **changes) if changes else config


def warn(ctx: Context, config: Config, params: Params, fleet: Fleet) -> None:
    """Check the runtime, and say what of `params` is accepted here without an effect."""
    if params.get("Runtime"):
        check_runtime(ctx, config.runtime, fleet)
    for holds, text in (
        (
            config.vpc is not None and params.get("VpcConfig"),
            "VpcConfig is recorded, but there is no VPC: the function uses this machine's network",
        ),
        (config.snap_start != "None" and params.get("SnapStart"), "SnapStart is recorded, but no snapshots are taken"),
        (
            config.tracing == "Active" and params.get("TracingConfig"),
            "TracingConfig is recorded, but no traces are collected",
        ),
        (config.kms_key and params.get("KMSKeyArn"), "KMSKeyArn is recorded, but nothing is encrypted with the key"),
        (
            params.get("Code", params).get("SourceKMSKeyArn"),
            "SourceKMSKeyArn has no effect: nothing is encrypted with the key",
        ),
        (
            config.logging.format == "JSON" and params.get("LoggingConfig"),
            "LogFormat JSON is recorded, but lines are logged as text",
        ),
        (
            config.ephemeral_mb > 512 and params.get("EphemeralStorage"),
            "EphemeralStorage is recorded, but /tmp has no quota",
        ),
        (
            params.get("Architectures") and not _native(config.architecture),
            f"{config.architecture} is recorded and billed, but the function runs on this machine's processor",
        ),
    ):
        if holds:
            ctx.warn(text)


def check_runtime(ctx: Context, runtime: str, fleet: Fleet) -> None:
    """Refuse a runtime that nobody knows (in AWS's words) or that nothing here serves; pass on the fleet's warning."""
    try:
        warning = fleet.check(runtime)
    except AwsError as error:
        if runtime in RUNTIMES:
            raise errors.invalid(error.message) from error
        raise errors.invalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(RUNTIMES)}] or be a valid ARN"
        ) from None
    if warning:
        ctx.warn(warning)


def check_tags(tags: dict[str, str]) -> dict[str, str]:
    """A function's tags, at most 50."""
    if len(tags) > MAX_TAGS:
        raise errors.invalid("Number of tags exceeds resource tag limit.")
    return tags


def _native(architecture: str) -> bool:
    arm = platform.machine().lower() in ("arm64", "aarch64")
    return (architecture == "arm64") == arm


def _text(value: Any) -> Any:
    return value


def _timeout(value: int) -> int:
    if value > 900:
        raise errors.constraint(value, "timeout", "Member must have value less than or equal to 900")
    return value


def _memory(value: int) -> int:
    if value > 10_240:
        raise errors.constraint(value, "memorySize", "Member must have value less than or equal to 10240")
    return value


def _ephemeral(value: Params) -> int:
    size = int(value["Size"])
    if size > 10_240:
        raise errors.constraint(size, "ephemeralStorage.size", "Member must have value less than or equal to 10240")
    return size


def _environment(value: Params) -> dict[str, str]:
    variables: dict[str, str] = value.get("Variables") or {}
    wrong = {key: text for key, text in variables.items() if not _ENVIRONMENT_KEY.fullmatch(key)}
    if wrong:
        shown = ", ".join(f"{key}={text}" for key, text in variables.items())
        raise errors.constraint(
            f"{{{shown}}}",
            "environment.variables",
            "Map keys must satisfy constraint: "
            f"[Member must satisfy regular expression pattern: {_ENVIRONMENT_KEY.pattern}, Member must not be null]",
        )
    reserved = [key for key in variables if key in RESERVED]
    problem = (
        "Lambda was unable to configure your environment variables because the environment variables you have provided"
    )
    if reserved:
        raise errors.invalid(
            f"{problem} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > ENVIRONMENT_BYTES:
        raise errors.invalid(f"{problem} exceeded the 4KB limit. String measured: {measured}")
    return variables


def _logging(value: Params) -> Logging:
    logging = Logging(
        value.get("LogFormat", "Text"),
        value.get("LogGroup"),
        value.get("ApplicationLogLevel"),
        value.get("SystemLogLevel"),
    )
    if logging.format == "Text":
        if logging.application_level or logging.system_level:
            raise errors.invalid(
                "To use ApplicationLogLevel and/or SystemLogLevel, you must set LogFormat to JSON. "
                "Remove either of the log level parameters or change LogFormat to JSON."
            )
        return logging
    return msgspec.structs.replace(
        logging,
        application_level=logging.application_level or "INFO",
        system_level=logging.system_level or "INFO",
    )


def _vpc(value: Params) -> Vpc | None:
    vpc = Vpc(
        tuple(value.get("SubnetIds") or ()),
        tuple(value.get("SecurityGroupIds") or ()),
        bool(value.get("Ipv6AllowedForDualStack")),
    )
    return vpc if vpc.subnets or vpc.groups else None


_MEMBERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "Runtime": ("runtime", _text),
    "Role": ("role", _text),
    "Handler": ("handler", _text),
    "Description": ("description", _text),
    "Timeout": ("timeout_s", _timeout),
    "MemorySize": ("memory_mb", _memory),
    "Environment": ("environment", _environment),
    "DeadLetterConfig": ("dead_letter", lambda value: value.get("TargetArn") or None),
    "TracingConfig": ("tracing", lambda value: value.get("Mode", "PassThrough")),
    "Architectures": ("architecture", lambda value: value[0] if value else "x86_64"),
    "EphemeralStorage": ("ephemeral_mb", _ephemeral),
    "SnapStart": ("snap_start", lambda value: value.get("ApplyOn", "None")),
    "LoggingConfig": ("logging", _logging),
    "VpcConfig": ("vpc", _vpc),
    "KMSKeyArn": ("kms_key", lambda value: value or None),
}
"""Member of the input -> field of `Config`, and how its value is read."""
