"""Operations on event invoke configurations: retries, age and destinations of asynchronous invocations.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from yobu.aws.http import Params
from yobu.base.arn import parse_arn
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.model import errors, names, paging, shapes, state
from yobu.services.lambda_.model.names import LATEST
from yobu.store.keys import after
from yobu.store.port import Range, Reader, Tx

_DESTINATIONS = ("lambda", "sqs", "sns", "events", "s3")


class EventInvoke(Changes):
    """One configuration for each qualifier (`$LATEST` where none is given); none falls back to another."""

    async def put_function_event_invoke_config(self, ctx: Context, params: Params) -> Params:
        """Replace the configuration. InvalidParameterValueException for a destination that cannot take events."""
        ref = self.named(ctx, params, "PutFunctionEventInvokeConfig")
        given = _given(ref, params)
        if not {"max_retries", "max_age_s"} & given.keys() and params.get("DestinationConfig") is None:
            raise errors.invalid("You must specify at least one of error handling or destination setting.")
        config = state.EventConfig(self.parts.clock.now_ms(), **given)

        async def put(tx: Tx) -> None:
            head = await _existing(tx, ref)
            await self._check(tx, ref, config)
            state.EVENT_CONFIGS.put(tx, (head.id, ref.qualifier or LATEST), config)
            self.changed(tx, ref)

        await self.parts.store.write(put)
        return shapes.event_config(ref, ref.qualifier or LATEST, config)

    async def update_function_event_invoke_config(self, ctx: Context, params: Params) -> Params:
        """Change what is given, keep the rest. ResourceNotFoundException where there is no configuration."""
        ref = self.named(ctx, params, "UpdateFunctionEventInvokeConfig")
        given = _given(ref, params)
        now_ms = self.parts.clock.now_ms()

        async def update(tx: Tx) -> state.EventConfig:
            head = await _existing(tx, ref)
            config = await state.EVENT_CONFIGS.get(tx, head.id, ref.qualifier or LATEST)
            if config is None:
                raise errors.no_event_config(names.arn(ref, ref.qualifier or LATEST))
            config = msgspec.structs.replace(config, modified_ms=now_ms, **given)
            await self._check(tx, ref, config)
            state.EVENT_CONFIGS.put(tx, (head.id, ref.qualifier or LATEST), config)
            self.changed(tx, ref)
            return config

        return shapes.event_config(ref, ref.qualifier or LATEST, await self.parts.store.write(update))

    async def get_function_event_invoke_config(self, ctx: Context, params: Params) -> Params:
        """The configuration. ResourceNotFoundException."""
        ref = self.named(ctx, params, "GetFunctionEventInvokeConfig")

        async def read(view: Reader) -> state.EventConfig:
            return (await _configured(view, ref))[1]

        return shapes.event_config(ref, ref.qualifier or LATEST, await self.parts.store.read(read))

    async def delete_function_event_invoke_config(self, ctx: Context, params: Params) -> Params:
        """Back to AWS's defaults. ResourceNotFoundException."""
        ref = self.named(ctx, params, "DeleteFunctionEventInvokeConfig")

        async def delete(tx: Tx) -> None:
            head, _ = await _configured(tx, ref)
            state.EVENT_CONFIGS.delete(tx, head.id, ref.qualifier or LATEST)
            self.changed(tx, ref)

        await self.parts.store.write(delete)
        return {}

    async def list_function_event_invoke_configs(self, ctx: Context, params: Params) -> Params:
        """All of a function's, by qualifier, 50 a page. ResourceNotFoundException."""
        ref = self.whole(ctx, params, "ListFunctionEventInvokeConfigs")
        begin = paging.after(params, (str,))
        limit = paging.limit(params)

        async def read(view: Reader) -> list[tuple[str, state.EventConfig]]:
            head = await _existing(view, ref)
            rest = state.EVENT_CONFIGS.range(head.id)
            if begin is not None:
                rest = Range(after(state.EVENT_CONFIGS.key(head.id, begin[0])), rest.end)
            rows = await state.EVENT_CONFIGS.scan(view, rest, limit + 1)
            return [(parts[1], config) for parts, config in rows]

        rows = await self.parts.store.read(read)
        answer: Params = {
            "FunctionEventInvokeConfigs": [shapes.event_config(ref, label, config) for label, config in rows[:limit]]
        }
        if len(rows) > limit:
            answer["NextMarker"] = paging.marker((rows[limit - 1][0],))
        return answer

    async def _check(self, tx: Tx, ref: FunctionRef, config: state.EventConfig) -> None:
        """Refuse destinations that are not there, or whose service is not built."""
        for destination in (config.on_success, config.on_failure):
            if destination is None:
                continue
            reason = await self.refusal(tx, ref, destination)
            if reason is not None:
                detail = "" if destination.split(":")[2:3] == ["lambda"] else f" ({reason})"
                raise errors.invalid(f"The destination ARN {destination} is invalid.{detail}")


def _given(ref: FunctionRef, params: Params) -> dict[str, Any]:
    """The fields of `EventConfig` that the input sets. InvalidParameterValueException for an impossible destination."""
    given: dict[str, Any] = {}
    if params.get("MaximumRetryAttempts") is not None:
        given["max_retries"] = int(params["MaximumRetryAttempts"])
    if params.get("MaximumEventAgeInSeconds") is not None:
        given["max_age_s"] = int(params["MaximumEventAgeInSeconds"])
    destinations = params.get("DestinationConfig")
    if destinations is not None:
        for member, field in (("OnSuccess", "on_success"), ("OnFailure", "on_failure")):
            if member in destinations:
                given[field] = (destinations[member] or {}).get("Destination") or None
        for destination in (given.get("on_success"), given.get("on_failure")):
            if destination is not None:
                _check_form(ref, destination, given)
    return given


def _check_form(ref: FunctionRef, destination: str, given: dict[str, Any]) -> None:
    try:
        service = parse_arn(destination).service
    except ValueError:
        service = ""
    if service not in _DESTINATIONS:
        shown = ", ".join(
            f"{member}={kind}(destination={given[field]})" if given.get(field) else f"{member}=null"
            for member, kind, field in (
                ("onSuccess", "OnSuccess", "on_success"),
                ("onFailure", "OnFailure", "on_failure"),
            )
        )
        raise errors.invalid(f"The provided destination config DestinationConfig({shown}) is invalid.")
    own = names.arn(ref)
    if destination == own or destination.startswith(f"{own}:"):
        raise errors.invalid("You can't specify the function as a destination for itself.")


async def _existing(read: Reader, ref: FunctionRef) -> state.Function:
    """The function's head, if its qualifier exists as well. ResourceNotFoundException in this resource's words."""
    try:
        head = await state.function(read, ref)
        await state.qualified(read, head, ref)
    except AwsError:
        raise errors.not_found("The function doesn't exist.") from None
    return head


async def _configured(read: Reader, ref: FunctionRef) -> tuple[state.Function, state.EventConfig]:
    """The head and the configuration. ResourceNotFoundException for want of either, worded alike by AWS."""
    label = ref.qualifier or LATEST
    head = await state.FUNCTIONS.get(read, ref.account, ref.region, ref.name)
    config = None if head is None else await state.EVENT_CONFIGS.get(read, head.id, label)
    if head is None or config is None:
        raise errors.no_event_config(names.arn(ref, label))
    return head, config
