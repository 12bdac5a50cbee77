"""Operations on functions: create, get, configure, delete, list.

https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html
"""

from __future__ import annotations

from functools import partial

from yobu.aws.http import Answer, Params
from yobu.base.context import Context
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.changes import LOOK_S, Changes, count
from yobu.services.lambda_.jobs import Job
from yobu.services.lambda_.model import errors, names, paging, rules, shapes, state
from yobu.services.lambda_.model.names import LATEST
from yobu.store.keys import after
from yobu.store.port import Range, Reader, Tx


class FunctionRecords(Changes):
    """Functions as records; their code is in code.py, their versions in versions.py."""

    async def create_function(self, ctx: Context, params: Params) -> Params:
        """A new function, Pending until its package is unpacked.

        InvalidParameterValueException, ResourceConflictException, CodeStorageExceededException. The role must be
        well-formed, it need not exist.
        """
        ref = self.whole(ctx, params, "CreateFunction")
        if len(ref.name) > 64:
            raise errors.invalid(
                f"1 validation error detected: Value '{ref.name}' at 'functionName' failed to satisfy constraint: "
                "Member must have length less than or equal to 64"
            )
        rules.refuse_not_built(params)
        config = rules.new_config(params)
        rules.warn(ctx, config, params, self.parts.fleet)
        tags = rules.check_tags(params.get("Tags") or {})
        if await state.FUNCTIONS.get(self.parts.store, ref.account, ref.region, ref.name) is not None:
            raise errors.exists(ref.name)
        code = await self.packages.take(ctx, params["Code"], "CreateFunction")
        moment, published = self.moment(), self.moment()

        async def create(tx: Tx) -> state.Version:
            if await state.FUNCTIONS.get(tx, ref.account, ref.region, ref.name) is not None:
                raise errors.exists(ref.name)
            await self.check_dead_letter(tx, ref, config, params)
            latest = state.Version(0, config, code, tx.stamp(), moment.revision, moment.now_ms)
            head = state.Function(tx.stamp(), ref.name, latest, tags=tags, stored=code.size)
            await self.packages.keep(tx, head.id, code)
            await count(tx, ref, 1, code.size)
            state.put_function(tx, ref, head)
            self.activate(tx, ref, head, latest, moment.now_ms)
            self.changed(tx, ref)
            if not params.get("Publish"):
                return latest
            return await self.publish(tx, ref, head, None, published)

        made = await self.packages.commit(code, create)
        # Whether or not a version was published, AWS shows the unqualified ARN here.
        return shapes.configuration(ref, made, None)

    async def get_function(self, ctx: Context, params: Params) -> Params:
        """Configuration, where to fetch the package, tags and reserved concurrency. ResourceNotFoundException."""
        ref = self.named(ctx, params, "GetFunction")
        await self.jobs.settled(ref, LOOK_S)

        async def read(view: Reader) -> Params:
            head = await state.function(view, ref)
            version = await state.qualified(view, head, ref)
            answer: Params = {
                "Configuration": shapes.configuration(ref, version, ref.qualifier),
                "Code": {"RepositoryType": "S3", "Location": self.downloads.location(ctx, version.code)},
            }
            if head.tags:
                answer["Tags"] = dict(head.tags)
            reserved = await state.RESERVED.get(view, ref.account, ref.region, ref.name)
            if reserved is not None:
                answer["Concurrency"] = {"ReservedConcurrentExecutions": reserved}
            return answer

        return await self.parts.store.read(read)

    async def get_function_configuration(self, ctx: Context, params: Params) -> Params:
        """The configuration of `$LATEST`, of a version, or of an alias's main version. ResourceNotFoundException."""
        ref = self.named(ctx, params, "GetFunctionConfiguration")
        await self.jobs.settled(ref, LOOK_S)

        async def read(view: Reader) -> Params:
            head = await state.function(view, ref)
            return shapes.configuration(ref, await state.qualified(view, head, ref), ref.qualifier)

        return await self.parts.store.read(read)

    async def update_function_configuration(self, ctx: Context, params: Params) -> Params:
        """Change `$LATEST`'s settings. ResourceNotFoundException, PreconditionFailedException, and rules.py's."""
        ref = self.whole(ctx, params, "UpdateFunctionConfiguration")
        rules.refuse_not_built(params)
        await self.ready(ref)
        current = await state.function(self.parts.store, ref)
        rules.warn(ctx, rules.changed_config(current.latest.config, params), params, self.parts.fleet)
        moment = self.moment()

        async def update(tx: Tx) -> state.Version:
            head = await self.free(tx, ref, params.get("RevisionId"))
            config = rules.changed_config(head.latest.config, params)
            await self.check_dead_letter(tx, ref, config, params)
            return self.renew(tx, ref, head, (config, head.latest.code), moment).latest

        return shapes.configuration(ref, await self.parts.store.write(update), None)

    async def delete_function(self, ctx: Context, params: Params) -> Answer:
        """Delete a function with all that belongs to it, or (with a number as Qualifier) one version of it.

        ResourceNotFoundException, ResourceConflictException where an alias uses the version. A version that does
        not exist is no error.
        """
        ref = self.named(ctx, params, "DeleteFunction")
        if ref.qualifier is not None:
            await self._delete_version(ref, ref.qualifier)
            return Answer({"StatusCode": 204}, 204)
        now_ms = self.parts.clock.now_ms()

        async def delete(tx: Tx) -> None:
            head = await state.function(tx, ref)
            state.FUNCTIONS.delete(tx, ref.account, ref.region, ref.name)
            state.RESERVED.delete(tx, ref.account, ref.region, ref.name)
            await count(tx, ref, -1, -head.stored)
            self.jobs.put(tx, now_ms, Job("sweep", ref, head.id))
            self.changed(tx, ref)
            self.retire(tx, ref)
            tx.after_commit(partial(self._reserve, ref, None))
            tx.wake(state.topic(ref))

        await self.parts.store.write(delete)
        return Answer({"StatusCode": 204}, 204)

    async def _delete_version(self, ref: FunctionRef, qualifier: str) -> None:
        if qualifier == LATEST:
            raise errors.invalid("$LATEST version cannot be deleted without deleting the function.")
        if not names.is_version(qualifier):
            raise errors.invalid("Deletion of aliases is not currently supported.")
        whole = FunctionRef(ref.account, ref.region, ref.name)

        async def delete(tx: Tx) -> None:
            await self.drop_version(tx, whole, int(qualifier))

        await self.parts.store.write(delete)

    async def list_functions(self, ctx: Context, params: Params) -> Params:
        """Functions by name, 50 a page; with FunctionVersion ALL every version of each, `$LATEST` first."""
        if params.get("MasterRegion") not in (None, "ALL", ctx.region):
            return {"Functions": []}
        every = params.get("FunctionVersion") == "ALL"
        begin = paging.after(params, (str, int))
        limit = paging.limit(params)

        async def read(view: Reader) -> list[tuple[str, state.Version]]:
            return await _list(view, FunctionRef(ctx.account, ctx.region, ""), begin, limit + 1, every)

        rows = await self.parts.store.read(read)
        answer: Params = {
            "Functions": [
                shapes.listed(FunctionRef(ctx.account, ctx.region, name), version, version.label if every else None)
                for name, version in rows[:limit]
            ]
        }
        if len(rows) > limit:
            name, version = rows[limit - 1]
            answer["NextMarker"] = paging.marker((name, version.number))
        return answer


async def _list(
    view: Reader, ref: FunctionRef, begin: tuple[str, int] | None, wanted: int, every: bool
) -> list[tuple[str, state.Version]]:
    """At most `wanted` (name, version) of an account and region behind `begin`: heads, or `every` version."""
    rows: list[tuple[str, state.Version]] = []
    rest = state.FUNCTIONS.range(ref.account, ref.region)
    if begin is not None:
        rest = Range(state.FUNCTIONS.key(ref.account, ref.region, begin[0]), rest.end)
    while True:
        heads = await state.FUNCTIONS.scan(view, rest, wanted)
        for _, head in heads:
            shown = begin[1] if begin is not None and begin[0] == head.name else -1
            if shown < 0:
                rows.append((head.name, head.latest))
            if every and head.newest:
                numbers = state.VERSIONS.range(head.id)
                numbers = Range(state.VERSIONS.key(head.id, max(shown, 0) + 1), numbers.end)
                found = await state.VERSIONS.scan(view, numbers, wanted)
                rows.extend((head.name, version) for _, version in found)
            if len(rows) >= wanted:
                return rows[:wanted]
        if len(heads) < wanted:
            return rows
        rest = Range(after(state.FUNCTIONS.key(*heads[-1][0])), rest.end)
