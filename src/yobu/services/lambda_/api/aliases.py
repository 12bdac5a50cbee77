"""Operations on aliases, with weighted routing between two versions.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.model import errors, names, paging, shapes, state
from yobu.services.lambda_.model.names import LATEST
from yobu.store.keys import after
from yobu.store.port import Range, Reader, Tx


class Aliases(Changes):
    """Names for versions."""

    async def create_alias(self, ctx: Context, params: Params) -> Params:
        """A new alias. ResourceConflictException, ResourceNotFoundException, InvalidParameterValueException."""
        ref = self.whole(ctx, params, "CreateAlias")
        weights = _weights(params.get("RoutingConfig"))
        alias = state.Alias(
            params["Name"], params["FunctionVersion"], params.get("Description", ""), self.parts.ids.uuid(), weights
        )

        async def create(tx: Tx) -> None:
            head = await _function_of(tx, ref, alias.version)
            if await state.ALIASES.get(tx, head.id, alias.name) is not None:
                raise errors.conflict(f"Alias already exists: {names.arn(ref, alias.name)}")
            await _check_versions(tx, head, ref, alias)
            state.ALIASES.put(tx, (head.id, alias.name), alias)
            self.changed(tx, ref)

        await self.parts.store.write(create)
        return shapes.alias_configuration(ref, alias)

    async def get_alias(self, ctx: Context, params: Params) -> Params:
        """An alias. ResourceNotFoundException."""
        ref = self.whole(ctx, params, "GetAlias")

        async def read(view: Reader) -> state.Alias:
            head = await state.FUNCTIONS.get(view, ref.account, ref.region, ref.name)
            alias = None if head is None else await state.ALIASES.get(view, head.id, params["Name"])
            if alias is None:
                raise errors.no_alias(names.arn(ref, params["Name"]))
            return alias

        return shapes.alias_configuration(ref, await self.parts.store.read(read))

    async def update_alias(self, ctx: Context, params: Params) -> Params:
        """Change an alias: what is not given stays. ResourceNotFoundException, PreconditionFailedException."""
        ref = self.whole(ctx, params, "UpdateAlias")
        changes: dict[str, Any] = {"revision": self.parts.ids.uuid()}
        if params.get("FunctionVersion"):
            changes["version"] = params["FunctionVersion"]
        if params.get("Description") is not None:
            changes["description"] = params["Description"]
        if params.get("RoutingConfig") is not None:
            changes["weights"] = _weights(params["RoutingConfig"])

        async def update(tx: Tx) -> state.Alias:
            head = await state.function(tx, ref)
            before = await state.ALIASES.get(tx, head.id, params["Name"])
            if before is None:
                raise errors.not_found(f"Alias not found: {names.arn(ref, params['Name'])}")
            if params.get("RevisionId") not in (None, before.revision):
                raise errors.stale()
            alias = msgspec.structs.replace(before, **changes)
            await _check_versions(tx, head, ref, alias)
            state.ALIASES.put(tx, (head.id, alias.name), alias)
            self.changed(tx, ref)
            return alias

        return shapes.alias_configuration(ref, await self.parts.store.write(update))

    async def delete_alias(self, ctx: Context, params: Params) -> Params:
        """Delete an alias with its policy and event configuration. A missing alias is no error, as on AWS."""
        ref = self.whole(ctx, params, "DeleteAlias")
        name = params["Name"]

        async def delete(tx: Tx) -> None:
            head = await state.function(tx, ref)
            state.ALIASES.delete(tx, head.id, name)
            state.POLICIES.delete(tx, head.id, name)
            state.EVENT_CONFIGS.delete(tx, head.id, name)
            self.changed(tx, ref)

        await self.parts.store.write(delete)
        return {}

    async def list_aliases(self, ctx: Context, params: Params) -> Params:
        """A function's aliases by name, or those of one version. ResourceNotFoundException."""
        ref = self.whole(ctx, params, "ListAliases")
        begin = paging.after(params, (str,))
        limit = paging.limit(params)
        version = params.get("FunctionVersion")

        async def read(view: Reader) -> list[state.Alias]:
            head = await state.function(view, ref)
            rest = state.ALIASES.range(head.id)
            if begin is not None:
                rest = Range(after(state.ALIASES.key(head.id, begin[0])), rest.end)
            found: list[state.Alias] = []
            while len(found) <= limit:
                rows = await state.ALIASES.scan(view, rest, limit + 1)
                found.extend(alias for _, alias in rows if version in (None, alias.version))
                if len(rows) <= limit:
                    break
                rest = Range(after(state.ALIASES.key(*rows[-1][0])), rest.end)
            return found

        aliases = await self.parts.store.read(read)
        answer: Params = {"Aliases": [shapes.alias_configuration(ref, alias) for alias in aliases[:limit]]}
        if len(aliases) > limit:
            answer["NextMarker"] = paging.marker((aliases[limit - 1].name,))
        return answer


def _weights(routing: Params | None) -> dict[str, float]:
    """AdditionalVersionWeights: at most one version besides the main one, 0 to 1."""
    weights: dict[str, float] = (routing or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise errors.invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    shown = "{" + ", ".join(f"{label}={float(weight)}" for label, weight in weights.items()) + "}"
    if any(not 0.0 <= weight <= 1.0 for weight in weights.values()):
        raise errors.constraint(
            shown,
            "routingConfig.additionalVersionWeights",
            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
            "Member must have value greater than or equal to 0.0, Member must not be null]",
        )
    if not all(map(names.is_version, weights)):
        raise errors.constraint(
            shown,
            "routingConfig.additionalVersionWeights",
            "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
            "Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: "
            "[0-9]+, Member must not be null]",
        )
    return {label: float(weight) for label, weight in weights.items()}


async def _function_of(tx: Tx, ref: FunctionRef, label: str) -> state.Function:
    """The function's head; AWS names the version in its refusal."""
    return await state.function(tx, FunctionRef(ref.account, ref.region, ref.name, label))


async def _check_versions(tx: Tx, head: state.Function, ref: FunctionRef, alias: state.Alias) -> None:
    """Refuse versions that do not exist, the same one twice, and `$LATEST` beside another."""
    if alias.version in alias.weights:
        raise errors.invalid(
            f"Invalid function version {alias.version}. "
            f"Function version {alias.version} is already included in routing configuration."
        )
    if alias.version == LATEST and alias.weights:
        raise errors.invalid("$LATEST is not supported for an alias pointing to more than 1 version")
    for label in (alias.version, *alias.weights):
        await state.version(tx, head, ref, label)
