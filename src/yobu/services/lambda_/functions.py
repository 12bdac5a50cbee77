"""From a function's reference to what an invocation needs: the hot path of every call.

In: a `FunctionRef`. Out: a `Resolved`, its package unpacked, an alias's weights thrown anew with each call. What is
read once is kept until `forget` says that it changed; the operations of this room say so after their commits. Must
not know who invokes, nor how.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from yobu.base.ids import Ids
from yobu.fleet.code import CodeCache
from yobu.fleet.port import FunctionSpec
from yobu.invoke.values import EventPolicy, FunctionRef, Resolved
from yobu.services.lambda_.model import errors, state
from yobu.services.lambda_.model.names import LATEST, arn, full_arn, is_version
from yobu.services.lambda_.model.shapes import log_group
from yobu.store.blobs import Blobs
from yobu.store.port import Reader, Store


class _Target(NamedTuple):
    """What a reference means: the main version, and those that take a share (0 to 1) of the calls away from it."""

    main: Resolved
    others: tuple[tuple[float, Resolved], ...] = ()


class _Found(NamedTuple):
    """The records behind a reference; `versions` with the share of each, the main one first."""

    head: state.Function
    versions: list[tuple[float, state.Version]]
    events: state.EventConfig | None
    reserved: int | None


class StoredFunctions:
    """Implements invoke.values.Functions on the store. There is one per node: its cache is told of every change."""

    def __init__(self, store: Store, code: CodeCache, blobs: Blobs, ids: Ids) -> None:
        self._store = store
        self._code = code
        self._blobs = blobs
        self._ids = ids
        self._known: dict[tuple[str, str, str], dict[str | None, _Target]] = {}
        self._changes = 0

    async def resolve(self, ref: FunctionRef, read: Reader | None = None) -> Resolved:
        """The function that `ref` means now; its package is unpacked, so that a Pending function answers at once.

        With `read` the cache is left aside. Never inside a transaction: the package may have to be unpacked.
        ResourceNotFoundException; ResourceConflictException for a function that could not be made.
        """
        if read is not None:
            return self._throw(await self._build(ref, await _find(ref, read)))
        targets = self._known.get((ref.account, ref.region, ref.name))
        target = targets.get(ref.qualifier) if targets is not None else None
        if target is None:
            target = await self._learn(ref)
        return self._throw(target) if target.others else target.main

    def forget(self, ref: FunctionRef) -> None:
        """The function has changed, or what belongs to it: read it again. To be called after the commit."""
        self._changes += 1
        self._known.pop((ref.account, ref.region, ref.name), None)

    def reset(self) -> None:
        """Forget everything: the store has just been emptied."""
        self._changes += 1
        self._known.clear()

    async def _learn(self, ref: FunctionRef) -> _Target:
        """Look a reference up and keep what it means, unless something changed meanwhile."""
        changes = self._changes

        async def find(read: Reader) -> _Found:
            return await _find(ref, read)

        target = await self._build(ref, await self._store.read(find))
        if changes == self._changes:
            self._known.setdefault((ref.account, ref.region, ref.name), {})[ref.qualifier] = target
        return target

    def _throw(self, target: _Target) -> Resolved:
        """The version that serves this call."""
        thrown = self._ids.fraction() if target.others else 0.0
        for share, other in target.others:
            if thrown < share:
                return other
            thrown -= share
        return target.main

    async def _build(self, ref: FunctionRef, found: _Found) -> _Target:
        """The resolved versions, each with its package unpacked."""
        made = []
        for share, version in found.versions:
            folder = await self._code.unpack(version.code.sha256, self._blobs.path(version.code.blob))
            resolved = Resolved(
                spec=_spec(ref, found.head, version, folder),
                invoked_arn=full_arn(ref),
                reserved=found.reserved,
                policy=_policy(version, found.events),
            )
            made.append((share, resolved))
        return _Target(made[0][1], tuple(made[1:]))


async def _find(ref: FunctionRef, read: Reader) -> _Found:
    """Everything that is stored about a reference. ResourceNotFoundException, ResourceConflictException."""
    head = await state.function(read, ref)
    label = ref.qualifier or LATEST
    weights: dict[str, float] = {}
    events = await state.EVENT_CONFIGS.get(read, head.id, label)
    if label != LATEST and not is_version(label):
        alias = await state.ALIASES.get(read, head.id, label)
        if alias is None:
            raise errors.no_function(full_arn(ref))
        label, weights = alias.version, alias.weights
    versions = [(1.0, await state.version(read, head, ref, label))]
    for other, share in weights.items():
        versions.append((share, await state.version(read, head, ref, other)))
    for _, version in versions:
        if version.state == "Failed":
            raise errors.busy(full_arn(ref), "Failed")
    reserved = await state.RESERVED.get(read, ref.account, ref.region, ref.name)
    return _Found(head, versions, events, reserved)


def _spec(ref: FunctionRef, head: state.Function, version: state.Version, folder: Path) -> FunctionSpec:
    config = version.config
    return FunctionSpec(
        arn=arn(ref),
        account=ref.account,
        region=ref.region,
        name=ref.name,
        version=version.label,
        revision=f"{head.id:x}.{version.build:x}",
        runtime=config.runtime,
        handler=config.handler,
        code=folder,
        role=config.role,
        memory_mb=config.memory_mb,
        timeout_s=config.timeout_s,
        ephemeral_mb=config.ephemeral_mb,
        architecture=config.architecture,
        environment=dict(config.environment or {}),
        log_group=log_group(ref.name, config),
    )


def _policy(version: state.Version, events: state.EventConfig | None) -> EventPolicy:
    """AWS's defaults, the qualifier's event invoke configuration, the version's dead letter queue."""
    policy = EventPolicy(dead_letter=version.config.dead_letter)
    if events is None:
        return policy
    return EventPolicy(
        max_retries=policy.max_retries if events.max_retries is None else events.max_retries,
        max_age_s=policy.max_age_s if events.max_age_s is None else events.max_age_s,
        dead_letter=policy.dead_letter,
        on_success=events.on_success,
        on_failure=events.on_failure,
    )
