"""A node as its users run it: `yobu up` in a process of its own, on a free port, with a data folder."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT, REGION = "000000000000", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/worker"
RUNTIME = f"python3.{sys.version_info.minor}"


class RunningNode:
    """One data folder and the process that has it, if any. `program` is what `up` and its flags are given to."""

    program: Sequence[str] = (sys.executable, "-m", "yobu.cli.main")

    def __init__(self, data: Path, *flags: str) -> None:
        self.data = data
        self.flags = flags
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.log = data.with_name(data.name + ".log")

    def start(self) -> RunningNode:
        """Start and wait for the health door."""
        command = [*self.program, "up", "--port", "0", "--data", str(self.data), *self.flags]
        (self.data / "node.json").unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=clean_environment())
        deadline = time.monotonic() + 30
        while not (self.data / "node.json").exists():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.005)
        self.session = json.loads((self.data / "node.json").read_text())
        self.url = self.session["url"]
        assert self.session["pid"] == self.process.pid
        return self

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def client(self, service: str, **more: Any) -> Any:
        """An unmodified boto3 client."""
        options = {
            "region_name": REGION,
            "aws_access_key_id": ACCOUNT,
            "aws_secret_access_key": "secret",
            "endpoint_url": self.url,
            "config": Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
            **more,
        }
        return boto3.client(service, **options)

    def admin(self, method: str, door: str, **members: Any) -> Any:
        """Call an admin door."""
        body = json.dumps(members).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.url}/_yobu/{door}", body, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def descendants(self) -> set[int]:
        """The processes below the node."""
        assert self.process is not None
        found, waiting = set(), [self.process.pid]
        while waiting:
            for task in Path(f"/proc/{waiting.pop()}/task").glob("*/children"):
                children = [int(pid) for pid in task.read_text().split()]
                found.update(children)
                waiting += children
        return found

    def environments(self) -> set[int]:
        """Processes anywhere whose run folder lies in this data folder."""
        marker = str(self.data / "run").encode()
        found = set()
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if marker in path.read_bytes():
                    found.add(int(path.parent.name))
            except OSError:
                continue
        return found


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would steer a node or a client."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("YOBU_", "AWS_"))}


def package(source: str, **files: str) -> bytes:
    """A zip with app.py and further files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", source)
        for name, text in files.items():
            archive.writestr(name, text)
    return out.getvalue()


def create_function(node: RunningNode, name: str, source: str, **more: Any) -> dict[str, Any]:
    """Create a Python function and wait until it is active."""
    client = node.client("lambda")
    options = {
        "Runtime": RUNTIME,
        "Role": ROLE,
        "Handler": "app.handler",
        "Code": {"ZipFile": package(source)},
        "Timeout": 30,
        **more,
    }
    made = client.create_function(FunctionName=name, **options)
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
    return made


def eventually(check: Any, within_s: float = 15.0) -> Any:
    """The first true answer of `check`: for what another process does in its own time."""
    deadline = time.monotonic() + within_s
    while not (answer := check()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
    return answer
