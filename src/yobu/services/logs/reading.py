"""Reading log events: one stream by pages in both directions, or a group's streams merged by time."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from typing import Any

import msgspec

from yobu.aws.http import Params
from yobu.base.context import Context
from yobu.base.errors import YobuError
from yobu.services.logs.model import (
    CREATED,
    GROUPS,
    STREAMS,
    Event,
    Stream,
    group_name,
    invalid,
    lines_of,
    no_such_group,
    no_such_stream,
)
from yobu.services.logs.pattern import compile_pattern
from yobu.services.port import Parts, Room
from yobu.store.port import Range

MAX_EVENTS = 10_000
MAX_ANSWER_BYTES = 1_048_576
_PAGE = 1_000
_DECODE = msgspec.msgpack.Decoder(Event).decode

Place = tuple[str, str, str, str]
"""A stream: account, region, group, stream."""


class Reading(Room):
    """DescribeLogStreams, GetLogEvents, FilterLogEvents; and the `logs` door behind `yobu logs`."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        parts.admin.add("GET", "logs", self._tail)

    async def describe_log_streams(self, ctx: Context, params: Params) -> Params:
        """Streams by name or by the time of their last event."""
        group = await self._group(ctx, params)
        by_time = params.get("orderBy") == "LastEventTime"
        name_prefix = params.get("logStreamNamePrefix", "")
        if by_time and name_prefix:
            raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        rows = [
            await self._describe(place, stream)
            for place, stream in await self._streams((ctx.account, ctx.region, group), name_prefix)
        ]
        if by_time:
            rows.sort(key=lambda row: (row.get("lastEventTimestamp", 0), row["logStreamName"]))
        if params.get("descending"):
            rows.reverse()
        start, limit = _offset(params), params.get("limit", 50)
        answer: Params = {"logStreams": rows[start : start + limit]}
        if start + limit < len(rows):
            answer["nextToken"] = str(start + limit)
        return answer

    async def get_log_events(self, ctx: Context, params: Params) -> Params:
        """A page of one stream. Tokens `f/N` and `b/N` stand before and behind event N, and never end."""
        group = await self._group(ctx, params)
        place = (ctx.account, ctx.region, group, params["logStreamName"])
        if await STREAMS.get(self.parts.store, *place) is None:
            raise no_such_stream()
        direction, at = _token(params)
        forward = direction == "f" if direction else bool(params.get("startFromHead"))
        wanted = _window(params)
        chosen: list[tuple[int, Event]] = []
        size = 0
        async for sequence, event in self._events(place, at, forward):
            if not wanted(event):
                continue
            size += len(event.message) + 26
            if len(chosen) == params.get("limit", MAX_EVENTS) or (chosen and size > MAX_ANSWER_BYTES):
                break
            chosen.append((sequence, event))
        if not forward:
            chosen.reverse()
        first = chosen[0][0] if chosen else at or 0
        last = chosen[-1][0] + 1 if chosen else at or 0
        return {
            "events": [
                {"timestamp": event.at_ms, "message": event.message, "ingestionTime": event.ingested_ms}
                for _, event in chosen
            ],
            "nextForwardToken": f"f/{last:056d}/s",
            "nextBackwardToken": f"b/{first:056d}/s",
        }

    async def filter_log_events(self, ctx: Context, params: Params) -> Params:
        """Events of a group in order of time, those that the pattern passes."""
        group = await self._group(ctx, params)
        if "logStreamNames" in params and "logStreamNamePrefix" in params:
            raise invalid("Only one of logStreamNames and logStreamNamePrefix may be given.")
        passes, wanted = compile_pattern(params.get("filterPattern", "")), _window(params)
        names = params.get("logStreamNames")
        streams = await self._streams((ctx.account, ctx.region, group), params.get("logStreamNamePrefix", ""))
        places = [place for place, _ in streams if names is None or place[3] in names]
        if names is not None and len(places) < len(set(names)):
            raise no_such_stream()
        skip, limit = _offset(params), params.get("limit", MAX_EVENTS)
        found: list[Params] = []
        size = seen = 0
        async for place, sequence, event in self._merged(places):
            if not wanted(event) or not passes(event.message):
                continue
            seen += 1
            if seen <= skip:
                continue
            size += len(event.message) + 26
            if len(found) == limit or (found and size > MAX_ANSWER_BYTES):
                return {"events": found, "searchedLogStreams": [], "nextToken": str(skip + len(found))}
            found.append(_filtered(place, sequence, event))
        return {"events": found, "searchedLogStreams": []}

    async def _group(self, ctx: Context, params: Params) -> str:
        """The name of the group meant, by name or by ARN; raises where there is none."""
        name: str | None = params.get("logGroupName")
        identifier = params.get("logGroupIdentifier")
        if (name is None) == (identifier is None):
            raise invalid("Exactly one of logGroupName and logGroupIdentifier must be given.")
        if name is None:
            name = group_name(str(identifier))
        if await GROUPS.get(self.parts.store, ctx.account, ctx.region, name) is None:
            raise no_such_group()
        return name

    async def _streams(self, group: tuple[str, str, str], name_prefix: str) -> list[tuple[Place, Stream]]:
        found: list[tuple[Place, Stream]] = []
        span = STREAMS.starting(*group, name_prefix)
        while True:
            rows = await STREAMS.scan(self.parts.store, span)
            found += [((*group, key[3]), stream) for key, stream in rows]
            if len(rows) < 1000:
                return found
            span = Range(STREAMS.key(*rows[-1][0]) + b"\x00", span.end)

    async def _describe(self, place: Place, stream: Stream) -> Params:
        name = place[3]
        output: Params = {
            "logStreamName": name,
            "creationTime": stream.created_ms,
            "arn": f"arn:aws:logs:{place[1]}:{place[0]}:log-group:{place[2]}:log-stream:{name}",
            "storedBytes": 0,
        }
        first = await self.parts.packed.read(lines_of(*place), limit=1)
        if first:
            last = await self.parts.packed.read(lines_of(*place), limit=1, reverse=True)
            output["firstEventTimestamp"] = _DECODE(first[0][1]).at_ms
            newest = _DECODE(last[0][1])
            output["lastEventTimestamp"], output["lastIngestionTime"] = newest.at_ms, newest.ingested_ms
            output["uploadSequenceToken"] = f"{last[0][0]:056d}"
        return output

    async def _events(self, place: Place, at: int | None, forward: bool) -> AsyncIterator[tuple[int, Event]]:
        """Events with their sequence: from `at` on upwards, or from before `at` (None: the end) downwards."""
        stream = lines_of(*place)
        if not forward and at is None:
            newest = await self.parts.packed.read(stream, limit=1, reverse=True)
            at = newest[0][0] + 1 if newest else 0
        at = at or 0
        while True:
            # Sequences ascend by one, so that a page downwards is the window below `at`.
            start = at if forward else max(at - _PAGE, 0)
            rows = await self.parts.packed.read(stream, start, _PAGE, end=None if forward else at)
            for sequence, item in rows if forward else reversed(rows):
                yield sequence, _DECODE(item)
            if len(rows) < _PAGE:
                return
            at = rows[-1][0] + 1 if forward else start

    async def _merged(self, places: list[Place]) -> AsyncIterator[tuple[Place, int, Event]]:
        """The events of several streams, by their time."""
        heap: list[tuple[int, int, int, Event]] = []
        sources = [self._events(place, None, True) for place in places]

        async def push(index: int) -> None:
            async for sequence, event in sources[index]:
                heapq.heappush(heap, (event.at_ms, index, sequence, event))
                return

        for index in range(len(sources)):
            await push(index)
        while heap:
            _, index, sequence, event = heapq.heappop(heap)
            yield places[index], sequence, event
            await push(index)

    async def _tail(self, params: Params) -> AsyncIterator[Params]:
        """`GET /_yobu/logs?group=&limit=&follow=`: lines as `{"timestamp", "stream", "message"}`."""
        settings, name, limit = self.parts.settings, params.get("group"), str(params.get("limit", 1000))
        if not name or not isinstance(name, str) or not limit.isdecimal():
            raise YobuError("say which log group: ?group=NAME, and perhaps &limit=NUMBER&follow=true")
        group = (params.get("account", settings.account), params.get("region", settings.region), name)
        if await GROUPS.get(self.parts.store, *group) is None and not params.get("follow"):
            raise YobuError(f"there is no log group {name} (the first line of a function makes its group)")
        return self._follow(group, int(limit), bool(params.get("follow")))

    async def _follow(self, group: tuple[str, str, str], limit: int, follow: bool) -> AsyncIterator[Params]:
        positions: dict[Place, int] = {}
        past: list[Params] = []
        async for place, sequence, event in self._merged([place for place, _ in await self._streams(group, "")]):
            positions[place] = sequence + 1
            past.append(_line(place, event))
            del past[: max(0, len(past) - limit)]
        for line in past:
            yield line
        while follow:
            news = [asyncio.ensure_future(self.parts.packed.wait(lines_of(*group)))]
            news.append(asyncio.ensure_future(self.parts.store.wait(CREATED)))
            for place, _ in await self._streams(group, ""):
                async for sequence, event in self._events(place, positions.get(place, 0), True):
                    positions[place] = sequence + 1
                    yield _line(place, event)
            await asyncio.wait(news, return_when=asyncio.FIRST_COMPLETED)
            for waiting in news:
                waiting.cancel()


