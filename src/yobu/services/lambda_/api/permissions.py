"""Operations on resource policies: who else may invoke a function.

https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
"""

from __future__ import annotations

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.changes import Changes
from yobu.services.lambda_.model import errors, names, policy, state
from yobu.services.lambda_.model.names import LATEST
from yobu.store.port import Reader, Tx


class Permissions(Changes):
    """Policies of functions, versions and aliases. Their RevisionId is that of what they belong to, as on AWS."""

    async def add_permission(self, ctx: Context, params: Params) -> Params:
        """A new statement. ResourceConflictException for a used Sid, PreconditionFailedException."""
        ref = self.named(ctx, params, "AddPermission")
        if ref.qualifier == LATEST:
            raise errors.invalid("We currently do not support adding policies for $LATEST.")
        statement = policy.text(policy.statement(params, names.full_arn(ref)))
        unmet = [member for member in policy.UNMET if params.get(member) is not None]
        if unmet:
            ctx.warn(
                f"AddPermission: no caller here has what {', '.join(unmet)} asks for: the statement lets nobody in"
            )
        revision = self.parts.ids.uuid()

        async def add(tx: Tx) -> None:
            head = await state.function(tx, FunctionRef(ref.account, ref.region, ref.name))
            if params.get("RevisionId") not in (None, await _revision(tx, head, ref)):
                raise errors.stale("GetPolicy")
            rules = await _policy(tx, head, ref) or state.Policy()
            if params["StatementId"] in rules.statements:
                raise errors.conflict(
                    f"The statement id ({params['StatementId']}) provided already exists. "
                    "Please provide a new statement id, or remove the existing statement."
                )
            rules = state.Policy({**rules.statements, params["StatementId"]: statement})
            if len(policy.document(rules.statements.values()).encode()) > policy.MAX_BYTES:
                message = f"The final policy size is bigger than the limit ({policy.MAX_BYTES})."
                raise AwsError("PolicyLengthExceededException", message, 400, members={"Type": "User"})
            state.POLICIES.put(tx, (head.id, ref.qualifier or ""), rules)
            await self._revise(tx, head, ref, revision)

        await self.parts.store.write(add)
        return {"Statement": statement}

    async def remove_permission(self, ctx: Context, params: Params) -> Params:
        """Take a statement away. ResourceNotFoundException, PreconditionFailedException."""
        ref = self.named(ctx, params, "RemovePermission")
        revision = self.parts.ids.uuid()

        async def remove(tx: Tx) -> None:
            head = await state.FUNCTIONS.get(tx, ref.account, ref.region, ref.name)
            if head is None:
                raise errors.not_found(f"No policy found for: {names.full_arn(ref)}")
            latest = await _revision(tx, head, ref)
            rules = await _policy(tx, head, ref)
            if rules is None:
                raise errors.not_found("No policy is associated with the given resource.")
            if params["StatementId"] not in rules.statements:
                raise errors.not_found(f"Statement {params['StatementId']} is not found in resource policy.")
            if params.get("RevisionId") not in (None, latest):
                raise errors.stale("GetPolicy")
            left = {sid: made for sid, made in rules.statements.items() if sid != params["StatementId"]}
            if left:
                state.POLICIES.put(tx, (head.id, ref.qualifier or ""), state.Policy(left))
            else:
                state.POLICIES.delete(tx, head.id, ref.qualifier or "")
            await self._revise(tx, head, ref, revision)

        await self.parts.store.write(remove)
        return {}

    async def get_policy(self, ctx: Context, params: Params) -> Params:
        """The policy as JSON text. ResourceNotFoundException where there is none."""
        ref = self.named(ctx, params, "GetPolicy")

        async def read(view: Reader) -> Params:
            head = await state.function(view, FunctionRef(ref.account, ref.region, ref.name))
            rules = await _policy(view, head, ref)
            if rules is None:
                raise errors.not_found("The resource you requested does not exist.")
            return {
                "Policy": policy.document(rules.statements.values()),
                "RevisionId": await _revision(view, head, ref),
            }

        return await self.parts.store.read(read)

    async def _revise(self, tx: Tx, head: state.Function, ref: FunctionRef, revision: str) -> None:
        """A change of the policy is a new revision of what it belongs to."""
        owner = await _owner(tx, head, ref)
        if isinstance(owner, state.Alias):
            state.ALIASES.put(tx, (head.id, owner.name), msgspec.structs.replace(owner, revision=revision))
        else:
            state.put_version(tx, ref, head, msgspec.structs.replace(owner, revision=revision))
        self.changed(tx, ref)


async def _owner(read: Reader, head: state.Function, ref: FunctionRef) -> state.Version | state.Alias:
    """What the qualifier names. ResourceNotFoundException, worded for an alias where it could be one."""
    label = ref.qualifier
    if label is None or label == LATEST or names.is_version(label):
        return await state.version(read, head, ref, label)
    alias = await state.ALIASES.get(read, head.id, label)
    if alias is None:
        raise errors.no_function(names.full_arn(ref)) if "$" in label else errors.no_alias(names.full_arn(ref))
    return alias


async def _revision(read: Reader, head: state.Function, ref: FunctionRef) -> str:
    return (await _owner(read, head, ref)).revision


async def _policy(read: Reader, head: state.Function, ref: FunctionRef) -> state.Policy | None:
    return await state.POLICIES.get(read, head.id, ref.qualifier or "")
