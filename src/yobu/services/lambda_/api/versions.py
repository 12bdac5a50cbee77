"""Operations on versions: publish, list.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
"""

from __future__ import annotations

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.model import errors, names, paging, shapes, state
from yobu.store.port import Range, Reader, Tx


class Versions(Changes):
    """Published versions. One is deleted by DeleteFunction with a Qualifier."""

    async def publish_version(self, ctx: Context, params: Params) -> Params:
        """A version of `$LATEST` as it is now; the newest one again where nothing changed since.

        InvalidParameterValueException for another CodeSha256, PreconditionFailedException for another RevisionId.
        """
        ref = self.whole(ctx, params, "PublishVersion")
        await self.ready(ref)
        moment = self.moment()

        async def publish(tx: Tx) -> state.Version:
            head = await self.free(tx, ref, params.get("RevisionId"))
            if head.latest.state == "Failed":
                raise errors.busy(names.arn(ref), "Failed")
            wanted = params.get("CodeSha256")
            latest = shapes.listed(ref, head.latest, None)["CodeSha256"]
            if wanted and wanted != latest:
                raise errors.invalid(
                    f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST ({latest}). "
                    "Please try again with the CodeSHA256 in $LATEST."
                )
            return await self.publish(tx, ref, head, params.get("Description") or None, moment)

        version = await self.parts.store.write(publish)
        return shapes.configuration(ref, version, version.label)

    async def list_versions_by_function(self, ctx: Context, params: Params) -> Params:
        """`$LATEST` first, then by number, 50 a page. ResourceNotFoundException."""
        ref = self.whole(ctx, params, "ListVersionsByFunction")
        begin = paging.after(params, (int,))
        limit = paging.limit(params)

        async def read(view: Reader) -> list[state.Version]:
            head = await state.function(view, ref)
            first = 0 if begin is None else begin[0] + 1
            rest = Range(state.VERSIONS.key(head.id, max(first, 1)), state.VERSIONS.range(head.id).end)
            found = [version for _, version in await state.VERSIONS.scan(view, rest, limit + 1)]
            return [head.latest, *found] if first == 0 else found

        versions = await self.parts.store.read(read)
        shown = versions[:limit]
        answer: Params = {"Versions": [shapes.listed(ref, version, version.label) for version in shown]}
        if len(versions) > limit:
            answer["NextMarker"] = paging.marker((shown[-1].number,))
        return answer