def _line(place: Place, event: Event) -> Params:
    return {"timestamp": event.at_ms, "stream": place[3], "message": event.message.removesuffix("\n")}


def _filtered(place: Place, sequence: int, event: Event) -> Params:
    return {
        "logStreamName": place[3],
        "timestamp": event.at_ms,
        "message": event.message,
        "ingestionTime": event.ingested_ms,
        "eventId": _event_id(place, sequence, event),
    }


def _event_id(place: Place, sequence: int, event: Event) -> str:
    """56 digits as AWS has them, unlike any other event's: who follows a group tells by it what is new."""
    stream = int.from_bytes(blake2b(place[3].encode(), digest_size=8).digest(), "big")
    return f"{event.at_ms:014d}{stream:020d}{sequence:022d}"


def _window(params: Params) -> Callable[[Event], bool]:
    """Whether an event's time is from `startTime` (included) to `endTime` (excluded)."""
    start, end = params.get("startTime", 0), params.get("endTime", 1 << 62)
    return lambda event: start <= event.at_ms < end


def _offset(params: dict[str, Any]) -> int:
    token = params.get("nextToken", "0")
    if not token.isascii() or not token.isdigit():
        raise invalid("The specified nextToken is invalid.")
    return int(token)


def _token(params: dict[str, Any]) -> tuple[str, int | None]:
    """The direction and place of GetLogEvents' token, ("", None) without one."""
    token = params.get("nextToken")
    if token is None:
        return "", None
    direction, _, rest = token.partition("/")
    number = rest.removesuffix("/s")
    if direction not in ("f", "b") or not (number.isascii() and number.isdigit()):
        raise invalid("The specified nextToken is invalid.")
    return direction, int(number)
