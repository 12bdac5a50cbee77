from __future__ import annotations

import base64
import dataclasses
import json
import re
from typing import Any

import pytest

from yobu.base.errors import AwsError
from yobu.fleet.fake import FakeFleet
from yobu.invoke.values import Outcome, QueuedEvent
from yobu.services.lambda_.api import Api
from yobu.services.port import Parts
from yobu.store.space import Space

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


async def queued(parts: Parts) -> list[QueuedEvent]:
    """The events that wait in the store."""
    rows: Space[QueuedEvent] = Space(("queue",), QueuedEvent)
    found = await parts.store.scan(rows.range())
    return [rows.decode(value) for _, value in found]


class TestSynchronous:
    async def test_the_functions_answer_comes_back(self, aws: Any, fleet: FakeFleet) -> None:
        await aws.create()
        answer = await aws("Invoke", FunctionName="f", Payload=b'{"a": 1}')
        assert json.loads(answer.pop("Payload")) == {"a": 1}
        assert answer == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
        spec, work = fleet.calls[0]
        assert (spec.handler, spec.memory_mb, spec.log_group) == ("app.handler", 128, "/aws/lambda/f")
        assert (spec.code / "app.py").read_text().startswith("def handler")
        assert (work.request_id, work.invoked_arn) == (aws.ctx.request_id, ARN)

    async def test_without_a_payload_the_event_is_empty(self, aws: Any) -> None:
        await aws.create()
        assert (await aws("Invoke", FunctionName="f"))["Payload"] == b"{}"

    async def test_a_pending_function_answers_at_once(self, parts: Parts, ctx: Any, zipped: Any) -> None:
        idle = Api(parts)
        code = {"Runtime": "python3.12", "Role": "arn:aws:iam::123456789012:role/r", "Handler": "app.handler"}
        await idle.create_function(ctx, {"FunctionName": "f", "Code": {"ZipFile": zipped()}, **code})
        answer = await idle.invoke(ctx, {"FunctionName": "f", "Payload": b"1"})
        assert answer.output["Payload"] == b"1"

    async def test_what_the_function_raises_is_no_error_of_invoke(self, aws: Any, fleet: FakeFleet) -> None:
        await aws.create()

        def fail(event: Any, work: Any) -> None:
            raise ValueError("no")

        fleet.handle("f", fail)
        answer = await aws("Invoke", FunctionName="f", Payload=b"{}")
        assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
        assert json.loads(answer["Payload"])["errorType"] == "ValueError"

    async def test_the_tail_of_the_log_comes_when_asked_for(self, aws: Any) -> None:
        await aws.create()
        assert "LogResult" not in await aws("Invoke", FunctionName="f", LogType="None")
        tail = base64.b64decode((await aws("Invoke", FunctionName="f", LogType="Tail"))["LogResult"]).decode()
        assert tail.startswith("START RequestId: ")
        assert "REPORT RequestId: " in tail

    async def test_versions_and_aliases_run_what_they_mean(self, aws: Any, fleet: FakeFleet) -> None:
        await aws.create(Publish=True)
        await aws.update(Timeout=7)
        await aws("CreateAlias", FunctionName="f", Name="live", FunctionVersion="1")
        for name, qualifier, version, timeout in (
            ("f", None, "$LATEST", 7),
            ("f", "$LATEST", "$LATEST", 7),
            ("f:1", None, "1", 3),
            (f"{ARN}:live", "live", "1", 3),
        ):
            params = {"Qualifier": qualifier} if qualifier else {}
            answer = await aws("Invoke", FunctionName=name, **params)
            spec, work = fleet.calls[-1]
            assert (answer["ExecutedVersion"], spec.timeout_s, spec.version) == (version, timeout, version)
        assert work.invoked_arn == f"{ARN}:live"

    async def test_a_client_context_is_passed_on(self, aws: Any, fleet: FakeFleet) -> None:
        await aws.create()
        encoded = base64.b64encode(b'{"custom": {"a": "b"}}').decode()
        await aws("Invoke", FunctionName="f", ClientContext=encoded)
        assert fleet.calls[0][1].client_context == '{"custom": {"a": "b"}}'

    @pytest.mark.parametrize(
        "context", ["?", *(base64.b64encode(text).decode() for text in (b"no", b"1", b"[" * 3_000))]
    )
    async def test_a_client_context_that_is_none_is_refused(self, aws: Any, context: str) -> None:
        await aws.create()
        message = await aws.refused("InvalidRequestContentException", "Invoke", FunctionName="f", ClientContext=context)
        assert message == "Client context must be a valid Base64-encoded JSON object."

    async def test_a_trace_is_made_or_passed_on(self, aws: Any, fleet: FakeFleet, ctx: Any) -> None:
        await aws.create()
        answer = await aws.api.invoke(ctx, {"FunctionName": "f"})
        made = fleet.calls[-1][1].trace
        match = re.fullmatch(r"Root=(1-6553f100-[0-9a-f]{24});Parent=[0-9a-f]{16};Sampled=0", made)
        assert match is not None, made
        assert ("x-amzn-trace-id", f"root={match[1]};sampled=0") in answer.headers
        given = "Root=1-5759e988-bd862e3fe1be46a994272793; Sampled=1"
        answer = await aws.api.invoke(dataclasses.replace(ctx, trace=given), {"FunctionName": "f"})
        assert fleet.calls[-1][1].trace == given
        assert answer.headers == [
            ("x-amzn-remapped-content-length", "0"),
            ("x-amzn-trace-id", "root=1-5759e988-bd862e3fe1be46a994272793;sampled=1"),
        ]

    async def test_a_payload_that_is_no_json_is_refused(self, aws: Any, fleet: FakeFleet) -> None:
        await aws.create()
        message = await aws.refused("InvalidRequestContentException", "Invoke", FunctionName="f", Payload=b"Hello")
        assert message.startswith("Could not parse request body into json: Could not parse payload into json: Unrec")
        assert fleet.calls == []

    async def test_six_megabytes_go_in(self, aws: Any) -> None:
        await aws.create()
        largest = b'"' + b"x" * (6 * 1024 * 1024 - 2) + b'"'
        assert (await aws("Invoke", FunctionName="f", Payload=largest))["StatusCode"] == 200
        message = await aws.refused("RequestTooLargeException", "Invoke", FunctionName="f", Payload=largest + b" ")
        assert message == "Request must be smaller than 6291456 bytes for the InvokeFunction operation"

    async def test_no_room_is_told_with_awss_reason(self, aws: Any) -> None:
        await aws.create()
        await aws("PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
        with pytest.raises(AwsError) as caught:
            await aws("Invoke", FunctionName="f")
        error = caught.value
        assert (error.code, error.status, error.message) == ("TooManyRequestsException", 429, "Rate Exceeded.")
        assert error.members == {"Type": "User", "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}
        assert error.headers == {"Retry-After": "1"}

    async def test_our_own_failure_is_a_service_exception(self, aws: Any, parts: Parts, ctx: Any) -> None:
        class Broken:
            async def execute(self, invocation: Any) -> Outcome:
                return Outcome("platform", reason="no environment")

        await aws.create()
        broken: Any = Broken()
        room = Api(dataclasses.replace(parts, invoker=broken))
        with pytest.raises(AwsError) as caught:
            await room.invoke(ctx, {"FunctionName": "f"})
        assert (caught.value.code, caught.value.status) == ("ServiceException", 500)
        assert caught.value.members == {"Type": "Service"}

    async def test_what_is_not_built_is_refused(self, aws: Any) -> None:
        await aws.create()
        for member in ("TenantId", "DurableExecutionName"):
            await aws.refused("NotImplemented", "Invoke", FunctionName="f", **{member: "x"})

    async def test_a_dry_run_runs_nothing(self, aws: Any, fleet: FakeFleet) -> None:
        await aws.create()
        assert (await aws("Invoke", FunctionName="f", InvocationType="DryRun"))["StatusCode"] == 204
        await aws.refused("ResourceNotFoundException", "Invoke", FunctionName="g", InvocationType="DryRun")
        assert fleet.calls == []


class TestAsynchronous:
    async def test_the_event_is_in_the_store_before_the_answer(self, aws: Any, parts: Parts) -> None:
        await aws.create()
        answer = await aws("Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
        assert (answer["StatusCode"], answer["Payload"]) == (202, b"")
        [event] = await queued(parts)
        assert event.function == aws.ref()
        assert (event.request_id, event.body, event.cause) == (aws.ctx.request_id, b'{"a": 1}', "api")
        assert event.enqueued_ms == parts.clock.now_ms()

    async def test_the_qualifier_stays_with_the_event(self, aws: Any, parts: Parts) -> None:
        await aws.create(Publish=True)
        await aws("Invoke", FunctionName="f:1", InvocationType="Event")
        [event] = await queued(parts)
        assert event.function == aws.ref("f", "1")
        assert event.body == b"{}"

    async def test_a_long_event_is_a_file(self, aws: Any, parts: Parts) -> None:
        await aws.create()
        body = b'"' + b"x" * 100_000 + b'"'
        await aws("Invoke", FunctionName="f", InvocationType="Event", Payload=body)
        [event] = await queued(parts)
        assert event.blob is not None
        assert await parts.events.load(event) == body

    async def test_a_megabyte_goes_in(self, aws: Any, parts: Parts) -> None:
        await aws.create()
        body = b'"' + b"x" * (1024 * 1024 - 2) + b'"'
        await aws("Invoke", FunctionName="f", InvocationType="Event", Payload=body)
        message = await aws.refused(
            "RequestTooLargeException", "Invoke", FunctionName="f", InvocationType="Event", Payload=body + b" "
        )
        assert message == "Request must be smaller than 1048576 bytes for the InvokeFunction operation"
        assert len(await queued(parts)) == 1

    async def test_bad_json_is_refused_here_too(self, aws: Any, parts: Parts) -> None:
        await aws.create()
        await aws.refused(
            "InvalidRequestContentException", "Invoke", FunctionName="f", InvocationType="Event", Payload=b"{"
        )
        assert await queued(parts) == []


class TestOtherAccounts:
    async def test_the_resource_policy_decides(self, aws: Any) -> None:
        await aws.create()
        principal = dataclasses.replace(aws.ctx.principal, account="222222222222", arn="arn:aws:iam::222222222222:root")
        foreign = dataclasses.replace(aws.ctx, account="222222222222", principal=principal)
        with pytest.raises(AwsError) as caught:
            await aws.api.invoke(foreign, {"FunctionName": ARN})
        assert (caught.value.code, caught.value.status) == ("AccessDeniedException", 403)
        await aws(
            "AddPermission", FunctionName="f", StatementId="s", Action="lambda:InvokeFunction", Principal="222222222222"
        )
        assert (await aws.api.invoke(foreign, {"FunctionName": ARN})).output["StatusCode"] == 200
