"""CloudWatch Logs: groups, streams, writing and reading events.

Events of a stream come back in the order of their arrival, which for a function's output is the order of time.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec.structs import replace

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.services.logs.model import (
    DAY_MS,
    DELETED,
    EVENT_OVERHEAD,
    GROUPS,
    MAX_BATCH_BYTES,
    MAX_EVENT_BYTES,
    NEWEST_MS,
    OLDEST_MS,
    RETENTIONS,
    STREAMS,
    Event,
    Group,
    Stream,
    group_exists,
    group_name,
    invalid,
    lines_of,
    no_such_group,
    no_such_stream,
    stream_exists,
)
from yobu.services.logs.reading import Reading
from yobu.services.logs.retention import Retention, Sweep
from yobu.services.port import Parts, not_built
from yobu.store.port import Range, Reader, Tx


class Api(Reading):
    """Groups, streams and writing; reading.py reads."""

    services: ClassVar[tuple[str, ...]] = ("logs",)
    constraint_code: ClassVar[str | None] = "InvalidParameterException"

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        self.retention = Retention(parts.store, parts.packed, parts.clock)

    async def start(self) -> None:
        """Begin to delete what has expired."""
        self.retention.start()

    async def stop(self) -> None:
        """End that."""
        await self.retention.stop()

    def reset(self) -> None:
        """The store has just been emptied."""
        self.retention.reset()

    async def create_log_group(self, ctx: Context, params: Params) -> Params:
        """A new group. ResourceAlreadyExistsException."""
        place = (ctx.account, ctx.region, params["logGroupName"])
        for name in ("kmsKeyId", "logGroupClass"):
            if params.get(name) not in (None, "STANDARD"):
                ctx.warn(f"CreateLogGroup: {name} has no effect")
        if params.get("deletionProtectionEnabled"):
            raise not_built("deletion protection of log groups (deletionProtectionEnabled)")
        group = Group(self.parts.clock.now_ms(), tags=dict(params.get("tags") or {}))

        async def create(tx: Tx) -> None:
            if await GROUPS.get(tx, *place) is not None:
                raise group_exists()
            GROUPS.put(tx, place, group)

        await self.parts.store.write(create)
        return {}

    async def delete_log_group(self, ctx: Context, params: Params) -> Params:
        """Remove a group with its streams and lines."""
        place = (ctx.account, ctx.region, params["logGroupName"])

        async def delete(tx: Tx) -> bool:
            await _group(tx, *place)
            rows = await STREAMS.scan(tx, STREAMS.range(*place))
            for key, _ in rows:
                STREAMS.delete(tx, *key)
            if len(rows) == 1000:
                return True
            GROUPS.delete(tx, *place)
            tx.wake(DELETED)
            return False

        while await self.parts.store.write(delete):
            pass
        await self.parts.packed.drop(lines_of(*place))
        return {}

    async def describe_log_groups(self, ctx: Context, params: Params) -> Params:
        """Groups by name: those below logGroupNamePrefix, with logGroupNamePattern in their name, or named."""
        if "logGroupNamePrefix" in params and "logGroupNamePattern" in params:
            raise invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
        if params.get("includeLinkedAccounts") or set(params.get("accountIdentifiers", ())) - {ctx.account}:
            raise not_built("log groups of linked accounts")
        if params.get("logGroupClass", "STANDARD") != "STANDARD":
            return {"logGroups": []}
        where, limit = (ctx.account, ctx.region), params.get("limit", 50)
        pattern = params.get("logGroupNamePattern", "").lower()
        named = {group_name(text) for text in params.get("logGroupIdentifiers", ())}
        span = GROUPS.starting(*where, params.get("logGroupNamePrefix", ""))
        if "nextToken" in params:
            span = Range(GROUPS.key(*where, params["nextToken"]) + b"\x00", span.end)
        found: list[Params] = []
        while True:
            rows = await GROUPS.scan(self.parts.store, span)
            for key, group in rows:
                if pattern in key[2].lower() and (not named or key[2] in named):
                    if len(found) == limit:
                        return {"logGroups": found, "nextToken": found[-1]["logGroupName"]}
                    found.append(_describe(ctx, key[2], group))
            if len(rows) < 1000:
                return {"logGroups": found}
            span = Range(GROUPS.key(*rows[-1][0]) + b"\x00", span.end)

    async def put_retention_policy(self, ctx: Context, params: Params) -> Params:
        """Set how many days lines are kept; older ones go within the hour."""
        days = params["retentionInDays"]
        if days not in RETENTIONS:
            raise invalid(
                f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
                f"Member must satisfy enum value set: {list(RETENTIONS)}"
            )
        place, now_ms = (ctx.account, ctx.region, params["logGroupName"]), self.parts.clock.now_ms()

        async def put(tx: Tx) -> None:
            group = replace(await _group(tx, *place), retention_days=days, policy=tx.stamp())
            GROUPS.put(tx, place, group)
            self.retention.put(tx, Sweep(*place, group.policy), now_ms)

        await self.parts.store.write(put)
        return {}

    async def delete_retention_policy(self, ctx: Context, params: Params) -> Params:
        """Keep lines for ever."""
        await self._change(ctx, params["logGroupName"], retention_days=None, policy=0)
        return {}

    async def list_tags_for_resource(self, ctx: Context, params: Params) -> Params:
        """Tags of a group, by its ARN."""
        group = await _group(self.parts.store, ctx.account, ctx.region, group_name(params["resourceArn"]))
        return {"tags": group.tags}

    async def tag_resource(self, ctx: Context, params: Params) -> Params:
        """Set tags of a group, by its ARN."""
        await self._tag(ctx, group_name(params["resourceArn"]), params["tags"])
        return {}

    async def untag_resource(self, ctx: Context, params: Params) -> Params:
        """Remove tags of a group, by its ARN."""
        await self._untag(ctx, group_name(params["resourceArn"]), params["tagKeys"])
        return {}

    async def list_tags_log_group(self, ctx: Context, params: Params) -> Params:
        """Tags of a group, by its name: the older form, which AWS keeps."""
        return {"tags": (await _group(self.parts.store, ctx.account, ctx.region, params["logGroupName"])).tags}

    async def tag_log_group(self, ctx: Context, params: Params) -> Params:
        """Set tags of a group, by its name."""
        await self._tag(ctx, params["logGroupName"], params["tags"])
        return {}

    async def untag_log_group(self, ctx: Context, params: Params) -> Params:
        """Remove tags of a group, by its name."""
        await self._untag(ctx, params["logGroupName"], params["tags"])
        return {}

    async def create_log_stream(self, ctx: Context, params: Params) -> Params:
        """A new stream. ResourceAlreadyExistsException, ResourceNotFoundException."""
        place = (ctx.account, ctx.region, params["logGroupName"], params["logStreamName"])
        now = self.parts.clock.now_ms()

        async def create(tx: Tx) -> None:
            await _group(tx, *place[:3])
            if await STREAMS.get(tx, *place) is not None:
                raise stream_exists()
            STREAMS.put(tx, place, Stream(now))

        await self.parts.store.write(create)
        return {}

    async def delete_log_stream(self, ctx: Context, params: Params) -> Params:
        """Remove a stream with its lines."""
        place = (ctx.account, ctx.region, params["logGroupName"], params["logStreamName"])

        async def delete(tx: Tx) -> None:
            await _group(tx, *place[:3])
            if await STREAMS.get(tx, *place) is None:
                raise no_such_stream()
            STREAMS.delete(tx, *place)
            tx.wake(DELETED)

        await self.parts.store.write(delete)
        await self.parts.packed.drop(lines_of(*place))
        return {}

    async def put_log_events(self, ctx: Context, params: Params) -> Params:
        """Add events in order of time; those too old, expired or too new are named in the answer and left out."""
        place = (ctx.account, ctx.region, params["logGroupName"], params["logStreamName"])
        group = await _group(self.parts.store, *place[:3])
        if await STREAMS.get(self.parts.store, *place) is None:
            raise no_such_stream()
        if params.get("entity"):
            ctx.warn("PutLogEvents: entity has no effect")
        events = params["logEvents"]
        _check_batch(events)
        now = self.parts.clock.now_ms()
        kept_from = 0 if group.retention_days is None else now - group.retention_days * DAY_MS
        rejected: Params = {}
        for at, event in enumerate(events):
            if event["timestamp"] < now - OLDEST_MS:
                rejected["tooOldLogEventEndIndex"] = at + 1
            elif event["timestamp"] < kept_from:
                rejected["expiredLogEventEndIndex"] = at + 1
            elif event["timestamp"] > now + NEWEST_MS:
                rejected.setdefault("tooNewLogEventStartIndex", at)
            else:
                item = msgspec.msgpack.encode(Event(event["timestamp"], now, event["message"]))
                self.parts.packed.append(lines_of(*place), item)
        # A client that is told so may rely on it: unlike a function's output, these lines are flushed first.
        await self.parts.packed.flush()
        answer: Params = {"nextSequenceToken": f"{now:056d}"}
        return answer | ({"rejectedLogEventsInfo": rejected} if rejected else {})

    async def _change(self, ctx: Context, name: str, **changes: object) -> None:
        place = (ctx.account, ctx.region, name)

        async def change(tx: Tx) -> None:
            GROUPS.put(tx, place, replace(await _group(tx, *place), **changes))

        await self.parts.store.write(change)

    async def _tag(self, ctx: Context, name: str, tags: dict[str, str]) -> None:
        place = (ctx.account, ctx.region, name)

        async def tag(tx: Tx) -> None:
            group = await _group(tx, *place)
            GROUPS.put(tx, place, replace(group, tags={**group.tags, **tags}))

        await self.parts.store.write(tag)

    async def _untag(self, ctx: Context, name: str, keys: list[str]) -> None:
        place = (ctx.account, ctx.region, name)

        async def untag(tx: Tx) -> None:
            group = await _group(tx, *place)
            left = {key: value for key, value in group.tags.items() if key not in keys}
            GROUPS.put(tx, place, replace(group, tags=left))

        await self.parts.store.write(untag)


async def _group(read: Reader, account: str, region: str, name: str) -> Group:
    group = await GROUPS.get(read, account, region, name)
    if group is None:
        raise no_such_group()
    return group


def _describe(ctx: Context, name: str, group: Group) -> Params:
    arn = f"arn:aws:logs:{ctx.region}:{ctx.account}:log-group:{name}"
    output: Params = {
        "logGroupName": name,
        "creationTime": group.created_ms,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "logGroupArn": arn,
    }
    if group.retention_days is not None:
        output["retentionInDays"] = group.retention_days
    return output


def _check_batch(events: list[Params]) -> None:
    size, last = 0, 0
    for event in events:
        length = len(event["message"].encode())
        if length + EVENT_OVERHEAD > MAX_EVENT_BYTES:
            raise invalid(f"Log event too large: {length + EVENT_OVERHEAD} bytes exceeds limit of {MAX_EVENT_BYTES}")
        size += length + EVENT_OVERHEAD
        if event["timestamp"] < last:
            raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
        last = event["timestamp"]
    if size > MAX_BATCH_BYTES:
        raise invalid(f"Upload too large: {size} bytes exceeds limit of {MAX_BATCH_BYTES}")
    if events and events[-1]["timestamp"] - events[0]["timestamp"] > DAY_MS:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
