"""Invoke: synchronous, asynchronous and dry.

In: the operation's input. Out: the function's answer in AWS's shape. How a function runs is the invoker's, what
becomes of an event the queue's.
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from yobu.aws.http import Answer, Params
from yobu.base.context import Context
from yobu.invoke.values import FunctionRef, Invocation, Outcome, QueuedEvent, Resolved
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.model import errors, names, payload, policy, state
from yobu.services.port import not_built
from yobu.store.port import Reader

SYNC_BYTES = 6 * 1024 * 1024
ASYNC_BYTES = 1024 * 1024
_LOG_BYTES = 4 * 1024
_CONTEXT_BYTES = 3_583
_REMAPPED_LENGTH = ("x-amzn-remapped-content-length", "0")
"""Says nothing to anybody, but AWS sends it, and recorded answers are compared."""


class Invoke(Changes):
    """Calls of functions."""

    async def invoke(self, ctx: Context, params: Params) -> Answer:
        """Run the function, or queue the event.

        ResourceNotFoundException, InvalidRequestContentException, RequestTooLargeException,
        TooManyRequestsException, ServiceException; what the function does wrong is no error here.
        """
        ref = names.parse(ctx, params["FunctionName"], params.get("Qualifier"))
        if ref.account != ctx.account:
            await self._admit_foreigner(ctx, ref)
        if params.get("TenantId") or params.get("DurableExecutionName"):
            raise not_built("tenant isolation and durable executions")
        kind = params.get("InvocationType", "RequestResponse")
        body: bytes = params.get("Payload") or b"{}"
        limit = ASYNC_BYTES if kind == "Event" else SYNC_BYTES
        if len(body) > limit:
            raise errors.too_large(limit, "InvokeFunction")
        payload.check(body)
        resolved = await self.functions.resolve(ref)
        if kind == "DryRun":
            return Answer({"StatusCode": 204, "ExecutedVersion": resolved.spec.version}, 204)
        trace = ctx.trace or self._new_trace()
        if kind == "Event":
            output = await self._queue(ctx, ref, body, trace)
        else:
            output = await self._run(ctx, params, resolved, body, trace)
        return Answer(output, output["StatusCode"], [_REMAPPED_LENGTH, ("x-amzn-trace-id", _shown(trace))])

    async def _run(self, ctx: Context, params: Params, resolved: Resolved, body: bytes, trace: str) -> Params:
        encoded = params.get("ClientContext")
        invocation = Invocation(
            request_id=ctx.request_id,
            function=resolved,
            payload=body,
            client_context=_client_context(encoded) if encoded else None,
            trace=trace,
        )
        outcome = await self.parts.invoker.execute(invocation)
        return _output(resolved, outcome, params.get("LogType") == "Tail")

    async def _queue(self, ctx: Context, ref: FunctionRef, body: bytes, trace: str) -> Params:
        """Commit the event, then 202. AWS passes a client context to synchronous invocations only."""
        bare = QueuedEvent(
            request_id=ctx.request_id,
            function=ref,
            enqueued_ms=self.parts.clock.now_ms(),
            cause="api",
            trace=trace,
        )
        await self.parts.events.add(bare, body)
        return {"StatusCode": 202, "Payload": b""}

    def _new_trace(self) -> str:
        """A trace that nobody follows: like AWS's, every invocation has one, for logs to be joined by."""
        digits = self.parts.ids.hex(40)
        return f"Root=1-{int(self.parts.clock.now()):08x}-{digits[:24]};Parent={digits[24:]};Sampled=0"

    async def _admit_foreigner(self, ctx: Context, ref: FunctionRef) -> None:
        """Another account's function: its resource policy must name the caller's account. AccessDeniedException."""

        async def read(view: Reader) -> bool:
            head = await state.FUNCTIONS.get(view, ref.account, ref.region, ref.name)
            if head is None:
                return False
            rules = await state.POLICIES.get(view, head.id, ref.qualifier or "")
            caller = policy.Sender("", ctx.principal.arn, ctx.account)
            return rules is not None and policy.permits(rules.statements.values(), caller)

        if not await self.parts.store.read(read):
            raise errors.denied(ctx.principal.arn, policy.INVOKE, names.full_arn(ref))


def _output(resolved: Resolved, outcome: Outcome, tail: bool) -> Params:
    """The outcome in AWS's shape. Throttled and platform outcomes are errors."""
    reply = outcome.reply
    if outcome.status == "throttled":
        raise errors.throttled(outcome.reason)
    if reply is None:
        raise errors.service_failed(outcome.reason)
    output: Params = {"StatusCode": 200, "Payload": reply.payload, "ExecutedVersion": resolved.spec.version}
    if reply.error is not None:
        output["FunctionError"] = reply.error
    if tail:
        output["LogResult"] = base64.b64encode(reply.log[-_LOG_BYTES:]).decode()
    return output


def _shown(trace: str) -> str:
    """A trace as the answer's header names it: its root, and whether it is sampled."""
    root, sampled = "", "0"
    for part in trace.lower().split(";"):
        name, _, value = part.strip().partition("=")
        if name == "root":
            root = value
        elif name == "sampled":
            sampled = value
    return f"root={root};sampled={sampled}"


def _client_context(encoded: str) -> str:
    """The JSON text of a ClientContext: base64 of an object, at most 3,583 bytes. InvalidRequestContentException."""
    try:
        text = base64.b64decode(encoded, validate=True)
        decoded: Any = msgspec.json.decode(text)
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise errors.bad_client_context() from None
    if not isinstance(decoded, dict) or len(text) > _CONTEXT_BYTES:
        raise errors.bad_client_context()
    return text.decode()
