"""A reply is sent only after what it acknowledges was synced: seen in the system calls of a real node."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.journeys.crash import TABLE, deploy
from tests.journeys.running import ROLE, RUNTIME, RunningNode, eventually, package

STRACE = shutil.which("strace")
CALLS = "fsync,fdatasync,sendto,write,writev,sendmsg"
LARGE = 100_000


def traceable() -> bool:
    return STRACE is not None and subprocess.run([STRACE, "-o", "/dev/null", "true"], check=False).returncode == 0


pytestmark = pytest.mark.skipif(not traceable(), reason="strace is missing, or may not trace here")


class Event(NamedTuple):
    """A system call that has ended: its name and all that strace wrote of it."""

    call: str
    text: str


class Traced(RunningNode):
    """A node whose system calls go to a file."""

    def __init__(self, data: Path) -> None:
        super().__init__(data)
        self.trace = data.with_name("trace")
        # The tracer is a grandchild (-D), so that the process started is the node itself; -y names the files.
        tracer = [STRACE or "", "-D", "-f", "-y", "-s", "200", "-o", str(self.trace), "-e", f"trace={CALLS}"]
        self.program = (*tracer, *RunningNode.program)

    def during(self, request: Callable[[], Any]) -> list[Event]:
        """What was called until the reply of `request`, that reply included."""
        before = self.trace.stat().st_size
        request()

        def replied() -> list[Event]:
            with self.trace.open("rb") as file:
                file.seek(before)
                seen = list(events(file.read().decode()))
            return seen if any(map(is_reply, seen)) else []

        # The tracer writes a call down a moment after the client has seen what it did.
        found: list[Event] = eventually(replied)
        return found


def events(text: str) -> Iterator[Event]:
    """Calls in the order of their ends: one that other threads interleave has two lines."""
    begun: dict[str, str] = {}
    for line in text.splitlines():
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[thread] = rest
        elif resumed := re.match(r"<\.\.\. (\w+) resumed>(.*)", rest):
            yield Event(resumed[1], begun.pop(thread, "") + resumed[2])
        elif called := re.match(r"(\w+)\(", rest):
            yield Event(called[1], rest)


def is_reply(event: Event) -> bool:
    """Whether bytes of a good reply went into a socket."""
    return re.match(r'\w+\(\d+<(socket|TCP)[^>]*>.*"HTTP/1\.1 2\d\d', event.text) is not None


def synced(seen: list[Event]) -> list[str]:
    """The files that were synced, in order, up to the first reply; fails where there is no reply."""
    found = []
    for event in seen:
        if event.call in ("fsync", "fdatasync"):
            assert event.text.rstrip().endswith("= 0"), event
            path = re.search(r"<([^>]*)>", event.text)
            assert path is not None, event
            found.append(path[1])
        elif is_reply(event):
            return found
    raise AssertionError("no reply in the trace")


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    node = Traced(tmp_path_factory.mktemp("traced") / "data")
    node.start()
    deploy(node)
    # The bucket's notifications would be handled meanwhile, with commits of their own.
    node.client("s3").put_bucket_notification_configuration(Bucket=TABLE, NotificationConfiguration={})
    node.client("lambda").put_function_concurrency(FunctionName="record", ReservedConcurrentExecutions=0)
    yield node
    assert node.stop() == 0


def test_put_item(traced: Traced) -> None:
    client = traced.client("dynamodb")
    seen = traced.during(lambda: client.put_item(TableName=TABLE, Item={"id": {"S": "one"}}))
    assert set(synced(seen)) == {str(traced.data / "store.db-wal")}


def test_a_short_object(traced: Traced) -> None:
    client = traced.client("s3")
    seen = traced.during(lambda: client.put_object(Bucket=TABLE, Key="short", Body=b"x"))
    assert set(synced(seen)) == {str(traced.data / "store.db-wal")}


def test_a_large_object(traced: Traced) -> None:
    """The body, then the folders that name it, then the metadata."""
    client = traced.client("s3")
    seen = traced.during(lambda: client.put_object(Bucket=TABLE, Key="large", Body=bytes(LARGE)))
    check_body_first(traced, synced(seen))


def test_an_event(traced: Traced) -> None:
    client = traced.client("lambda")
    seen = traced.during(lambda: client.invoke(FunctionName="record", InvocationType="Event", Payload=b"{}"))
    # The handing over to the function, and its throttling, may be committed before the reply is read.
    assert synced(seen)[0] == str(traced.data / "store.db-wal")


def test_a_large_event(traced: Traced) -> None:
    client = traced.client("lambda")
    payload = b'"' + b"x" * LARGE + b'"'
    seen = traced.during(lambda: client.invoke(FunctionName="record", InvocationType="Event", Payload=payload))
    check_body_first(traced, synced(seen))


def test_a_function(traced: Traced) -> None:
    client = traced.client("lambda")
    code = {"ZipFile": package("def handler(event, context): pass\n")}
    seen = traced.during(
        lambda: client.create_function(FunctionName="new", Runtime=RUNTIME, Role=ROLE, Handler="app.handler", Code=code)
    )
    check_body_first(traced, synced(seen))


def check_body_first(node: Traced, paths: list[str]) -> None:
    blobs, store = node.data / "blobs", str(node.data / "store.db-wal")
    bodies = [path for path in paths if Path(path).parent == blobs / "drafts"]
    assert len(bodies) == 1
    name = Path(bodies[0]).name
    folder = str(blobs / name[:2])
    assert paths.index(bodies[0]) < paths.index(folder)
    # The store may have synced something else before, such as the record of a log stream.
    assert store in paths[paths.index(folder) :]
    if str(blobs) in paths:  # the folder's own name, where the body is the first in it
        assert paths.index(str(blobs)) < paths.index(folder)


def test_the_trace_would_show_a_reply_without_a_sync(traced: Traced) -> None:
    """The other way round: a read syncs nothing, once what was begun before has settled."""
    client = traced.client("dynamodb")
    read = partial(client.get_item, TableName=TABLE, Key={"id": {"S": "one"}})
    eventually(lambda: synced(traced.during(read)) == [])
