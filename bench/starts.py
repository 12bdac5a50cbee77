"""Starts: the node's own, a function's first answer, a photo's way to its row; the idle node's memory."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from bench.deploying import ECHO, ROLE, RUNTIME, active, create, package
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
    """Seconds for a fresh interpreter with a bootstrap's imports: the baseline of every cold start."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-I", "-S", "-c", IMPORTS], check=True)
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
    created, first, bare = [], [], []
    with node() as server:
        client: Any = server.client("lambda")
        create(client, "warm-up")
        client.invoke(FunctionName="warm-up")["Payload"].read()
        for number in range(ROUNDS):
            begun = time.perf_counter()
            client.create_function(
                FunctionName=f"f{number}",
                Runtime=RUNTIME,
                Role=ROLE,
                Handler="app.handler",
                Code={"ZipFile": package(ECHO)},
                MemorySize=1769,
            )
            active(client, f"f{number}")
            created.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            client.invoke(FunctionName=f"f{number}", Payload=b"{}")["Payload"].read()
            first.append(time.perf_counter() - begun)
            bare.append(interpreter_s())
    return [
        Figure("Starts", "CreateFunction to Active, boto3", median(created) * 1000, "ms"),
        Figure(
            "Starts",
            "first invoke (cold), boto3",
            median(first) * 1000,
            "ms",
            "python with a bootstrap's imports",
            median(first) / median(bare),
        ),
    ]


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
