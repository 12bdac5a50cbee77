"""What the operations of all resources share: the room's parts, and the steps that begin and end every change."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from yobu.base.context import Context
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.downloads import Downloads
from yobu.services.lambda_.functions import StoredFunctions
from yobu.services.lambda_.jobs import Job, Jobs
from yobu.services.lambda_.model import errors, names, state
from yobu.services.lambda_.packages import Packages
from yobu.services.port import Parts, Room
from yobu.store.keys import after
from yobu.store.port import MAX_SCAN, Range, Tx


class LambdaRoom(Room):
    """The room without its operations."""

    services: ClassVar[tuple[str, ...]] = ("lambda",)
    constraint_code: ClassVar[str | None] = "ValidationException"
    checked_here: ClassVar[frozenset[str]] = frozenset({"Runtime"})

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.functions = StoredFunctions(parts.store, parts.code, parts.blobs, parts.ids)
        self.jobs = Jobs(parts, self.functions)
        self.packages = Packages(parts)
        self.downloads = Downloads(parts)

    async def start(self) -> None:
        """Tell the invoker what is reserved, and go on with what an earlier node left undone."""
        rest = state.RESERVED.range()
        while rows := await self.parts.store.scan(rest, MAX_SCAN):
            for key, value in rows:
                account, region, name = state.RESERVED.parts(key)
                self._reserve(FunctionRef(account, region, name), state.RESERVED.decode(value))
            rest = Range(after(rows[-1][0]), rest.end)
        self.jobs.start()

    async def stop(self) -> None:
        """End the jobs."""
        await self.jobs.stop()

    def reset(self) -> None:
        """Forget resolved functions and running jobs."""
        self.functions.reset()
        self.jobs.reset()

    def named(self, ctx: Context, params: dict[str, str], action: str) -> FunctionRef:
        """The function that `FunctionName` and `Qualifier` mean; only the caller's own account's."""
        ref = names.parse(ctx, params["FunctionName"], params.get("Qualifier"))
        return self.own(ctx, ref, action)

    def whole(self, ctx: Context, params: dict[str, str], action: str) -> FunctionRef:
        """The function that `FunctionName` means, without a qualifier."""
        return self.own(ctx, names.unqualified(ctx, params["FunctionName"]), action)

    def own(self, ctx: Context, ref: FunctionRef, action: str) -> FunctionRef:
        """Refuse another account's function: AccessDeniedException."""
        if ref.account != ctx.account:
            raise errors.denied(ctx.principal.arn, f"lambda:{action}", names.full_arn(ref))
        return ref

    def changed(self, tx: Tx, ref: FunctionRef) -> None:
        """After the commit, let the function be read again."""
        tx.after_commit(partial(self.functions.forget, ref))

    def activate(self, tx: Tx, ref: FunctionRef, head: state.Function, version: state.Version, now_ms: int) -> None:
        """After the commit, unpack the version's package and settle its state."""
        self.jobs.put(tx, now_ms, Job("activate", ref, head.id, version.number, version.build))

    def retire(self, tx: Tx, ref: FunctionRef, version: str | None = None) -> None:
        """After the commit, let the environments of the function (or of one version) end."""
        call: Callable[[], None] = partial(self.parts.fleet.retire, names.arn(ref), version)
        tx.after_commit(call)

    def _reserve(self, ref: FunctionRef, concurrency: int | None) -> None:
        self.parts.invoker.admission.reserve(ref.account, ref.region, names.arn(ref), concurrency)
