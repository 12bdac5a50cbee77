"""One execution environment: a process that answers one event at a time, its log, its end.

In: a spec, then events. Out: replies with Lambda's lines and numbers, and word to an `Owner` when it is free again
or gone. It knows nothing of pools or of other environments. Whatever happens to the callers, an event that has
begun is finished here: the process's own messages drive it, no task of a caller's.

The process tier does not isolate: the function runs with the node's rights. Memory above MemorySize is noticed by
polling (watch.py), not prevented.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from yobu.base.clock import Clock, iso_millis
from yobu.fleet import failure, frames, report
from yobu.fleet.child import Child
from yobu.fleet.failure import Failure
from yobu.fleet.journal import Journal
from yobu.fleet.port import FunctionSpec, Reply, Work
from yobu.fleet.states import Event, State, move


class Owner(Protocol):
    """Whoever keeps environments."""

    def free(self, environment: Environment) -> None:
        """It has answered and can take the next event."""
        ...

    def gone(self, environment: Environment) -> None:
        """It is dead and its process has ended. Told once."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """`id` names the environment; `mark` is what its processes carry; `stream` is its log stream's name.

    `keys_until` is the platform time up to which its credentials are good.
    """

    id: str
    mark: str
    stream: str
    keys_until: float


@dataclass(slots=True)
class _Start:
    """An initialisation that is going on; `done` gets None when the handler is loaded, else why it is not."""

    began: float
    done: asyncio.Future[Failure | None]
    timer: asyncio.TimerHandle | None = None


@dataclass(slots=True)
class _Run:
    """An event that is being handled. `spent_s` of its time went before `began` (real seconds)."""

    work: Work
    done: asyncio.Future[Reply | None]
    began: float
    init_ms: float | None = None
    spent_s: float = 0.0
    timer: asyncio.TimerHandle | None = None


class Environment:
    """`retired`: it gets no further event. `free_since` (real seconds) and `state` are for its owner to read."""

    def __init__(self, identity: Identity, spec: FunctionSpec, clock: Clock, journal: Journal, owner: Owner) -> None:
        self.identity = identity
        self.spec = spec
        self.journal = journal
        self.state = State.STARTING
        self.retired = False
        self.free_since = 0.0
        self.memory_kb = 0
        self._clock = clock
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._child: Child | None = None
        self._exit: asyncio.Future[int] | None = None
        self._start: _Start | None = None
        self._run: _Run | None = None

    async def initialise(self, spawn: Callable[[Environment], Child], limit_s: float) -> Failure | None:
        """Start the process and wait until its handler is loaded, `limit_s` seconds at most.

        Returns None, or why it failed; unless it is dead by then it may be tried once more. Raises OSError where
        no process can be started.
        """
        self._exit = self._loop.create_future()
        self._start = start = _Start(self._clock.elapsed(), self._loop.create_future())
        try:
            self._child = spawn(self)
            start.timer = self._loop.call_later(limit_s, self._start_expired, limit_s)
            problem = await start.done
        finally:
            self._start = None
            if start.timer is not None:
                start.timer.cancel()
        if problem is None and self._child is not None and self.state is State.STARTING:
            self._move(Event.READY)
            return None
        if self._child is not None:
            self._child.kill()
        status = await self._exit  # no second process before the first has ended
        return problem or failure.exited(status)

    def invoke(self, work: Work, init_ms: float | None = None, spent_s: float = 0.0) -> asyncio.Future[Reply | None]:
        """Hand over an event; the reply comes in the future, whether or not anybody still waits for it.

        None: the process had ended, unnoticed, before it read the event, which can be handled elsewhere.
        `init_ms` is what a cold start took; `spent_s` is what a repeated initialisation took of the event's time.
        """
        assert self._child is not None
        self._move(Event.INVOKE)
        run = _Run(work, self._loop.create_future(), self._clock.elapsed(), init_ms, spent_s)
        self._run = run
        left_s = max(0.0, self.spec.timeout_s - spent_s)
        self.journal.begin()
        self.journal.say(report.start(work.request_id, self.spec.version))
        run.timer = self._loop.call_later(left_s, self._run_expired)
        left_ms = int(left_s * 1000)
        request = frames.Request(work.request_id, work.invoked_arn, left_ms, work.trace, work.client_context)
        self._child.send(frames.message(request, work.payload))
        return run.done

    def refuse(self, work: Work, problem: Failure, spent_s: float) -> Reply:
        """The reply to an event for which the handler could not be loaded, and its lines."""
        self.journal.begin()
        self.journal.say(report.start(work.request_id, self.spec.version))
        run = _Run(work, self._loop.create_future(), self._clock.elapsed(), spent_s=spent_s)
        return self._reply(run, problem.body(work.request_id), problem)

    def check_memory(self) -> None:
        """End it where it holds more memory than MemorySize; called now and then while it works."""
        if self._child is None:
            return
        used = self._child.memory_kb()
        self.memory_kb = max(self.memory_kb, used)
        if used > self.spec.memory_mb * 1024:
            self._fail(failure.out_of_memory())

    def retire(self) -> None:
        """Take no further event; end now where none is being handled."""
        self.retired = True
        if self.state is State.IDLE:
            self.end()

    def end(self) -> None:
        """Kill it now. An event that is being handled is answered as one whose process was killed."""
        self._fail(failure.exited(-9))
        if self.state is not State.DEAD:
            self._die()

    def on_message(self, answer: frames.Answer, body: bytes) -> None:
        """A message of the process's (child.Listener)."""
        self.memory_kb = max(self.memory_kb, answer.memory_kb)
        if self._start is not None:
            if not self._start.done.done():
                unknown = answer.type or "Runtime.Unknown"
                self._start.done.set_result(None if answer.kind == "ready" else failure.not_loaded(unknown, body))
        elif self._run is not None and answer.id == self._run.work.request_id:
            # Any other answer is a second one: a handler that forks returns twice.
            run, self._run = self._run, None
            self._move(Event.ANSWER)
            problem = _problem(answer, body)
            self._finish(run, problem, body if problem is None else problem.body(run.work.request_id))
            self._owner.free(self)

    def on_output(self, data: bytes) -> None:
        """Output of the process's (child.Listener)."""
        self.journal.write(data)
        if self.state is State.IDLE:
            self.journal.flush()  # of a thread that goes on between events

    def on_exit(self, status: int, unread: bool) -> None:
        """The process has ended (child.Listener)."""
        self._child = None
        if self._exit is not None and not self._exit.done():
            self._exit.set_result(status)
        if self.state is State.DEAD:
            self._owner.gone(self)
        elif self._run is not None and self._run.init_ms is None and unread:
            self._pass_on()
        elif self._run is not None or self._start is not None:
            self._fail(failure.exited(status))
        elif self.state is State.IDLE:
            self._die()

    def _start_expired(self, limit_s: float) -> None:
        self._fail(failure.timed_out(limit_s))

    def _run_expired(self) -> None:
        self._fail(failure.timed_out(self.spec.timeout_s))

    def _fail(self, problem: Failure) -> None:
        """Kill the process; an event in its hands fails with `problem`, or its initialisation does."""
        if self._child is not None:
            self.memory_kb = max(self.memory_kb, self._child.memory_kb())
            self._child.kill()
            self._child.drain()
        if self._start is not None:
            # Whoever waits for it decides what comes next: another try, or the end.
            if not self._start.done.done():
                self._start.done.set_result(problem)
        elif self._run is not None:
            run, self._run = self._run, None
            self._finish(run, problem, problem.body(run.work.request_id))
            self._die()

    def _pass_on(self) -> None:
        """The event in its hands has not begun: leave no trace of it."""
        run, self._run = self._run, None
        self.journal.take_back()
        if run is not None:
            if run.timer is not None:
                run.timer.cancel()
            if not run.done.done():
                run.done.set_result(None)
        self._die()

    def _die(self) -> None:
        self._move(Event.END)
        self.journal.break_line()
        self.journal.flush()
        if self._child is None:
            self._owner.gone(self)

    def _finish(self, run: _Run, problem: Failure | None, payload: bytes) -> None:
        if run.timer is not None:
            run.timer.cancel()
        reply = self._reply(run, payload, problem)
        if not run.done.done():
            run.done.set_result(reply)

    def _reply(self, run: _Run, payload: bytes, problem: Failure | None) -> Reply:
        request_id = run.work.request_id
        took_s = self._clock.elapsed() - run.began + run.spent_s
        measured = report.Measured(
            duration_ms=min(took_s, self.spec.timeout_s) * 1000,
            memory_mb=self.spec.memory_mb,
            max_memory_mb=min(self.spec.memory_mb, -(-self.memory_kb // 1024)),
            init_ms=run.init_ms,
        )
        self.journal.break_line()
        if problem is not None:
            self.journal.say(*problem.lines(request_id, iso_millis(self._clock.now())))
        status = None if problem is None else problem.status
        self.journal.say(report.end(request_id), report.report(request_id, measured, status))
        self.journal.flush()
        return Reply(
            payload=payload,
            duration_ms=measured.duration_ms,
            billed_ms=measured.billed_ms,
            memory_mb=measured.memory_mb,
            max_memory_mb=measured.max_memory_mb,
            environment=self.identity.id,
            log_stream=self.identity.stream,
            error=None if problem is None else "Unhandled",
            error_type=None if problem is None else problem.error_type,
            init_ms=run.init_ms,
            log=self.journal.tail(),
        )

    def _move(self, event: Event) -> None:
        self.state = move(self.state, event)


def _problem(answer: frames.Answer, body: bytes) -> Failure | None:
    """What the process's own answer says, as a failure; None for a success."""
    if answer.kind == "large" or len(body) > failure.RESPONSE_LIMIT_BYTES:
        return failure.too_large()
    if answer.kind == "reply":
        return None
    return failure.raised(answer.type or "Runtime.Unknown", body)
