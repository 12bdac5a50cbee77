"""The environment variables of an environment, made from nothing: the node's own never reach a function.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from yobu.fleet.port import FunctionSpec, Keys

MARK: Final = "YOBU_ENVIRONMENT"

# What Lambda keeps for itself; the lambda room refuses these in CreateFunction.
RESERVED: Final = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an environment lives: its mark (also its folder), its temporary folder, the caches of all."""

    mark: str
    temporary: str
    cache: str
    log_group: str
    log_stream: str
    endpoint: str


def build(spec: FunctionSpec, keys: Keys, language: Mapping[str, str], place: Place) -> dict[str, str]:
    """All variables. The function's own win over Lambda's defaults, never over the reserved ones."""
    code = str(spec.code)
    defaults = {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LD_LIBRARY_PATH": f"{code}:{code}/lib",
        "AWS_ENDPOINT_URL": place.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        # So that neither the owner's ~/.aws nor a host-wide temporary file is seen by chance.
        "HOME": place.temporary,
        "TMPDIR": place.temporary,
        **language,
    }
    reserved = {
        "_HANDLER": spec.handler,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_REGION": spec.region,
        "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": place.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": place.log_stream,
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
        "AWS_SESSION_TOKEN": keys.session_token,
        "LAMBDA_TASK_ROOT": code,
        MARK: place.mark,
        "YOBU_CACHE": place.cache,
    }
    own = {name: value for name, value in spec.environment.items() if name not in RESERVED}
    return {**defaults, **own, **reserved}
