"""Operations on reserved concurrency. The invoker is told of each reservation after its commit.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from functools import partial

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.model import errors, state
from yobu.services.lambda_.model.names import LATEST
from yobu.store.keys import after
from yobu.store.port import MAX_SCAN, Range, Reader, Tx

UNRESERVED_MINIMUM = 100


class Concurrency(Changes):
    """What is set aside for functions."""

    async def put_function_concurrency(self, ctx: Context, params: Params) -> Params:
        """Reserve. InvalidParameterValueException where fewer than 100 would stay for all other functions."""
        ref = self.whole(ctx, params, "PutFunctionConcurrency")
        wanted = int(params["ReservedConcurrentExecutions"])
        limit = self.parts.settings.concurrency

        async def put(tx: Tx) -> None:
            # AWS names the version in this operation's refusal.
            await state.function(tx, FunctionRef(ref.account, ref.region, ref.name, LATEST))
            before = await state.RESERVED.get(tx, ref.account, ref.region, ref.name) or 0
            others = await reserved(tx, ref.account, ref.region) - before
            if limit - others - wanted < UNRESERVED_MINIMUM:
                raise errors.invalid(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    f"UnreservedConcurrentExecution below its minimum value of [{UNRESERVED_MINIMUM}]."
                )
            state.RESERVED.put(tx, (ref.account, ref.region, ref.name), wanted)
            self.changed(tx, ref)
            tx.after_commit(partial(self._reserve, ref, wanted))

        await self.parts.store.write(put)
        return {"ReservedConcurrentExecutions": wanted}

    async def get_function_concurrency(self, ctx: Context, params: Params) -> Params:
        """What is reserved; empty where nothing is."""
        ref = self.whole(ctx, params, "GetFunctionConcurrency")

        async def read(view: Reader) -> int | None:
            await state.function(view, ref)
            return await state.RESERVED.get(view, ref.account, ref.region, ref.name)

        value = await self.parts.store.read(read)
        return {} if value is None else {"ReservedConcurrentExecutions": value}

    async def delete_function_concurrency(self, ctx: Context, params: Params) -> Params:
        """Reserve nothing any more."""
        ref = self.whole(ctx, params, "DeleteFunctionConcurrency")

        async def delete(tx: Tx) -> None:
            await state.function(tx, ref)
            state.RESERVED.delete(tx, ref.account, ref.region, ref.name)
            self.changed(tx, ref)
            tx.after_commit(partial(self._reserve, ref, None))

        await self.parts.store.write(delete)
        return {}


async def reserved(read: Reader, account: str, region: str) -> int:
    """All reservations of an account and region together."""
    total = 0
    rest = state.RESERVED.range(account, region)
    while rows := await read.scan(rest, MAX_SCAN):
        total += sum(state.RESERVED.decode(value) for _, value in rows)
        rest = Range(after(rows[-1][0]), rest.end)
    return total
