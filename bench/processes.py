"""The processes under test: a yobu node, a bare uvicorn server, a load generator; their CPU time and memory."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yobu.cli import _client
from yobu.server import session

TICK = os.sysconf("SC_CLK_TCK")

HELLO = """
import sys, uvicorn

async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})

uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="error", access_log=False)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: its process id and port; `data` is a node's folder."""

    pid: int
    port: int
    data: Path | None = None
    ready_s: float = 0.0

    def client(self, service: str) -> Any:
        """A boto3 client of a node."""
        endpoint = _client.Endpoint(f"http://127.0.0.1:{self.port}", "us-east-1", "000000000000", "yobu")
        return _client.client(endpoint, service)

    def cpu_s(self) -> float:
        """User and system seconds of the process so far, without its children."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def tree(self) -> list[int]:
        """The process and all below it."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        return found

    def pss_mb(self) -> float:
        """Proportional memory of the process tree."""
        total = 0
        for pid in self.tree():
            total += int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)[1])
        return total / 1024

    def peak_mb(self) -> float:
        """The highest resident memory of the process alone so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)[1]) / 1024


@contextlib.contextmanager
def node(*flags: str) -> Iterator[Server]:
    """A node with a fresh data folder."""
    with tempfile.TemporaryDirectory(prefix="yobu-bench-") as folder:
        data = Path(folder)
        command = [sys.executable, "-m", "yobu.cli.main", "up", "--port", "0", "--data", folder, *flags]
        begun = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            said = data / session.FILE
            while not said.exists():
                if process.poll() is not None:
                    raise RuntimeError("the node did not start")
                time.sleep(0.001)
            port = int(session.read(data)["url"].rpartition(":")[2])
            answered(port, "/_yobu/health")
            try:
                yield Server(process.pid, port, data, time.perf_counter() - begun)
            finally:
                process.terminate()
                process.wait(30)


@contextlib.contextmanager
def hello() -> Iterator[Server]:
    """The baseline: uvicorn with uvloop and httptools, an application that reads the body and says ok."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-c", HELLO, str(port)]) as process:
        try:
            answered(port, "/")
            yield Server(process.pid, port)
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    """A port that is free now."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def answered(port: int, path: str) -> None:
    """Wait until the server answers."""
    for _ in range(10_000):
        with contextlib.suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", path)
            connection.getresponse().read()
            connection.close()
            return
        time.sleep(0.002)
    raise RuntimeError(f"nothing answers on port {port}")


@dataclass(frozen=True, slots=True)
class Load:
    """What a run of the load generator saw. Latencies are milliseconds."""

    rate: float
    p50: float
    p99: float
    requests: int
    errors: int


def wrk(port: int, requests: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Send whole, pre-signed requests in turn over `clients` kept connections."""
    program = shutil.which("wrk")
    if program is None:
        raise RuntimeError("the load generator wrk is not installed (Debian: apt-get install wrk)")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("local requests = {\n")
        for request in requests:
            script.write('"' + "".join(f"\\{byte:03d}" for byte in request) + '",\n')
        script.write("}\nlocal at = 0\nrequest = function()\n  at = at % #requests + 1\n  return requests[at]\nend\n")
        script.flush()
        command = [program, "-t1", f"-c{clients}", f"-d{seconds:g}s", "--latency", "-s", script.name]
        out = subprocess.run([*command, f"http://127.0.0.1:{port}"], capture_output=True, text=True, check=True).stdout
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    total = int(re.search(r"(\d+) requests in", out)[1])
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    return Load(rate, _latency(out, "50%"), _latency(out, "99%"), total, int(failed[1]) if failed else 0)


def _latency(out: str, row: str) -> float:
    value, unit = re.search(rf"{re.escape(row)}\s+([\d.]+)(us|ms|s)", out).groups()
    return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
