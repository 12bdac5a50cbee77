"""Group commit of the store alone: writers in one process, values of three sizes, syncs counted."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from bench.figures import Figure, median
from yobu.store.port import Tx
from yobu.store.sqlite import SqliteStore

SECONDS = 1.0
SIZES = {"0.3 KB": 300, "4 KB": 4096, "400 KB": 400 * 1024}
WRITERS = (1, 8, 64)


def run() -> list[Figure]:
    """Writes a second and p50 for each; a single fsync of as many bytes as the baseline."""
    figures = []
    for name, size in SIZES.items():
        for writers in WRITERS:
            base = sync_s(size)
            rate, p50 = uvloop.run(measure(writers, size, SECONDS))
            label = f"{writers} writers of {name}" if writers > 1 else f"1 writer of {name}"
            syncs = count_syncs(writers, size)
            note = "" if syncs is None else f"{syncs:.2f} syncs a write"
            figures.append(
                Figure("Group commit", label, rate, "1/s", f"write + fsync {1 / base:,.0f}/s", rate * base, note=note)
            )
            figures.append(Figure("Group commit", f"{label}, p50", p50 * 1000, "ms", "write + fsync", p50 / base))
    return figures


async def measure(writers: int, size: int, seconds: float) -> tuple[float, float]:
    """Writes a second, and the median seconds of one write."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        store = await SqliteStore.open(Path(folder) / "store.db")
        times: list[float] = []
        value = os.urandom(size)
        end = time.perf_counter() + seconds

        async def writer(number: int) -> None:
            at = 0
            while (begun := time.perf_counter()) < end:
                at += 1
                key = b"%d/%d" % (number, at % 500)

                async def put(tx: Tx, key: bytes = key) -> None:
                    tx.put(key, value)

                await store.write(put)
                times.append(time.perf_counter() - begun)

        begun = time.perf_counter()
        await asyncio.gather(*(writer(number) for number in range(writers)))
        took = time.perf_counter() - begun
        await store.close()
        return len(times) / took, median(times)


def sync_s(size: int) -> float:
    """Seconds to append `size` bytes to a file and sync it."""
    times = []
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        value = os.urandom(size)
        for _ in range(20):
            begun = time.perf_counter()
            os.write(file.fileno(), value)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begun)
    return median(times)


def count_syncs(writers: int, size: int) -> float | None:
    """Syncs for each write, as strace counts them in a run of its own; None where it is not installed."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    code = (
        "import uvloop; from bench.commits import measure; "
        f"rate, _ = uvloop.run(measure({writers}, {size}, 0.5)); print(rate)"
    )
    command = [strace, "-f", "-qq", "-e", "trace=fsync,fdatasync", sys.executable, "-c", code]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    syncs = len(re.findall(r"\b(?:fsync|fdatasync)\(", out.stderr))
    return syncs / max(1.0, float(out.stdout) * 0.5)
