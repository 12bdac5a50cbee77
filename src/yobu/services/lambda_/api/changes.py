"""The steps that several operations take inside their transactions: check, renew, publish, count.

In: a transaction and frozen values. Out: the records as they are now. Nothing here waits for anything but `tx`.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from yobu.aws.http import Params
from yobu.invoke.values import FunctionRef
from yobu.services.lambda_.api.room import LambdaRoom
from yobu.services.lambda_.model import errors, names, rules, state
from yobu.store.port import Tx

WAIT_S = 10.0
"""How long a change waits for an earlier one of the same function, in real seconds."""

LOOK_S = 1.0
"""How long a question waits for a change that is under way: a client's waiter need not ask twice."""


class Moment(NamedTuple):
    """What a transaction cannot make itself: the time (platform, ms) and a new RevisionId."""

    now_ms: int
    revision: str


class Changes(LambdaRoom):
    """The room with the steps of its changes."""

    def moment(self) -> Moment:
        """Now, with a new RevisionId."""
        return Moment(self.parts.clock.now_ms(), self.parts.ids.uuid())

    async def ready(self, ref: FunctionRef) -> None:
        """Wait for an earlier change; AWS refuses at once. ResourceConflictException after 10 s."""
        obstacle = await self.jobs.settled(ref, WAIT_S)
        if obstacle is not None:
            raise errors.busy(names.arn(ref), obstacle)

    async def free(self, tx: Tx, ref: FunctionRef, revision: str | None = None) -> state.Function:
        """The function's head, if no other change of it is under way and `revision` (where given) is the latest."""
        head = await state.function(tx, ref)
        obstacle = head.latest.obstacle
        if obstacle is not None and obstacle != "Failed":
            raise errors.busy(names.arn(ref), obstacle)
        if revision is not None and revision != head.latest.revision:
            raise errors.stale()
        return head

    async def check_dead_letter(self, tx: Tx, ref: FunctionRef, config: state.Config, params: Params) -> None:
        """Refuse a dead letter target that is no queue or topic, or that is not there."""
        target = config.dead_letter
        if target is None or not params.get("DeadLetterConfig"):
            return
        if target.split(":")[2:3] not in (["sqs"], ["sns"]):
            raise errors.invalid(f"Invalid dead letter ARN: {target}. It must be of an SQS queue or an SNS topic.")
        reason = await self.refusal(tx, ref, target)
        if reason is not None:
            raise errors.invalid(f"The dead letter target ARN {target} is invalid: {reason}")

    async def refusal(self, tx: Tx, ref: FunctionRef, target: str) -> str | None:
        """Why the function cannot send to the ARN `target`, or None."""
        return await self.parts.deliveries.check(tx, target, names.arn(ref), "lambda.amazonaws.com", ref.account)

    def renew(
        self, tx: Tx, ref: FunctionRef, head: state.Function, changed: tuple[state.Config, state.Code], moment: Moment
    ) -> state.Function:
        """`$LATEST` with new configuration and code, its update under way; its old environments end."""
        latest = msgspec.structs.replace(
            head.latest,
            config=changed[0],
            code=changed[1],
            build=tx.stamp(),
            revision=moment.revision,
            modified_ms=moment.now_ms,
            update="InProgress",
            update_reason=state.CREATING,
            update_code="Creating",
        )
        if head.latest.state == "Failed":
            latest = msgspec.structs.replace(latest, state="Pending", reason=state.CREATING, reason_code="Creating")
        head = state.put_version(tx, ref, head, latest)
        self.activate(tx, ref, head, latest, moment.now_ms)
        self.retire(tx, ref, names.LATEST)
        self.changed(tx, ref)
        return head

    async def publish(
        self, tx: Tx, ref: FunctionRef, head: state.Function, description: str | None, moment: Moment
    ) -> state.Version:
        """A new version of `$LATEST` as it is, or the newest one where nothing changed since it was published."""
        print_now = state.fingerprint(head.latest)
        if head.newest and head.print == print_now:
            return await state.version(tx, head, ref, str(head.newest))
        config = head.latest.config
        if description is not None:
            config = msgspec.structs.replace(config, description=description)
        version = msgspec.structs.replace(
            head.latest, number=head.published + 1, config=config, revision=moment.revision, modified_ms=moment.now_ms
        )
        if version.update == "InProgress":
            # The update is $LATEST's; the version itself is new, and becomes active with the same package.
            version = msgspec.structs.replace(
                version, state="Pending", reason=state.CREATING, reason_code="Creating", update=None,
                update_reason=None, update_code=None,
            )  # fmt: skip
        await self.packages.keep(tx, head.id, version.code)
        await count(tx, ref, 0, version.code.size)
        state.VERSIONS.put(tx, (head.id, version.number), version)
        head = msgspec.structs.replace(
            head,
            published=version.number,
            newest=version.number,
            print=print_now,
            stored=head.stored + version.code.size,
        )
        state.put_function(tx, ref, head)
        if version.obstacle is not None:
            self.activate(tx, ref, head, version, moment.now_ms)
        self.changed(tx, ref)
        return version

    async def drop_version(self, tx: Tx, ref: FunctionRef, number: int) -> None:
        """Delete one published version, with its policy and event configuration. None is no error.

        ResourceConflictException where an alias uses it.
        """
        head = await state.function(tx, ref)
        version = await state.VERSIONS.get(tx, head.id, number)
        if version is None:
            return
        users = [
            alias.name
            for _, alias in await state.ALIASES.scan(tx, state.ALIASES.range(head.id))
            if alias.version == version.label or version.label in alias.weights
        ]
        if users:
            raise errors.conflict(
                f"Unable to delete version because the following aliases reference it: [{', '.join(users)}]"
            )
        state.VERSIONS.delete(tx, head.id, number)
        state.POLICIES.delete(tx, head.id, version.label)
        state.EVENT_CONFIGS.delete(tx, head.id, version.label)
        await self.packages.release(tx, head.id, version.code)
        await count(tx, ref, 0, -version.code.size)
        newest = head.newest
        if newest == number:
            before = await state.VERSIONS.scan(tx, state.VERSIONS.range(head.id), 1, reverse=True)
            newest = before[0][1].number if before else 0
        state.put_function(
            tx,
            ref,
            msgspec.structs.replace(
                head,
                newest=newest,
                print=head.print if newest == head.newest else b"",
                stored=head.stored - version.code.size,
            ),
        )
        self.changed(tx, ref)
        self.retire(tx, ref, version.label)


async def count(tx: Tx, ref: FunctionRef, functions: int, code_bytes: int) -> None:
    """Keep the account's usage. CodeStorageExceededException where more code comes than the account may hold."""
    usage = await state.USAGE.get(tx, ref.account, ref.region) or state.Usage()
    usage = state.Usage(usage.functions + functions, usage.code_bytes + code_bytes)
    if code_bytes > 0 and usage.code_bytes > rules.STORAGE_BYTES:
        raise errors.storage_full()
    state.USAGE.put(tx, (ref.account, ref.region), usage)
