"""Bodies of 100 MB through the node, against a plain copy with fsync and against the same server without a store."""

from __future__ import annotations

import http.client
import os
import tempfile
import time
from pathlib import Path

from bench.figures import Figure, median
from bench.processes import Server, hello, node
from bench.signing import signed

SIZE = 100 * 1024 * 1024
CHUNK = 1024 * 1024
ROUNDS = 3


def run() -> list[Figure]:
    """Put and get, in turn with their baselines; the node's memory meanwhile."""
    with node() as server, hello() as bare:
        server.client("s3").create_bucket(Bucket="bench")
        put(server, 1), get(server)
        before = server.peak_mb()
        puts, gets, copies, sinks = [], [], [], []
        for _ in range(ROUNDS):
            puts.append(put(server, SIZE))
            gets.append(get(server))
            sinks.append(post(bare))
            copies.append(copy())
        mb = SIZE / 1e6
        base = f"copy with fsync {mb / median(copies):,.0f} MB/s"
        sink = f"bare server {mb / median(sinks):,.0f} MB/s"
        return [
            Figure("Bodies", "PutObject 100 MB", mb / median(puts), "MB/s", base, median(copies) / median(puts)),
            Figure(
                "Bodies",
                "PutObject 100 MB, against HTTP alone",
                mb / median(puts),
                "MB/s",
                sink,
                median(sinks) / median(puts),
            ),
            Figure("Bodies", "GetObject 100 MB", mb / median(gets), "MB/s", base, median(copies) / median(gets)),
            Figure(
                "Bodies",
                "the node's peak memory grows by",
                server.peak_mb() - before,
                "MB",
                limit="must not grow with the body",
            ),
        ]


def put(server: Server, size: int) -> float:
    """Seconds for one PutObject of `size` bytes."""
    head = signed(server.port, "s3", "PUT", "/bench/large").replace(b"Content-Length: 0", b"Content-Length: %d" % size)
    return _send(server.port, head, size)


def post(bare: Server) -> float:
    """Seconds for the same bytes into the bare server."""
    return _send(bare.port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % SIZE, SIZE)


def _send(port: int, head: bytes, size: int) -> float:
    import socket

    chunk = b"x" * CHUNK
    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.sendall(head)
        for _ in range(size // CHUNK):
            sock.sendall(chunk)
        sock.sendall(chunk[: size % CHUNK])
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        answer.read()
        assert answer.status == 200, answer.status
    return time.perf_counter() - begun


def get(server: Server) -> float:
    """Seconds for one GetObject, thrown away as it comes."""
    import socket

    begun = time.perf_counter()
    with socket.create_connection(("127.0.0.1", server.port)) as sock:
        sock.sendall(signed(server.port, "s3", "GET", "/bench/large"))
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        while answer.read(CHUNK):
            pass
        assert answer.status == 200, answer.status
    return time.perf_counter() - begun


def copy() -> float:
    """Seconds to write the same bytes into a file and sync it."""
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        chunk = b"x" * CHUNK
        begun = time.perf_counter()
        for _ in range(SIZE // CHUNK):
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
        return time.perf_counter() - begun
