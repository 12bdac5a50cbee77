"""UpdateFunctionCode: a new package for `$LATEST`.

https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
"""

from __future__ import annotations

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.changes import Changes, Moment, count
from yobu.services.lambda_.model import rules, shapes, state
from yobu.store.port import Tx


class CodeUpdates(Changes):
    """The code of functions that exist."""

    async def update_function_code(self, ctx: Context, params: Params) -> Params:
        """Give `$LATEST` another package; with Publish a new version of it, with DryRun only look.

        ResourceNotFoundException, PreconditionFailedException, CodeStorageExceededException, and those of a package.
        """
        ref = self.whole(ctx, params, "UpdateFunctionCode")
        rules.refuse_not_built(params)
        await self.ready(ref)
        current = await state.function(self.parts.store, ref)
        rules.warn(ctx, rules.changed_config(current.latest.config, _architectures(params)), params, self.parts.fleet)
        code = await self.packages.take(ctx, params, "UpdateFunctionCode")
        moments = (self.moment(), self.moment())

        async def update(tx: Tx) -> tuple[state.Version, bool]:
            head = await self.free(tx, ref, params.get("RevisionId"))
            used = head.latest.code if head.latest.code.sha256 == code.sha256 else code
            config = rules.changed_config(head.latest.config, _architectures(params))
            if params.get("DryRun"):
                return msgspec.structs.replace(head.latest, config=config, code=used), False
            version = await self._replace(tx, ref, head, (config, used), moments[0])
            if params.get("Publish"):
                head = await state.function(tx, ref)
                version = await self.publish(tx, ref, head, None, moments[1])
            return version, used is code

        version, used = await self.packages.commit(code, update)
        if not used:
            await self.packages.discard(code)
        return shapes.configuration(ref, version, version.label if version.number else None)

    async def _replace(
        self, tx: Tx, ref: FunctionRef, head: state.Function, changed: tuple[state.Config, state.Code], moment: Moment
    ) -> state.Version:
        """`$LATEST` with other code: the old package is let go where no version uses it any more."""
        before, now = head.latest.code, changed[1]
        if now.blob != before.blob:
            await self.packages.keep(tx, head.id, now)
            await self.packages.release(tx, head.id, before)
            await count(tx, ref, 0, now.size - before.size)
            head = msgspec.structs.replace(head, stored=head.stored + now.size - before.size)
        return self.renew(tx, ref, head, changed, moment).latest


def _architectures(params: Params) -> Params:
    """The one setting that comes with the code."""
    return {"Architectures": params["Architectures"]} if params.get("Architectures") else {}
