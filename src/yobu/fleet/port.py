"""What the floor above gives the fleet, what it gets back, and the ports that the fleet calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from yobu.runtimes import Launch as Launch


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """All that an environment of one function version needs to exist. Two equal `revision`s are interchangeable.

    `arn` is unqualified; `version` is `$LATEST` or a number; `revision` changes with code or configuration, so
    that (`arn`, `version`, `revision`) names the pool. `code` is the unpacked package (read-only for us).
    `memory_mb` is MemorySize, `timeout_s` Timeout.
    """

    arn: str
    account: str
    region: str
    name: str
    version: str
    revision: str
    runtime: str
    handler: str
    code: Path
    role: str
    memory_mb: int = 128
    timeout_s: int = 3
    ephemeral_mb: int = 512
    architecture: str = "x86_64"
    environment: Mapping[str, str] = field(default_factory=dict)
    log_group: str = ""
    layers: tuple[Path, ...] = ()


class Work(msgspec.Struct, frozen=True):
    """One invocation as an environment sees it. `payload` is JSON; `client_context` decoded JSON text."""

    request_id: str
    payload: bytes
    invoked_arn: str
    client_context: str | None = None
    trace: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """What came of one invocation in an environment.

    `payload` is the handler's JSON, or the error object (`errorMessage`, `errorType`, ...) where `error` is set.
    `error` is AWS's X-Amz-Function-Error (`Unhandled`), `error_type` the reason in AWS's words (`Sandbox.Timedout`,
    `Runtime.ExitError`, or the exception's class); `init_ms` is None for a warm start. `log` holds the invocation's
    own log lines (START to REPORT), at most their last 4 KB.
    """

    payload: bytes
    duration_ms: float
    billed_ms: int
    memory_mb: int
    max_memory_mb: int
    environment: str
    log_stream: str
    error: Literal["Unhandled", "Handled"] | None = None
    error_type: str | None = None
    init_ms: float | None = None
    log: bytes = b""


@dataclass(frozen=True, slots=True)
class Keys:
    """Credentials of an environment."""

    access_key: str
    secret_key: str
    session_token: str


@dataclass(frozen=True, slots=True)
class LogStream:
    """Where an environment's lines go."""

    account: str
    region: str
    group: str
    stream: str


class Credentials(Protocol):
    """Temporary keys of a role; iam implements."""

    async def issue(self, account: str, role: str, session: str) -> Keys:
        """Keys of `role` (an ARN) for a session of that name, valid for 12 hours."""
        ...


class LogSink(Protocol):
    """Takes log lines, outside the reply path (flushed within 200 ms); logs implements."""

    def append(self, stream: LogStream, at_ms: int, lines: list[str]) -> None:
        """Add lines (without their newline) with one time, platform milliseconds since 1970."""
        ...


class Runtime(Protocol):
    """A language family. A module of `yobu.runtimes` that has these is one."""

    def serves(self, runtime: str) -> bool:
        """Whether a Lambda runtime string (`python3.12`) is of this family."""
        ...

    def launch(self, runtime: str, handler: str, code: str, socket_fd: int, memory_mb: int) -> Launch:
        """How to start it on this host. Raises YobuError with the install hint where the host has none.

        `memory_mb` is MemorySize, for languages that must be told how large their heap may grow.

        The process finds its handler in `_HANDLER`, its package in `LAMBDA_TASK_ROOT`, and in `YOBU_CACHE` a folder
        for derived files that outlives it; it talks on `socket_fd` as runtimes/python/bootstrap.py describes.
        """
        ...


OnChunk = Callable[[bytes], Awaitable[None]]


class Fleet(Protocol):
    """Runs work in environments; as many in parallel as there are calls (admission is the caller's)."""

    async def run(self, spec: FunctionSpec, work: Work, on_chunk: OnChunk | None = None) -> Reply:
        """Run `work` in an idle environment of `spec`, or in a new one. Never raises for what the function does.

        Raises AwsError where no environment can exist (no interpreter: `InvalidRuntimeException`).
        """
        ...

    def retire(self, arn: str, version: str | None = None) -> None:
        """Let the environments of a function (or of one version) finish their work and end."""
        ...

    def check(self, runtime: str) -> str | None:
        """The warning that comes with a runtime string here, or None. Raises AwsError where nothing serves it."""
        ...
