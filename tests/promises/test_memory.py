"""The node's memory does not grow with the size of a body, nor with the number of queued events."""

from __future__ import annotations

import hashlib
import http.client
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

from tests.journeys.crash import BUCKET
from tests.journeys.running import RunningNode, create_function

MB = 1024 * 1024
BODY = 200 * MB
EVENTS, EVENT = 3_000, 60_000
"""Queued events, and the bytes of each: together they are 180 MB."""
CLIENTS = 16
BUSY = "import time\ndef handler(event, context): time.sleep(290)\n"
PAGE_CACHE = 64 * MB
"""What the store's connection may keep of the file's pages."""
SCOPE = "Credential=000000000000/20260101/us-east-1/%s/aws4_request, SignedHeaders=host, Signature=0"


def resident(node: RunningNode) -> tuple[int, int]:
    """The bytes of memory that the node holds now, and those that it held at most."""
    assert node.process is not None
    lines = Path(f"/proc/{node.process.pid}/status").read_text().splitlines()
    sizes = {name: value for name, _, value in (line.partition(":") for line in lines)}
    return int(sizes["VmRSS"].split()[0]) * 1024, int(sizes["VmHWM"].split()[0]) * 1024


def headers(service: str) -> dict[str, str]:
    return {
        "Authorization": f"AWS4-HMAC-SHA256 {SCOPE % service}",
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
    }


def connection(node: RunningNode) -> http.client.HTTPConnection:
    place = urlsplit(node.url)
    return http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)


def test_a_large_body_passes_through(own_node: RunningNode) -> None:
    own_node.start()
    s3 = own_node.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="first", Body=bytes(2 * MB))
    before, _ = resident(own_node)
    block = bytes(range(256)) * 4096

    def blocks() -> Iterator[bytes]:
        for _ in range(BODY // len(block)):
            yield block

    line = connection(own_node)
    with closing(line):
        line.request("PUT", f"/{BUCKET}/large", blocks(), {**headers("s3"), "Content-Length": str(BODY)})
        assert line.getresponse().read() == b""
        check_download(line)
    _, most = resident(own_node)
    assert most - before < 40 * MB


def check_download(line: http.client.HTTPConnection) -> None:
    line.request("GET", f"/{BUCKET}/large", headers=headers("s3"))
    answer = line.getresponse()
    digest, size = hashlib.md5(), 0
    while piece := answer.read(MB):
        digest.update(piece)
        size += len(piece)
    assert (size, f'"{digest.hexdigest()}"') == (BODY, answer.getheader("etag"))


def test_a_slow_reader_does_not_fill_the_memory(own_node: RunningNode) -> None:
    own_node.start()
    s3 = own_node.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="large", Body=bytes(50 * MB))
    before, _ = resident(own_node)
    lines = [connection(own_node) for _ in range(20)]
    with ExitStack() as stack:
        for line in lines:
            stack.callback(line.close)
            line.request("GET", f"/{BUCKET}/large", headers=headers("s3"))
            answer = line.getresponse()
            stack.callback(answer.close)
            assert answer.read(1000) == bytes(1000)
        _, most = resident(own_node)
    assert most - before < 20 * 2 * MB + 40 * MB


def test_queued_events_lie_in_the_store(own_node: RunningNode) -> None:
    """One environment, which is busy: the events wait, in the store and not in memory. tests/soak sends 50,000."""
    check_queued(own_node, EVENTS, EVENT)


def check_queued(own_node: RunningNode, events: int, size: int) -> None:
    """Queue events that together are well above the bound on memory."""
    own_node.start()
    create_function(own_node, "waits", BUSY, Timeout=300)
    own_node.client("lambda").put_function_concurrency(FunctionName="waits", ReservedConcurrentExecutions=1)
    own_node.client("lambda").invoke(FunctionName="waits", InvocationType="Event", Payload=b"{}")
    before, _ = resident(own_node)
    sent = (own_node, events // CLIENTS, size)
    threads = [threading.Thread(target=queue_events, args=sent) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, most = resident(own_node)
    assert most - before < PAGE_CACHE + 60 * MB
    assert "failed for good" not in own_node.log.read_text()
    assert "Traceback" not in own_node.log.read_text()
    own_node.kill()
    assert "Traceback" not in own_node.log.read_text()
    # Nor does a start read them.
    own_node.start()
    own_node.admin("GET", "status")
    assert resident(own_node)[0] - before < PAGE_CACHE + 60 * MB


def queue_events(node: RunningNode, count: int, size: int) -> None:
    """Send events on one connection."""
    line = connection(node)
    asked = {**headers("lambda"), "X-Amz-Invocation-Type": "Event"}
    body = b'"' + b"x" * size + b'"'
    with closing(line):
        for _ in range(count):
            line.request("POST", "/2015-03-31/functions/waits/invocations", body, asked)
            answer = line.getresponse()
            assert (answer.status, answer.read()) == (202, b"")
