from __future__ import annotations

import asyncio

import pytest

from yobu.base.context import Context
from yobu.base.errors import AwsError, YobuError
from yobu.fleet.port import LogStream
from yobu.services.logs.api import Api
from yobu.services.logs.pattern import compile_pattern
from yobu.services.logs.sink import PackedLogs
from yobu.services.port import Parts

GROUP, STREAM = "/aws/lambda/f", "s"
PLACE = {"logGroupName": GROUP, "logStreamName": STREAM}


@pytest.fixture
def logs(records_parts: Parts) -> Api:
    return Api(records_parts)


async def written(logs: Api, ctx: Context, count: int) -> int:
    await logs.create_log_group(ctx, {"logGroupName": GROUP})
    await logs.create_log_stream(ctx, PLACE)
    now = logs.parts.clock.now_ms()
    events = [{"timestamp": now + number, "message": f"line {number}"} for number in range(count)]
    await logs.put_log_events(ctx, {**PLACE, "logEvents": events})
    return now


def messages(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [event["message"] for event in answer["events"]]


async def refused(call: object, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        await call
    assert caught.value.code == code


async def test_a_stream_is_read_by_pages_in_both_directions(logs: Api, ctx: Context) -> None:
    await written(logs, ctx, 5)
    head = await logs.get_log_events(ctx, {**PLACE, "startFromHead": True, "limit": 2})
    assert messages(head) == ["line 0", "line 1"]
    after = await logs.get_log_events(ctx, {**PLACE, "nextToken": head["nextForwardToken"], "limit": 2})
    assert messages(after) == ["line 2", "line 3"]
    before = await logs.get_log_events(ctx, {**PLACE, "nextToken": after["nextBackwardToken"]})
    assert messages(before) == ["line 0", "line 1"]
    tail = await logs.get_log_events(ctx, {**PLACE, "limit": 2})
    assert messages(tail) == ["line 3", "line 4"]


async def test_the_end_of_a_stream_answers_with_the_same_token(logs: Api, ctx: Context) -> None:
    await written(logs, ctx, 2)
    end = await logs.get_log_events(ctx, {**PLACE, "startFromHead": True})
    again = await logs.get_log_events(ctx, {**PLACE, "nextToken": end["nextForwardToken"]})
    assert messages(again) == []
    assert again["nextForwardToken"] == end["nextForwardToken"]


async def test_a_long_stream_is_read_whole_backwards(logs: Api, ctx: Context) -> None:
    await written(logs, ctx, 2500)
    seen: list[str] = []
    params: dict[str, object] = {**PLACE, "limit": 700}
    while page := messages(answer := await logs.get_log_events(ctx, params)):
        seen = page + seen
        params["nextToken"] = answer["nextBackwardToken"]
    assert seen == [f"line {number}" for number in range(2500)]


async def test_times_bound_what_is_read(logs: Api, ctx: Context) -> None:
    now = await written(logs, ctx, 5)
    window = {"startTime": now + 1, "endTime": now + 3}
    assert messages(await logs.get_log_events(ctx, {**PLACE, **window})) == ["line 1", "line 2"]
    assert messages(await logs.filter_log_events(ctx, {"logGroupName": GROUP, **window})) == ["line 1", "line 2"]


async def test_a_group_is_filtered_over_streams_by_time_and_pages(logs: Api, ctx: Context) -> None:
    now = await written(logs, ctx, 3)
    await logs.create_log_stream(ctx, {**PLACE, "logStreamName": "t"})
    event = {"timestamp": now + 1, "message": "other line"}
    await logs.put_log_events(ctx, {"logGroupName": GROUP, "logStreamName": "t", "logEvents": [event]})
    params: dict[str, object] = {"logGroupName": GROUP, "filterPattern": "line", "limit": 3}
    first = await logs.filter_log_events(ctx, params)
    assert messages(first) == ["line 0", "line 1", "other line"]
    rest = await logs.filter_log_events(ctx, {**params, "nextToken": first["nextToken"]})
    assert messages(rest) == ["line 2"]
    assert "nextToken" not in rest


async def test_events_must_be_in_order_and_not_too_old(logs: Api, ctx: Context) -> None:
    now = await written(logs, ctx, 0)
    late = [{"timestamp": now + 1, "message": "b"}, {"timestamp": now, "message": "a"}]
    await refused(logs.put_log_events(ctx, {**PLACE, "logEvents": late}), "InvalidParameterException")
    old = [{"timestamp": now - 15 * 86_400_000, "message": "a"}]
    answer = await logs.put_log_events(ctx, {**PLACE, "logEvents": old})
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    assert messages(await logs.get_log_events(ctx, PLACE)) == []


async def test_what_is_missing_or_there_already_is_refused(logs: Api, ctx: Context) -> None:
    await refused(logs.create_log_stream(ctx, PLACE), "ResourceNotFoundException")
    await written(logs, ctx, 0)
    await refused(logs.create_log_group(ctx, {"logGroupName": GROUP}), "ResourceAlreadyExistsException")
    await refused(logs.create_log_stream(ctx, PLACE), "ResourceAlreadyExistsException")
    await refused(logs.get_log_events(ctx, {**PLACE, "logStreamName": "none"}), "ResourceNotFoundException")
    await refused(logs.get_log_events(ctx, {**PLACE, "nextToken": "x"}), "InvalidParameterException")


async def test_a_deleted_group_comes_back_empty(logs: Api, ctx: Context) -> None:
    await written(logs, ctx, 3)
    await logs.delete_log_group(ctx, {"logGroupName": GROUP})
    assert (await logs.describe_log_groups(ctx, {}))["logGroups"] == []
    await written(logs, ctx, 0)
    assert messages(await logs.get_log_events(ctx, PLACE)) == []


async def test_groups_are_described_by_prefix_pattern_and_pages(logs: Api, ctx: Context) -> None:
    for name in ("/a/1", "/a/2", "/b/1"):
        await logs.create_log_group(ctx, {"logGroupName": name})

    async def names(**params: object) -> list[str]:
        return [row["logGroupName"] for row in (await logs.describe_log_groups(ctx, params))["logGroups"]]

    assert await names(logGroupNamePrefix="/a/") == ["/a/1", "/a/2"]
    assert await names(logGroupNamePattern="1") == ["/a/1", "/b/1"]
    first = await logs.describe_log_groups(ctx, {"limit": 2})
    assert await names(nextToken=first["nextToken"]) == ["/b/1"]


async def test_streams_are_described_by_time(logs: Api, ctx: Context) -> None:
    now = await written(logs, ctx, 2)
    await logs.create_log_stream(ctx, {**PLACE, "logStreamName": "a"})
    rows = await logs.describe_log_streams(
        ctx, {"logGroupName": GROUP, "orderBy": "LastEventTime", "descending": True, "limit": 1}
    )
    (row,) = rows["logStreams"]
    assert (row["logStreamName"], row["firstEventTimestamp"], row["lastEventTimestamp"]) == ("s", now, now + 1)
    rest = await logs.describe_log_streams(ctx, {"logGroupName": GROUP, "nextToken": rows["nextToken"]})
    assert len(rest["logStreams"]) == 1


async def test_a_function_s_lines_make_their_stream_and_can_be_followed(logs: Api, ctx: Context) -> None:
    parts = logs.parts
    sink = PackedLogs(parts.packed, parts.store, parts.clock)
    sink.start()
    door = parts.admin.doors["GET", "logs"]
    where = {"account": ctx.account, "region": ctx.region, "group": GROUP, "follow": "true"}
    lines = await door(where)
    for stream in ("one", "two"):
        sink.append(LogStream(ctx.account, ctx.region, GROUP, stream), 5, [f"from {stream}"])
        line = await asyncio.wait_for(anext(lines), 5)
        assert line == {"timestamp": 5, "stream": stream, "message": f"from {stream}"}
    await lines.aclose()
    await sink.stop()


@pytest.mark.parametrize("limit, shown", [("0", 0), ("2", 2), ("9", 3)])
async def test_the_door_shows_the_last_lines(logs: Api, ctx: Context, limit: str, shown: int) -> None:
    await written(logs, ctx, 3)
    door = logs.parts.admin.doors["GET", "logs"]
    lines = await door({"account": ctx.account, "region": ctx.region, "group": GROUP, "limit": limit})
    assert [line["message"] async for line in lines] == ["line 0", "line 1", "line 2"][3 - shown :]


@pytest.mark.parametrize("params", [{}, {"group": ""}, {"group": GROUP, "limit": "many"}, {"group": "nobody's"}])
async def test_the_door_says_what_is_wrong(logs: Api, params: dict[str, str]) -> None:
    with pytest.raises(YobuError, match="log group"):
        await logs.parts.admin.doors["GET", "logs"](params)


@pytest.mark.parametrize(
    "pattern,line,passes",
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("a b", "b then a", True),
        ('"a b"', "b then a", False),
        ("a -b", "a b", False),
        ("?a ?b", "only b", True),
        ("?x ?y", "none", False),
        ('"say \\"hi\\""', 'they say "hi"', True),
    ],
)
def test_filter_patterns(pattern: str, line: str, passes: bool) -> None:
    assert compile_pattern(pattern)(line) is passes


@pytest.mark.parametrize("pattern", ["{ $.a = 1 }", "[a, b]", "%ERR%"])
def test_other_pattern_forms_are_refused(pattern: str) -> None:
    with pytest.raises(AwsError) as caught:
        compile_pattern(pattern)
    assert caught.value.code == "NotImplemented"


async def test_a_filter_names_streams_that_exist(logs: Api, ctx: Context) -> None:
    await written(logs, ctx, 1)
    named = {"logGroupName": GROUP, "logStreamNames": [STREAM, STREAM]}
    assert messages(await logs.filter_log_events(ctx, named)) == ["line 0"]
    await refused(
        logs.filter_log_events(ctx, {**named, "logStreamNames": [STREAM, "none"]}), "ResourceNotFoundException"
    )


async def test_groups_are_found_by_class_and_by_identifier(logs: Api, ctx: Context) -> None:
    for name in ("a", "b"):
        await logs.create_log_group(ctx, {"logGroupName": name})
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:b"
    for params, found in (
        ({"logGroupIdentifiers": [arn]}, ["b"]),
        ({"logGroupIdentifiers": ["a", "x"]}, ["a"]),
        ({"logGroupClass": "STANDARD", "accountIdentifiers": [ctx.account]}, ["a", "b"]),
        ({"logGroupClass": "INFREQUENT_ACCESS"}, []),
    ):
        answer = await logs.describe_log_groups(ctx, params)
        assert [group["logGroupName"] for group in answer["logGroups"]] == found
    await refused(logs.describe_log_groups(ctx, {"accountIdentifiers": ["222222222222"]}), "NotImplemented")
    await refused(
        logs.create_log_group(ctx, {"logGroupName": "c", "deletionProtectionEnabled": True}), "NotImplemented"
    )


async def test_the_older_operations_on_tags_do_the_same(logs: Api, ctx: Context) -> None:
    await logs.create_log_group(ctx, {"logGroupName": "a", "tags": {"x": "1"}})
    await logs.tag_log_group(ctx, {"logGroupName": "a", "tags": {"y": "2"}})
    await logs.untag_log_group(ctx, {"logGroupName": "a", "tags": ["x"]})
    arn = "arn:aws:logs:us-east-1:123456789012:log-group:a"
    await logs.tag_resource(ctx, {"resourceArn": f"{arn}:*", "tags": {"z": "3"}})
    await logs.untag_resource(ctx, {"resourceArn": arn, "tagKeys": ["z"]})
    assert await logs.list_tags_log_group(ctx, {"logGroupName": "a"}) == {"tags": {"y": "2"}}
    assert await logs.list_tags_for_resource(ctx, {"resourceArn": arn}) == {"tags": {"y": "2"}}


async def test_a_functions_lines_are_messages_with_their_line_breaks(logs: Api, ctx: Context) -> None:
    parts = logs.parts
    sink = PackedLogs(parts.packed, parts.store, parts.clock)
    sink.append(LogStream(ctx.account, ctx.region, GROUP, STREAM), 5, ["one", "two\nlines", ""])
    await sink.stop()
    assert messages(await logs.get_log_events(ctx, PLACE)) == ["one\n", "two\nlines\n", "\n"]


async def test_every_event_has_an_id_of_its_own(logs: Api, ctx: Context) -> None:
    now = await written(logs, ctx, 2)
    other = {**PLACE, "logStreamName": "t"}
    await logs.create_log_stream(ctx, other)
    await logs.put_log_events(ctx, {**other, "logEvents": [{"timestamp": now, "message": "x"}] * 2})
    events = (await logs.filter_log_events(ctx, {"logGroupName": GROUP}))["events"]
    assert len({event["eventId"] for event in events}) == 4
    assert all(len(event["eventId"]) == 56 and event["eventId"].isdigit() for event in events)
