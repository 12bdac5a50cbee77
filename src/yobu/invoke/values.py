"""The frozen values that travel through an invocation, and the ports that invoke calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

import msgspec

from yobu.fleet.port import FunctionSpec, Reply
from yobu.store.port import Reader, Tx

Kind = Literal["RequestResponse", "Event"]


class FunctionRef(msgspec.Struct, frozen=True, array_like=True):
    """Which function is meant: `qualifier` is a version, an alias, `$LATEST` or None."""

    account: str
    region: str
    name: str
    qualifier: str | None = None


class EventPolicy(msgspec.Struct, frozen=True, array_like=True):
    """How asynchronous events of a function (and qualifier) are treated; AWS's defaults.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
    """

    max_retries: int = 2
    max_age_s: int = 21_600
    dead_letter: str | None = None
    on_success: str | None = None
    on_failure: str | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A function resolved for one invocation: an alias's weights are already thrown.

    `invoked_arn` is the ARN as it was invoked (with its qualifier); `reserved` is the function's reserved
    concurrency, None for the unreserved pool.
    """

    spec: FunctionSpec
    invoked_arn: str
    reserved: int | None = None
    policy: EventPolicy = field(default_factory=EventPolicy)


class Functions(Protocol):
    """Finds functions; the lambda room implements."""

    async def resolve(self, ref: FunctionRef, read: Reader | None = None) -> Resolved:
        """The function that `ref` means now. Raises AwsError (ResourceNotFoundException, and others)."""
        ...


class Invocation(msgspec.Struct, frozen=True):
    """One call of a function. `cause` is what called it (`api`, `s3.amazonaws.com`, an ARN), for the bill."""

    request_id: str
    function: Resolved
    payload: bytes
    kind: Kind = "RequestResponse"
    cause: str = "api"
    client_context: str | None = None
    trace: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What came of an invocation.

    `ok` and `error` (the function failed) carry the `reply`; `throttled` and `platform` (it never ran, or we
    failed) carry `reason`: AWS's TooManyRequestsException reason, or a sentence.
    """

    status: Literal["ok", "error", "throttled", "platform"]
    reply: Reply | None = None
    reason: str = ""


class QueuedEvent(msgspec.Struct, frozen=True, array_like=True):
    """An asynchronous event in the queue; `body` lies inline up to 64 KB, else `blob` names its file."""

    request_id: str
    function: FunctionRef
    enqueued_ms: int
    cause: str
    body: bytes = b""
    blob: str | None = None
    client_context: str | None = None
    trace: str | None = None
    attempts: int = 0
    throttles: int = 0


class Delivery(msgspec.Struct, frozen=True, array_like=True):
    """An event on its way to an ARN: a notification, a destination, a dead letter, a rule's target.

    `source` is the sender's ARN, `service` its service principal (`s3.amazonaws.com`); `account` and `region`
    are the sender's; `attributes` are message attributes where the target has such.
    """

    id: str
    target: str
    payload: bytes
    source: str
    service: str
    account: str
    region: str
    created_ms: int
    attributes: dict[str, str] = {}
    attempts: int = 0
    dead_letter: str | None = None
    order_key: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The target has it, in the caller's transaction."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The target will not have it; `retry` says whether later may be better."""

    reason: str
    retry: bool = False


class Target(Protocol):
    """How a room accepts events addressed to its ARNs (`target.py` of a room)."""

    async def accept(self, tx: Tx, delivery: Delivery) -> Accepted | Refused:
        """Take the event into this transaction."""
        ...

    async def check(self, read: Reader, arn: str, source: str, service: str, account: str) -> str | None:
        """Why `arn` cannot be configured as a target of `source` now (it is missing, its policy), or None."""
        ...
