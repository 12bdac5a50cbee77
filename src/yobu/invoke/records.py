"""What is sent when an event has ended: AWS's invocation record, and the dead letter with its attributes.

In: the attempt, how it was settled, the time. Out: Deliveries. Pure. It must not know targets or how they accept.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from yobu.base.clock import iso_millis
from yobu.invoke.decide import Attempt, Settled
from yobu.invoke.values import Delivery, Resolved

SERVICE = "lambda.amazonaws.com"

_MESSAGE_BYTES = 1_024
# AWS's own words, to the letter.
_ZERO_RESERVED = "Function not invoked. Function isconfigured with zero reserved concurrent executions"
_THROTTLED = (429, "Rate Exceeded.")


class _RequestContext(msgspec.Struct, rename="camel"):
    request_id: str
    function_arn: str
    condition: str
    approximate_invoke_count: int


class _ResponseContext(msgspec.Struct, rename="camel"):
    status_code: int
    executed_version: str | msgspec.UnsetType = msgspec.UNSET
    function_error: str | msgspec.UnsetType = msgspec.UNSET


class _Record(msgspec.Struct, rename="camel"):
    version: str
    timestamp: str
    request_context: _RequestContext
    request_payload: msgspec.Raw
    response_context: _ResponseContext | msgspec.UnsetType = msgspec.UNSET
    response_payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class _ErrorObject(msgspec.Struct, rename="camel"):
    error_message: str = ""


def deliveries(attempt: Attempt, settled: Settled, now_ms: int, new_id: Callable[[], str]) -> list[Delivery]:
    """What goes out for a settled event: to OnSuccess, or to OnFailure and to the dead-letter queue.

    `new_id` gives each delivery its id. Where the function could not be resolved, nobody is known to send to.
    """
    function = attempt.function
    if function is None:
        return []
    policy = function.policy
    source = qualified_arn(attempt, function)

    def made(target: str, payload: bytes, attributes: dict[str, str]) -> Delivery:
        return Delivery(
            id=new_id(),
            target=target,
            payload=payload,
            source=source,
            service=SERVICE,
            account=function.spec.account,
            region=function.spec.region,
            created_ms=now_ms,
            attributes=attributes,
        )

    failed = settled.condition != "Success"
    destination = policy.on_failure if failed else policy.on_success
    found = []
    if destination is not None:
        found.append(made(destination, invocation_record(attempt, function, settled, now_ms), {}))
    if failed and policy.dead_letter is not None:
        found.append(made(policy.dead_letter, attempt.payload, dead_letter_attributes(attempt, settled)))
    return found


def invocation_record(attempt: Attempt, function: Resolved, settled: Settled, now_ms: int) -> bytes:
    """The JSON that a destination receives, version 1.0. What never ran has no response payload."""
    record = _Record(
        version="1.0",
        timestamp=iso_millis(now_ms / 1000),
        request_context=_RequestContext(
            request_id=attempt.event.request_id,
            function_arn=qualified_arn(attempt, function),
            condition=settled.condition,
            approximate_invoke_count=settled.runs,
        ),
        request_payload=_embedded(attempt.payload),
    )
    reply = None if attempt.outcome is None else attempt.outcome.reply
    status, _ = _failure(attempt, settled)
    if reply is not None:
        record.response_context = _ResponseContext(200, function.spec.version, reply.error or msgspec.UNSET)
        record.response_payload = _embedded(reply.payload)
    elif status is not None:
        record.response_context = _ResponseContext(status)
    return msgspec.json.encode(record)


def dead_letter_attributes(attempt: Attempt, settled: Settled) -> dict[str, str]:
    """The message attributes of a dead letter: RequestID, ErrorCode (an HTTP status), ErrorMessage (1 KB of it)."""
    status, message = _failure(attempt, settled)
    attributes = {"RequestID": attempt.event.request_id}
    if status is not None:
        attributes["ErrorCode"] = str(status)
    attributes["ErrorMessage"] = message.encode()[:_MESSAGE_BYTES].decode(errors="ignore")
    return attributes


def qualified_arn(attempt: Attempt, function: Resolved) -> str:
    """The function's ARN as it was invoked, with `$LATEST` spelled out."""
    return f"{function.spec.arn}:{attempt.event.function.qualifier or '$LATEST'}"


def _failure(attempt: Attempt, settled: Settled) -> tuple[int | None, str]:
    """The HTTP status and the message of the last try; no status where AWS gives none."""
    outcome = attempt.outcome
    if settled.condition == "ZeroReservedConcurrency":
        return None, _ZERO_RESERVED
    if outcome is None:
        # Too old. What kept it waiting is not stored; nearly always it had no room.
        return _THROTTLED if attempt.event.throttles else (None, "The event is older than the maximum event age.")
    if outcome.reply is not None:
        return 200, _error_message(outcome.reply.payload)
    return _THROTTLED if outcome.status == "throttled" else (500, outcome.reason)


def _error_message(payload: bytes) -> str:
    """`errorMessage` of a function's error object; empty where there is none."""
    try:
        return msgspec.json.decode(payload, type=_ErrorObject).error_message
    except msgspec.DecodeError:
        return ""


def _embedded(payload: bytes) -> msgspec.Raw:
    """A JSON payload as it is, null where it is empty, a JSON string of it where it is not JSON."""
    if not payload.strip():
        return msgspec.Raw(b"null")
    try:
        return msgspec.json.decode(payload, type=msgspec.Raw).copy()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return msgspec.Raw(msgspec.json.encode(payload.decode(errors="replace")))
