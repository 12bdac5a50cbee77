"""Operations on a function's tags.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
"""

from __future__ import annotations

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.model import errors, names, rules, state
from yobu.store.port import Tx


class Tags(Changes):
    """Tags lie in the function's head; they change no revision."""

    async def tag_resource(self, ctx: Context, params: Params) -> Params:
        """Add or replace tags. ResourceNotFoundException, InvalidParameterValueException for more than 50."""
        ref = self._tagged(ctx, params, "TagResource")

        async def tag(tx: Tx) -> None:
            head = await state.function(tx, ref)
            tags = rules.check_tags({**head.tags, **params["Tags"]})
            state.put_function(tx, ref, msgspec.structs.replace(head, tags=tags))

        await self.parts.store.write(tag)
        return {}

    async def untag_resource(self, ctx: Context, params: Params) -> Params:
        """Take tags away; keys that are not there are no error. ResourceNotFoundException."""
        ref = self._tagged(ctx, params, "UntagResource")
        gone = frozenset(params["TagKeys"])

        async def untag(tx: Tx) -> None:
            head = await state.function(tx, ref)
            tags = {key: value for key, value in head.tags.items() if key not in gone}
            state.put_function(tx, ref, msgspec.structs.replace(head, tags=tags))

        await self.parts.store.write(untag)
        return {}

    async def list_tags(self, ctx: Context, params: Params) -> Params:
        """The tags. ResourceNotFoundException."""
        ref = self._tagged(ctx, params, "ListTags")
        return {"Tags": dict((await state.function(self.parts.store, ref)).tags)}

    def _tagged(self, ctx: Context, params: Params, action: str) -> FunctionRef:
        """The function of the ARN. Versions and aliases have no tags; nothing else that could have some exists."""
        if ":function:" not in params["Resource"]:
            raise errors.not_found("The resource you requested does not exist.")
        ref = names.parse(ctx, params["Resource"])
        if ref.qualifier is not None:
            raise errors.invalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return self.own(ctx, ref, action)
