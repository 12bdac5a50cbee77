"""The process fleet at work: what callers see, and what becomes of environments."""

import asyncio
import json
import os
import select
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from yobu.base.clock import Clock, FakeClock
from yobu.base.errors import AwsError
from yobu.base.settings import Settings
from yobu.fleet import fleet as fleet_module
from yobu.fleet.pools import key_of
from yobu.fleet.port import Work
from yobu.fleet.starts import Starts

ECHO = """
    import os
    def handler(event, context):
        return {"event": event, "pid": os.getpid(), "id": context.aws_request_id}
"""


class TestReuse:
    async def test_a_warm_start_runs_in_the_same_process(self, bench: Any) -> None:
        spec = bench.function(ECHO)
        first, second = await bench.call(spec, 1), await bench.call(spec, 2)
        assert json.loads(first.payload)["pid"] == json.loads(second.payload)["pid"]
        assert first.init_ms is not None
        assert second.init_ms is None
        assert (first.environment, first.log_stream) == (second.environment, second.log_stream)
        assert bench.fleet.status() == {"isolation": "process", "waiting": 0, "starting": 0, "idle": 1, "busy": 0}

    async def test_calls_at_once_run_in_environments_of_their_own(self, bench: Any) -> None:
        spec = bench.function(ECHO)
        answers = await asyncio.gather(*(bench.value(spec, number) for number in range(6)))
        assert len({answer["pid"] for answer in answers}) == 6
        assert [answer["event"] for answer in answers] == list(range(6))
        assert bench.fleet.status()["idle"] == 6

    async def test_an_environment_handles_one_event_at_a_time(self, bench: Any) -> None:
        spec = bench.function(
            """
            import time
            working = 0
            def handler(event, context):
                global working
                working += 1
                time.sleep(0.002)
                working -= 1
                return working
            """
        )
        for _ in range(3):
            assert set(await asyncio.gather(*(bench.value(spec) for _ in range(4)))) == {0}

    async def test_another_revision_gets_another_environment(self, bench: Any) -> None:
        spec = bench.function(ECHO)
        pids = {
            (await bench.value(one))["pid"] for one in (spec, replace(spec, revision="2"), replace(spec, version="1"))
        }
        assert len(pids) == 3

    async def test_keys_are_asked_for_once_an_environment(self, bench: Any) -> None:
        spec = bench.function(ECHO)
        await bench.value(spec)
        await bench.value(spec)
        assert bench.keys.issued == [("123456789012", "arn:aws:iam::123456789012:role/job", "job")]

    async def test_an_environment_whose_keys_have_ended_is_replaced(self, make_bench: Callable[..., Any]) -> None:
        clock = Clock()
        bench = make_bench(clock=clock)
        await bench.fleet.start()
        spec = bench.function(ECHO)
        before = await bench.value(spec)
        clock.advance(12 * 3600)
        assert (await bench.value(spec))["pid"] != before["pid"]
        await bench.fleet.stop(1)


class TestScaleToZero:
    async def test_idle_environments_end_after_their_time(self, make_bench: Callable[..., Any], gone: Any) -> None:
        clock = FakeClock()
        bench = make_bench(settings=Settings(idle_s=60), clock=clock)
        await bench.fleet.start()
        spec = bench.function(ECHO)
        first = await bench.value(spec)
        clock.advance(40)
        second = await bench.value(replace(spec, revision="2"))
        clock.advance(30)
        bench.fleet._watch.reap()
        assert await gone(first["pid"])
        assert (await bench.value(replace(spec, revision="2")))["pid"] == second["pid"]
        await bench.fleet.stop(1)

    async def test_the_timer_does_it_by_itself(self, make_bench: Callable[..., Any], gone: Any) -> None:
        bench = make_bench(settings=Settings(idle_s=0.05))
        await bench.fleet.start()
        pids = [(await bench.value(bench.function(ECHO)))["pid"] for _ in range(2)]
        await bench.fleet._until(lambda: bench.fleet.status()["idle"] == 0)
        assert await gone(*pids)
        await bench.fleet.stop(1)

    async def test_threads_and_timers_do_not_grow_with_functions(self, bench: Any) -> None:
        await asyncio.gather(*(bench.value(bench.function(ECHO)) for _ in range(2)))
        tasks, threads = len(asyncio.all_tasks()), len(os.listdir("/proc/self/task"))
        await asyncio.gather(*(bench.value(bench.function(ECHO)) for _ in range(8)))
        assert len(asyncio.all_tasks()) <= tasks
        assert len(os.listdir("/proc/self/task")) <= threads + 1


