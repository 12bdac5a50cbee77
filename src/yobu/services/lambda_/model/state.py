"""The records of Lambda and the keys that they lie under.

A function's head (configuration of `$LATEST` included) lies under its name; all that belongs to it lies under the
number it was given at its creation, so that deleting is one key and a sweep, and a new function of the same name
never meets the old one's rows.

| key, after "lambda" | value |
|---|---|
| "f", account, region, name | `Function` |
| "c", account, region, name | reserved concurrency (int) |
| "u", account, region | `Usage` |
| "v", id, number | `Version`, published |
| "a", id, alias | `Alias` |
| "p", id, qualifier or "" | `Policy` |
| "e", id, qualifier | `EventConfig` |
| "b", id, blob | how many of the function's versions use the package (int) |
"""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.model import errors
from yobu.services.lambda_.model.names import LATEST, arn, full_arn, is_version
from yobu.store.port import Reader, Tx
from yobu.store.space import Space

State = Literal["Pending", "Active", "Failed"]
Update = Literal["InProgress", "Successful", "Failed"]

CREATING = "The function is being created."


class Vpc(msgspec.Struct, frozen=True, array_like=True):
    """VpcConfig as it was sent: recorded, without a network behind it."""

    subnets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    ipv6: bool = False


class Logging(msgspec.Struct, frozen=True, array_like=True):
    """LoggingConfig. `group` None is `/aws/lambda/<name>`."""

    format: str = "Text"
    group: str | None = None
    application_level: str | None = None
    system_level: str | None = None


class Config(msgspec.Struct, frozen=True, array_like=True):
    """What CreateFunction and UpdateFunctionConfiguration set, with AWS's defaults. Times in s, sizes in MB."""

    runtime: str
    role: str
    handler: str
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    environment: dict[str, str] | None = None
    dead_letter: str | None = None
    tracing: str = "PassThrough"
    architecture: str = "x86_64"
    ephemeral_mb: int = 512
    snap_start: str = "None"
    logging: Logging = Logging()
    vpc: Vpc | None = None
    kms_key: str | None = None


class Code(msgspec.Struct, frozen=True, array_like=True):
    """A package: the blob that holds it, its SHA-256 in hexadecimal, its length in bytes."""

    blob: str
    sha256: str
    size: int


class Version(msgspec.Struct, frozen=True, array_like=True):
    """`$LATEST` (number 0) or a published version.

    `build` is a new number with every change of code or configuration: it names the environments that may serve
    the version. `revision` is AWS's RevisionId, which changes with permissions and states as well.
    """

    number: int
    config: Config
    code: Code
    build: int
    revision: str
    modified_ms: int
    state: State = "Pending"
    reason: str | None = CREATING
    reason_code: str | None = "Creating"
    update: Update | None = None
    update_reason: str | None = None
    update_code: str | None = None

    @property
    def label(self) -> str:
        """`$LATEST` or the number, as AWS shows it."""
        return LATEST if self.number == 0 else str(self.number)

    @property
    def obstacle(self) -> str | None:
        """The state that keeps operations away: Pending, Failed, InProgress, or None."""
        if self.state != "Active":
            return self.state
        return "InProgress" if self.update == "InProgress" else None


class Function(msgspec.Struct, frozen=True, array_like=True):
    """A function's head. `published` is the highest number given, `newest` the newest that exists (0: none).

    `print` is the fingerprint of `$LATEST` when `newest` was published from it; `stored` the bytes of all its
    versions' packages together, as AWS counts code storage.
    """

    id: int
    name: str
    latest: Version
    tags: dict[str, str] = {}
    published: int = 0
    newest: int = 0
    print: bytes = b""
    stored: int = 0


class Alias(msgspec.Struct, frozen=True, array_like=True):
    """An alias: the version's label, and the weights of other versions (0 to 1) by their label."""

    name: str
    version: str
    description: str
    revision: str
    weights: dict[str, float] = {}


class Policy(msgspec.Struct, frozen=True, array_like=True):
    """The statements of a resource policy by Sid, in the order of their addition; JSON texts."""

    statements: dict[str, str] = {}


class EventConfig(msgspec.Struct, frozen=True, array_like=True):
    """An event invoke configuration as it was set; None where it was not."""

    modified_ms: int
    max_retries: int | None = None
    max_age_s: int | None = None
    on_success: str | None = None
    on_failure: str | None = None


class Usage(msgspec.Struct, frozen=True, array_like=True):
    """An account's functions and their code in bytes, in one region."""

    functions: int = 0
    code_bytes: int = 0


FUNCTIONS = Space(("lambda", "f"), Function)
RESERVED = Space(("lambda", "c"), int)
USAGE = Space(("lambda", "u"), Usage)
VERSIONS = Space(("lambda", "v"), Version)
ALIASES = Space(("lambda", "a"), Alias)
POLICIES = Space(("lambda", "p"), Policy)
EVENT_CONFIGS = Space(("lambda", "e"), EventConfig)
PACKAGES = Space(("lambda", "b"), int)


def fingerprint(version: Version) -> bytes:
    """Sixteen bytes that are equal only for equal code and configuration."""
    return hashlib.blake2b(msgspec.msgpack.encode((version.code.sha256, version.config)), digest_size=16).digest()


def topic(ref: FunctionRef) -> str:
    """What is woken when the function's state settles."""
    return f"lambda/{ref.account}/{ref.region}/{ref.name}"


async def function(read: Reader, ref: FunctionRef) -> Function:
    """The function's head. ResourceNotFoundException with the ARN as it was asked for."""
    found = await FUNCTIONS.get(read, ref.account, ref.region, ref.name)
    if found is None:
        raise errors.no_function(full_arn(ref))
    return found


async def version(read: Reader, head: Function, ref: FunctionRef, label: str | None) -> Version:
    """The version of that label (None: `$LATEST`). ResourceNotFoundException."""
    if label is None or label == LATEST:
        return head.latest
    found = await VERSIONS.get(read, head.id, int(label)) if is_version(label) else None
    if found is None:
        raise errors.no_function(arn(ref, label))
    return found


async def qualified(read: Reader, head: Function, ref: FunctionRef) -> Version:
    """The version that the ref's qualifier means; of a weighted alias its main one. ResourceNotFoundException."""
    label = ref.qualifier
    if label is not None and label != LATEST and not is_version(label):
        alias = await ALIASES.get(read, head.id, label)
        if alias is None:
            raise errors.no_function(full_arn(ref))
        label = alias.version
    return await version(read, head, ref, label)


def put_function(tx: Tx, ref: FunctionRef, head: Function) -> None:
    """Store the head under the ref's name."""
    FUNCTIONS.put(tx, (ref.account, ref.region, ref.name), head)


def put_version(tx: Tx, ref: FunctionRef, head: Function, changed: Version) -> Function:
    """Store a version where it belongs; returns the head as it is now."""
    if changed.number:
        VERSIONS.put(tx, (head.id, changed.number), changed)
        return head
    head = msgspec.structs.replace(head, latest=changed)
    put_function(tx, ref, head)
    return head
