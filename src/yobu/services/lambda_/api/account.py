"""The account's limits and usage, and questions whose honest answer here is always the same.

https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
"""

from __future__ import annotations

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.api.concurrency import reserved
from yobu.services.lambda_.model import names, rules, state
from yobu.services.port import not_built
from yobu.store.port import Reader


class Account(Changes):
    """What concerns no single function's state."""

    async def get_account_settings(self, ctx: Context, params: Params) -> Params:
        """Limits and usage of the account in the region. Sizes in bytes."""
        limit = self.parts.settings.concurrency

        async def read(view: Reader) -> Params:
            usage = await state.USAGE.get(view, ctx.account, ctx.region) or state.Usage()
            return {
                "AccountLimit": {
                    "TotalCodeSize": rules.STORAGE_BYTES,
                    "CodeSizeUnzipped": rules.UNZIPPED_BYTES,
                    "CodeSizeZipped": rules.ZIP_BYTES,
                    "ConcurrentExecutions": limit,
                    "UnreservedConcurrentExecutions": limit - await reserved(view, ctx.account, ctx.region),
                },
                "AccountUsage": {"TotalCodeSize": usage.code_bytes, "FunctionCount": usage.functions},
            }

        return await self.parts.store.read(read)

    async def get_function_code_signing_config(self, ctx: Context, params: Params) -> Params:
        """Empty, as for every function without one: there is no code signing here. ResourceNotFoundException."""
        ref = self.whole(ctx, params, "GetFunctionCodeSigningConfig")
        await state.function(self.parts.store, ref)
        return {}

    async def get_runtime_management_config(self, ctx: Context, params: Params) -> Params:
        """`Auto`: a function always runs on the best interpreter of this host. ResourceNotFoundException."""
        ref = self.named(ctx, params, "GetRuntimeManagementConfig")

        async def read(view: Reader) -> None:
            await state.qualified(view, await state.function(view, ref), ref)

        await self.parts.store.read(read)
        return {"UpdateRuntimeOn": "Auto", "FunctionArn": names.arn(ref, ref.qualifier or names.LATEST)}

    async def get_function_recursion_config(self, ctx: Context, params: Params) -> Params:
        """`Allow`, since no loops are detected here (AWS's default is `Terminate`). ResourceNotFoundException."""
        ref = self.whole(ctx, params, "GetFunctionRecursionConfig")
        await state.function(self.parts.store, ref)
        return {"RecursiveLoop": "Allow"}

    async def put_function_recursion_config(self, ctx: Context, params: Params) -> Params:
        """`Allow` is what is done anyway; `Terminate` is refused. ResourceNotFoundException."""
        ref = self.whole(ctx, params, "PutFunctionRecursionConfig")
        await state.function(self.parts.store, ref)
        if params["RecursiveLoop"] != "Allow":
            raise not_built("recursive loop detection (RecursiveLoop Terminate)")
        return {"RecursiveLoop": "Allow"}

    async def list_event_source_mappings(self, ctx: Context, params: Params) -> Params:
        """None: no operation here makes one yet."""
        return {"EventSourceMappings": []}