class TestRetire:
    async def test_an_idle_environment_ends_at_once(self, bench: Any, gone: Any) -> None:
        spec = bench.function(ECHO)
        before = await bench.value(spec)
        bench.fleet.retire(spec.arn)
        assert await gone(before["pid"])
        assert (await bench.value(spec))["pid"] != before["pid"]

    async def test_a_busy_one_finishes_first(self, bench: Any, gone: Any) -> None:
        spec = bench.function(
            """
            import os
            def handler(event, context):
                print("working")
                open(event).read()
                return os.getpid()
            """
        )
        gate = bench.folder / "gate"
        os.mkfifo(gate)
        call = asyncio.create_task(bench.value(spec, str(gate)))
        await bench.lines.wait_for("working")
        bench.fleet.retire(spec.arn)
        await asyncio.to_thread(gate.write_text, "go")
        assert await gone(await call)

    async def test_one_version_of_many(self, bench: Any, gone: Any) -> None:
        spec = bench.function(ECHO)
        latest, one = await bench.value(spec), await bench.value(replace(spec, version="1"))
        bench.fleet.retire(spec.arn, "1")
        assert await gone(one["pid"])
        assert (await bench.value(spec))["pid"] == latest["pid"]


class TestABurst:
    async def test_few_start_at_once_and_serve_the_rest(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bench.fleet, "_starts", Starts(3))
        spec = bench.function("import os\ndef handler(event, context): return os.getpid()\n")
        pids = await asyncio.gather(*(bench.value(spec, number) for number in range(40)))
        status = bench.fleet.status()
        assert len(set(pids)) == status["idle"] <= 40
        assert (status["waiting"], status["starting"], status["busy"]) == (0, 0, 0)
        assert len(set(pids)) < 20  # those that were up took the events of those that waited

    async def test_a_call_that_waits_takes_what_becomes_free(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """One start is allowed, and it does not end: the waiting calls live on the environment that is there."""
        spec = bench.function("import os\ndef handler(event, context): return os.getpid()\n")
        pid = await bench.value(spec)
        slow = bench.function(
            "import time\ntime.sleep(60)\ndef handler(event, context): pass\n",
            arn="arn:aws:lambda:eu-west-1:123456789012:function:slow",
        )
        monkeypatch.setattr(bench.fleet, "_starts", Starts(1))
        stuck = asyncio.create_task(bench.call(slow))
        while not bench.fleet.status()["starting"]:
            await asyncio.sleep(0)
        assert set(await asyncio.gather(*(bench.value(spec) for _ in range(10)))) == {pid}
        bench.fleet.reset()
        await stuck

    async def test_a_reset_reaches_calls_that_wait(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bench.fleet, "_starts", Starts(1))
        spec = bench.function("import time\ntime.sleep(60)\ndef handler(event, context): pass\n")
        calls = [asyncio.create_task(bench.call(spec)) for _ in range(3)]
        while bench.fleet.status()["waiting"] != 2:
            await asyncio.sleep(0)
        bench.fleet.reset()
        refused = [one for one in await asyncio.gather(*calls, return_exceptions=True) if isinstance(one, AwsError)]
        # The third had its turn: it is refused too, or answered as one whose process was killed.
        assert len(refused) in (2, 3)
        assert {error.code for error in refused} == {"ServiceException"}

    async def test_a_turn_that_comes_as_the_fleet_is_reset_begins_nothing(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        starts = Starts(1)
        monkeypatch.setattr(bench.fleet, "_starts", starts)
        spec = bench.function("def handler(event, context): return 1\n")
        assert await starts.turn(key_of(spec)) is None  # somebody is starting
        call = asyncio.create_task(bench.call(spec))
        while bench.fleet.status()["waiting"] != 1:
            await asyncio.sleep(0)
        starts.leave(key_of(spec))
        bench.fleet.reset()
        with pytest.raises(AwsError, match="was reset"):
            await call
        assert await starts.turn(key_of(spec)) is None  # the turn was given back

    async def test_an_environment_that_is_handed_over_as_the_fleet_is_reset_begins_nothing(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spec = bench.function("def handler(event, context): return 1\n")
        await bench.value(spec)
        (environment,) = bench.fleet._pools.everyone()
        starts = Starts(1)
        monkeypatch.setattr(bench.fleet, "_starts", starts)
        assert await starts.turn(key_of(spec)) is None
        call = asyncio.create_task(bench.fleet._wait(spec, Work("id", b"1", spec.arn)))
        while starts.waiting != 1:
            await asyncio.sleep(0)
        assert starts.hand(key_of(spec), environment)
        starts.leave(key_of(spec))
        bench.fleet.reset()
        with pytest.raises(AwsError, match="was reset"):
            await call

    async def test_a_stop_lets_nobody_begin_who_waits(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bench.fleet, "_starts", Starts(1))
        spec = bench.function("import time\ntime.sleep(60)\ndef handler(event, context): pass\n")
        calls = [asyncio.create_task(bench.call(spec)) for _ in range(3)]
        while bench.fleet.status()["waiting"] != 2:
            await asyncio.sleep(0)
        await bench.fleet.stop(0)
        refused = [one for one in await asyncio.gather(*calls, return_exceptions=True) if isinstance(one, AwsError)]
        assert len(refused) in (2, 3)
        assert bench.fleet.status()["starting"] == 0


class TestCallersThatGoAway:
    SLOW = """
        import os
        def handler(event, context):
            print("working")
            open(event).read()
            return {"pid": os.getpid()}
    """

    @pytest.mark.parametrize("warm", [False, True])
    async def test_the_event_is_handled_all_the_same(self, bench: Any, warm: bool) -> None:
        spec = bench.function(self.SLOW)
        gate, open_gate = bench.folder / "gate", bench.folder / "open"
        os.mkfifo(gate)
        open_gate.write_text("go")
        if warm:
            await bench.value(spec, str(open_gate))
            bench.lines.bursts.clear()
        call = asyncio.create_task(bench.call(spec, str(gate), request_id="left"))
        await bench.lines.wait_for("working")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.to_thread(gate.write_text, "go")
        await bench.lines.wait_for("REPORT RequestId: left")
        assert bench.fleet.status() == {"isolation": "process", "waiting": 0, "starting": 0, "idle": 1, "busy": 0}
        assert (await bench.call(spec, str(open_gate))).init_ms is None

    async def test_in_the_middle_of_a_cold_start(self, bench: Any) -> None:
        spec = bench.function(ECHO)
        call = asyncio.create_task(bench.call(spec, request_id="left"))
        await asyncio.sleep(0)
        call.cancel()
        await bench.lines.wait_for("REPORT RequestId: left")
        assert (await bench.call(spec)).init_ms is None


class TestTimeouts:
    async def test_a_handler_is_stopped_in_time(self, bench: Any, gone: Any) -> None:
        spec = bench.function(
            """
            import os, subprocess, time
            def handler(event, context):
                child = subprocess.Popen(["sleep", "60"])
                print(os.getpid(), child.pid, flush=True)
                time.sleep(60)
            """,
            timeout_s=1,
        )
        reply = await bench.call(spec, request_id="late")
        assert (reply.error, reply.error_type) == ("Unhandled", "Sandbox.Timedout")
        assert json.loads(reply.payload) == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": "RequestId: late Error: Task timed out after 1.00 seconds",
        }
        lines = bench.lines.all
        assert lines[-4].endswith(" late Task timed out after 1.00 seconds")
        assert lines[-2] == "END RequestId: late"
        assert lines[-1].endswith("\tStatus: timeout")
        printed = lines[lines.index("START RequestId: late Version: $LATEST") + 1]
        assert await gone(*map(int, printed.split()))

    async def test_the_kill_comes_within_50_ms_of_the_limit(self, bench: Any) -> None:
        spec = bench.function("import time\ndef handler(event, context): time.sleep(60)", timeout_s=1)
        loop = asyncio.get_running_loop()
        await bench.call(bench.function(ECHO))
        began = loop.time()
        reply = await bench.call(spec)
        took_ms = (loop.time() - began) * 1000 - (reply.init_ms or 0)
        assert 1000 <= took_ms < 1050
        assert reply.duration_ms == 1000

    async def test_the_environment_is_replaced(self, bench: Any) -> None:
        spec = bench.function(
            "import time\ndef handler(event, context):\n    time.sleep(event)\n    return 'awake'", timeout_s=1
        )
        late, next_ = await bench.call(spec, 60), await bench.call(spec, 0)
        assert next_.payload == b'"awake"'
        assert next_.environment != late.environment
        assert next_.init_ms is not None

    async def test_an_initialisation_beyond_its_limit_is_repeated_in_the_events_time(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fleet_module, "INIT_LIMIT_S", 1.0)  # a busy machine must reach the mark in it
        spec = bench.function(
            """
            import os, time
            mark = os.path.join(os.environ["LAMBDA_TASK_ROOT"], "tried")
            if not os.path.exists(mark):
                open(mark, "w").close()
                time.sleep(60)
            def handler(event, context): return "ready"
            """
        )
        reply = await bench.call(spec)
        assert reply.payload == b'"ready"'
        assert reply.init_ms is None  # it is part of the duration
        assert reply.duration_ms > 5
        reports = [line for line in bench.lines.all if line.startswith("INIT_REPORT")]
        assert len(reports) == 1
        assert reports[0].endswith("Phase: init\tStatus: timeout")

    async def test_one_that_never_ends_is_a_timeout(self, bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(fleet_module, "INIT_LIMIT_S", 0.1)
        spec = bench.function("import time\ntime.sleep(60)", timeout_s=1)
        reply = await bench.call(spec, request_id="late")
        assert reply.error_type == "Sandbox.Timedout"
        assert b"Task timed out after 1.00 seconds" in reply.payload
        assert [line.split("\t")[1:] for line in bench.lines.all if line.startswith("INIT_REPORT")] == [
            ["Phase: init", "Status: timeout"],
            ["Phase: invoke", "Status: timeout"],
        ]


class TestDeaths:
    @pytest.mark.parametrize(
        ("how", "reason"),
        [
            ("os._exit(3)", "Runtime exited with error: exit status 3"),
            ("sys.exit(1)", "Runtime exited with error: exit status 1"),
            ("sys.exit(0)", "Runtime exited without providing a reason"),
            ("exit()", "Runtime exited without providing a reason"),
            ("os.kill(os.getpid(), 9)", "Runtime exited with error: signal: killed"),
            ("os.kill(os.getpid(), 11)", "Runtime exited with error: signal: segmentation fault"),
            ("os.closerange(3, 100); import time; time.sleep(60)", "Runtime exited with error: signal: killed"),
        ],
    )
    async def test_in_the_middle_of_an_event(self, bench: Any, how: str, reason: str) -> None:
        spec = bench.function(f"import os, sys\ndef handler(event, context):\n    print('last words')\n    {how}")
        reply = await bench.call(spec, request_id="dead")
        assert reply.error_type == "Runtime.ExitError"
        assert json.loads(reply.payload) == {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"RequestId: dead Error: {reason}",
        }
        lines = bench.lines.all
        start = lines.index("START RequestId: dead Version: $LATEST")
        assert lines[start + 1 : start + 5] == [
            "last words",
            f"RequestId: dead Error: {reason}",
            "Runtime.ExitError",
            "END RequestId: dead",
        ]
        assert lines[-1].endswith("\tStatus: error\tError Type: Runtime.ExitError")
        assert reply.max_memory_mb > 1

    async def test_while_idle_is_noticed_and_costs_nobody_an_event(self, bench: Any) -> None:
        spec = bench.function(ECHO)
        before = await bench.value(spec)
        os.kill(before["pid"], signal.SIGKILL)
        await bench.fleet._until(lambda: bench.fleet.status()["idle"] == 0)
        assert (await bench.value(spec))["pid"] != before["pid"]

    async def test_while_idle_and_not_yet_noticed_costs_nobody_an_event(self, bench: Any) -> None:
        spec = bench.function(ECHO)
        before = await bench.value(spec)
        bench.lines.bursts.clear()
        os.kill(before["pid"], signal.SIGKILL)
        handle = os.pidfd_open(before["pid"])
        select.select([handle], [], [], 5)  # it has ended; the loop has not seen it
        os.close(handle)
        reply = await bench.call(spec, request_id="id")
        assert json.loads(reply.payload)["id"] == "id"
        assert reply.init_ms is not None
        assert [line for line in bench.lines.all if line.startswith("START")] == [
            "START RequestId: id Version: $LATEST"
        ]

    async def test_while_loading_is_tried_once_more(self, bench: Any) -> None:
        spec = bench.function("import os\nos._exit(7)")
        reply = await bench.call(spec, request_id="dead")
        assert json.loads(reply.payload)["errorMessage"] == (
            "RequestId: dead Error: Runtime exited with error: exit status 7"
        )
        lines = bench.lines.all
        assert [line.split("\t")[1] for line in lines if line.startswith("INIT_REPORT")] == [
            "Phase: init",
            "Phase: invoke",
        ]
        assert lines[-4:-2] == ["RequestId: dead Error: Runtime exited with error: exit status 7", "Runtime.ExitError"]

    async def test_right_after_the_answer(self, bench: Any) -> None:
        spec = bench.function(
            """
            import os, threading
            def handler(event, context):
                threading.Thread(target=lambda: (os.read(int(event), 1), os._exit(0)))
                os.write(2, b"bye\\n")
                threading.Timer(0, os._exit, (0,)).start()
                return "answer"
            """
        )
        for _ in range(5):
            reply = await bench.call(spec)
            # Lambda, too, loses an answer to a process that exits first.
            assert reply.payload == b'"answer"' or reply.error_type == "Runtime.ExitError"

    async def test_more_memory_than_it_may_have(self, bench: Any) -> None:
        spec = bench.function(
            """
            import time
            def handler(event, context):
                hoard = bytearray(120_000_000)
                time.sleep(60)
            """,
            memory_mb=100,
        )
        reply = await bench.call(spec, request_id="fat")
        assert json.loads(reply.payload) == {
            "errorType": "Runtime.OutOfMemory",
            "errorMessage": "RequestId: fat Error: Runtime exited with error: signal: killed",
        }
        assert reply.max_memory_mb == 100
        assert bench.lines.all[-1].endswith("\tStatus: error\tError Type: Runtime.OutOfMemory")

    async def test_a_child_of_the_functions_counts_as_its_memory(self, bench: Any) -> None:
        spec = bench.function(
            """
            import subprocess, sys
            def handler(event, context):
                subprocess.run([sys.executable, "-S", "-c", "x = bytearray(120_000_000); import time; time.sleep(60)"])
            """,
            memory_mb=100,
        )
        assert (await bench.call(spec)).error_type == "Runtime.OutOfMemory"

    async def test_a_handler_that_forks_answers_once(self, bench: Any) -> None:
        spec = bench.function(
            """
            import os
            def handler(event, context):
                os.fork()
                return event
            """
        )
        # The second answer to an event must not be taken for the answer to the next.
        assert await bench.value(spec, "first") == "first"
        for number in range(3):
            reply = await bench.call(spec, number)
            assert reply.error is not None or json.loads(reply.payload) == number


class TestWhatCannotStart:
    async def test_a_runtime_of_no_family(self, bench: Any) -> None:
        with pytest.raises(AwsError, match="Nothing on this node serves the runtime cobol85"):
            await bench.call(bench.function(ECHO, runtime="cobol85"))
        with pytest.raises(AwsError) as refused:
            bench.fleet.check("cobol85")
        assert refused.value.code == "InvalidRuntimeException"

    async def test_code_that_is_not_there(self, bench: Any) -> None:
        with pytest.raises(AwsError) as refused:
            await bench.call(bench.function(ECHO, code=Path("/nowhere")))
        assert (refused.value.code, refused.value.status) == ("ServiceException", 500)

    async def test_variables_that_no_process_can_have(self, bench: Any) -> None:
        with pytest.raises(AwsError, match="cannot be started"):
            await bench.call(bench.function(ECHO, environment={"A": "\0"}))

    async def test_layers_are_refused_not_forgotten(self, bench: Any) -> None:
        with pytest.raises(AwsError, match="layers"):
            await bench.call(bench.function(ECHO, layers=(Path("/layer"),)))

    async def test_nothing_stays_behind(self, bench: Any) -> None:
        descriptors = len(os.listdir("/proc/self/fd"))
        for _ in range(3):
            with pytest.raises(AwsError):
                await bench.call(bench.function(ECHO, code=Path("/nowhere")))
        await bench.fleet._cleaner
        assert bench.fleet.status() == {"isolation": "process", "waiting": 0, "starting": 0, "idle": 0, "busy": 0}
        assert len(os.listdir("/proc/self/fd")) == descriptors


class TestStop:
    async def test_waits_for_what_runs(self, make_bench: Callable[..., Any]) -> None:
        bench = make_bench()
        await bench.fleet.start()
        spec = bench.function(
            "import time\ndef handler(event, context):\n    print('working')\n    return open(event).read()"
        )
        gate = bench.folder / "gate"
        os.mkfifo(gate)
        call = asyncio.create_task(bench.value(spec, str(gate)))
        await bench.lines.wait_for("working")
        stop = asyncio.create_task(bench.fleet.stop(10))
        await asyncio.to_thread(gate.write_text, "done")
        assert await call == "done"
        await stop

    async def test_ends_what_does_not_finish(self, make_bench: Callable[..., Any]) -> None:
        bench = make_bench()
        await bench.fleet.start()
        spec = bench.function("import time\ndef handler(event, context):\n    print('working')\n    time.sleep(60)")
        call = asyncio.create_task(bench.call(spec))
        await bench.lines.wait_for("working")
        await bench.fleet.stop(0.01)
        assert (await call).error_type == "Runtime.ExitError"
        assert bench.fleet.status()["busy"] == 0

    async def test_does_not_wait_for_credentials_for_ever(
        self, make_bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fleet_module, "_KILL_S", 0.01)
        bench = make_bench()
        await bench.fleet.start()
        asked = asyncio.Event()

        async def issue(account: str, role: str, session: str) -> None:
            asked.set()
            await asyncio.Event().wait()

        bench.keys.issue = issue
        call = asyncio.create_task(bench.call(bench.function(ECHO)))
        await asked.wait()
        await bench.fleet.stop(0.01)
        with pytest.raises(asyncio.CancelledError):
            await call

    async def test_refuses_what_comes_later(self, make_bench: Callable[..., Any]) -> None:
        bench = make_bench()
        spec = bench.function(ECHO)
        with pytest.raises(AwsError, match="has not started"):
            await bench.call(spec)
        await bench.fleet.start()
        await bench.fleet.stop(1)
        await bench.fleet.stop(1)
        with pytest.raises(AwsError, match="is stopping"):
            await bench.call(spec)

    async def test_a_reset_ends_everything_and_serves_on(self, bench: Any, gone: Any) -> None:
        spec = bench.function(ECHO)
        busy = bench.function("import time\ndef handler(event, context):\n    print('working')\n    time.sleep(60)")
        before = await bench.value(spec)
        call = asyncio.create_task(bench.call(busy))
        starting = asyncio.create_task(bench.call(bench.function("import time\ntime.sleep(60)")))
        await bench.lines.wait_for("working")
        bench.fleet.reset()
        assert (await call).error_type == "Runtime.ExitError"
        assert (await starting).error_type == "Runtime.ExitError"
        assert await gone(before["pid"])
        assert (await bench.value(spec))["pid"] != before["pid"]


class TestAReset:
    async def test_reaches_a_call_that_has_no_environment_yet(
        self, bench: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked, answer = asyncio.Event(), asyncio.Event()
        issue = bench.keys.issue

        async def slowly(*of: str) -> Any:
            asked.set()
            await answer.wait()
            return await issue(*of)

        monkeypatch.setattr(bench.keys, "issue", slowly)
        call = asyncio.create_task(bench.call(bench.function(ECHO)))
        await asked.wait()
        bench.fleet.reset()
        answer.set()
        with pytest.raises(AwsError, match="the node was reset"):
            await call
        assert bench.fleet.status() == {"isolation": "process", "waiting": 0, "starting": 0, "idle": 0, "busy": 0}
        assert bench.lines.all == []

    async def test_leaves_the_log_alone(self, bench: Any) -> None:
        """What a call of before still says belongs to a log that is gone."""
        spec = bench.function("def handler(event, context):\n    print('begun', flush=True)\n    while True: pass\n")
        call = asyncio.create_task(bench.call(spec))
        while bench.fleet.status()["busy"] == 0:
            await asyncio.sleep(0)
        before = len(bench.lines.all)
        bench.fleet.reset()
        assert (await call).error == "Unhandled"
        assert len(bench.lines.all) == before
