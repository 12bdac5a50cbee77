"""How a function takes an event that is addressed to its ARN: a notification, a destination, a rule's target.

In: a `Delivery` in its sender's transaction. Out: a queued event in the same transaction, or a refusal. Must not
know the senders; what they are is told by their service principal.
"""

from __future__ import annotations

from yobu.base.arn import Arn, parse_arn
from yobu.base.errors import AwsError
from yobu.invoke.values import Accepted, Delivery, FunctionRef, QueuedEvent, Refused
from yobu.services.lambda_.model import policy, state
from yobu.services.lambda_.model.policy import Sender
from yobu.services.port import Parts
from yobu.store.port import Reader, Tx

SERVICE = "lambda"


class Target:
    """Implements invoke.values.Target for functions, versions and aliases."""

    def __init__(self, parts: Parts) -> None:
        self._events = parts.events

    async def accept(self, tx: Tx, delivery: Delivery) -> Accepted | Refused:
        """Queue the event, if the function is there and lets the sender in.

        The delivery's id becomes the request id, so that accepting the same delivery again adds nothing new to
        tell apart. The payload lies inline: deliveries are far below a value's limit.
        """
        ref = _reference(delivery.target)
        if ref is None:
            return Refused(f"not a function's ARN: {delivery.target}")
        sender = Sender(delivery.service, delivery.source, delivery.account)
        reason = await _reason_against(tx, ref, sender)
        if reason is not None:
            return Refused(reason)
        event = QueuedEvent(
            request_id=delivery.id,
            function=ref,
            enqueued_ms=delivery.created_ms,
            cause=delivery.service,
            body=delivery.payload,
        )
        self._events.put(tx, event)
        return Accepted()

    async def check(self, read: Reader, arn: str, source: str, service: str, account: str) -> str | None:
        """Why `arn` cannot be a target of `source` now: it is missing, or its policy does not let `service` in."""
        ref = _reference(arn)
        if ref is None:
            return f"not a function's ARN: {arn}"
        return await _reason_against(read, ref, Sender(service, source, account))


def _reference(text: str) -> FunctionRef | None:
    """The function that an ARN names, None where it names none."""
    try:
        arn: Arn = parse_arn(text)
    except ValueError:
        return None
    kind, _, rest = arn.resource.partition(":")
    name, _, qualifier = rest.partition(":")
    if arn.service != SERVICE or kind != "function" or not name or ":" in qualifier:
        return None
    return FunctionRef(arn.account, arn.region, name, qualifier or None)


async def _reason_against(read: Reader, ref: FunctionRef, sender: Sender) -> str | None:
    """Why the sender may not invoke the function, or None."""
    try:
        head = await state.function(read, ref)
        await state.qualified(read, head, ref)
    except AwsError as error:
        return error.message
    if sender.service in policy.BY_ROLE:
        return None
    rules = await state.POLICIES.get(read, head.id, ref.qualifier or "")
    if rules is not None and policy.permits(rules.statements.values(), sender):
        return None
    return f"the resource policy of the function does not let {sender.service} invoke it for {sender.arn}"
