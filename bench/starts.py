"""Starts: the node's own, a function's first answer, a photo's way to its row; the idle node's memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from typing import Any

from bench.deploying import ECHO, NODE_ECHO, ROLE, RUNTIME, active, package
from bench.figures import Figure, median
from bench.processes import node
from yobu.kits.demo import package as photo_package
from yobu.kits.demo import photos
from yobu.kits.demo.job import Job, Photo

ROUNDS = 5
IMPORTS = "import json, logging, socket, traceback"


def run() -> list[Figure]:
    """All of them."""
    return [*_node(), *_functions(), *_photo()]


def interpreter_s() -> float:
    """Seconds for a fresh interpreter with a bootstrap's imports: the baseline of Python's cold starts."""
    return command_s(sys.executable, "-I", "-S", "-c", IMPORTS)


def command_s(*command: str) -> float:
    """Seconds for a command from start to end."""
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begun


def _node() -> list[Figure]:
    ready, bare, memory = [], [], []
    for _ in range(ROUNDS):
        with node() as server:
            ready.append(server.ready_s)
            memory.append(server.pss_mb())
        bare.append(interpreter_s())
    return [
        Figure(
            "Starts",
            "node: process start to first answer",
            median(ready) * 1000,
            "ms",
            "python with a bootstrap's imports",
            median(ready) / median(bare),
            "under 700",
        ),
        Figure("Starts", "idle node, memory of the process tree (PSS)", median(memory), "MB", limit="under 80"),
    ]


def _functions() -> list[Figure]:
    figures = []
    with node() as server:
        client: Any = server.client("lambda")
        created, first, bare = _first_answers(client, "python", ECHO, RUNTIME)
        figures.append(Figure("Starts", "CreateFunction to Active, boto3", created * 1000, "ms"))
        figures.append(_cold("Python", first, "python with a bootstrap's imports", bare))
        if shutil.which("node"):
            _, first, bare = _first_answers(client, "node", NODE_ECHO, "nodejs20.x")
            figures.append(_cold("Node.js", first, "node -e 0", bare))
    return figures


def _cold(language: str, first: float, baseline: str, bare: float) -> Figure:
    return Figure("Starts", f"first invoke (cold), {language}, boto3", first * 1000, "ms", baseline, first / bare)


def _first_answers(client: Any, language: str, source: str, runtime: str) -> tuple[float, float, float]:
    """Medians in seconds: create to Active, the first invoke, a bare interpreter; fresh functions in turn."""
    created, first, bare = [], [], []
    for number in range(ROUNDS + 1):
        name = f"{language}{number}"
        begun = time.perf_counter()
        client.create_function(
            FunctionName=name,
            Runtime=runtime,
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": package(source, "app.js" if language == "node" else "app.py")},
            MemorySize=1769,
        )
        active(client, name)
        created.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        client.invoke(FunctionName=name, Payload=b"{}")["Payload"].read()
        first.append(time.perf_counter() - begun)
        bare.append(interpreter_s() if language == "python" else command_s("node", "-e", "0"))
    # The first one finds the interpreter, and the client its connection.
    return median(created[1:]), median(first[1:]), median(bare[1:])


def _photo() -> list[Figure]:
    with node() as server:
        job = Job({name: server.client(name) for name in ("s3", "dynamodb", "lambda", "iam")}, b"", RUNTIME)
        job.package = photo_package.build()
        job.deploy(lambda step: None)
        times = []
        for number in range(ROUNDS):
            photo = Photo(f"photo-{number}.jpg", photos.make(number))
            begun = time.perf_counter()
            job.upload(photo)
            job.wait(lambda photo: None)
            times.append(time.perf_counter() - begun)
            job.photos.clear()
    return [
        Figure("Starts", "photo to row and thumbnail, cold", times[0] * 1000, "ms", note="imports boto3 and Pillow"),
        Figure("Starts", "photo to row and thumbnail, warm", median(times[1:]) * 1000, "ms", note="7 to 12 megapixels"),
    ]
