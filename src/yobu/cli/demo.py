"""See the main job run: a photo lands in a bucket, a function makes its thumbnail, a row lands in a table.

Starts a node of its own on a free port with a fresh data folder, deploys, uploads, waits, and stops the node.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table

from yobu.base.errors import YobuError
from yobu.cli import _client
from yobu.kits.demo import package, photos
from yobu.kits.demo.job import FUNCTION, Job, Photo, load
from yobu.server import session

HELP = "see a photo become a thumbnail and a table row"


def add(parser: argparse.ArgumentParser) -> None:
    """Whose photos."""
    parser.add_argument("--image", type=Path, action="append", help="a JPEG of your own (may be given several times)")
    parser.add_argument("--photos", type=int, default=6, help="how many photos to make otherwise (default: 6)")
    parser.add_argument("--out", type=Path, help="folder for the thumbnails (default: a new temporary one)")


def run(args: argparse.Namespace) -> int:
    """The whole story, told as it happens."""
    if args.photos < 1:
        raise YobuError("--photos must be at least 1")
    console = Console()
    own = load(args.image) if args.image else []
    out = args.out or Path(tempfile.mkdtemp(prefix="yobu-demo-"))
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="yobu-demo-data-") as data, _node(Path(data), console) as node:
        job = Job({name: _client.client(node, name) for name in ("s3", "dynamodb", "lambda", "iam")}, b"", _runtime())
        with Progress(SpinnerColumn(), TextColumn("{task.description}"), console=console) as progress:
            _deploy(job, progress)
            _process(job, own or _make(args.photos, progress), progress)
        records = _settled(node, len(job.photos))
        _report(console, job, records)
        path = _save(job, out)
    console.print(f"\nA thumbnail to open: [bold]{path}[/bold]", soft_wrap=True)
    return 0


def _runtime() -> str:
    return f"python3.{sys.version_info.minor}"


@contextmanager
def _node(data: Path, console: Console) -> Iterator[_client.Endpoint]:
    """A node as a user starts it, in its own process; its log is shown where something fails."""
    command = [sys.executable, "-m", "yobu.cli.main", "up", "--port", "0", "--data", str(data)]
    log = data.with_name(data.name + ".log")
    begun = time.monotonic()
    with log.open("wb") as sink, subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT) as process:
        try:
            node = _wait_ready(process, data)
            console.print(
                f"node at {node.url}, ready after {time.monotonic() - begun:.2f} s; data folder {data}", soft_wrap=True
            )
            yield node
        except BaseException:
            console.print(log.read_text(errors="replace"), markup=False)
            raise
        finally:
            process.terminate()
            process.wait(20)
            log.unlink()


def _wait_ready(process: subprocess.Popen[bytes], data: Path) -> _client.Endpoint:
    where = argparse.Namespace(endpoint=None, data=data)
    for _ in range(2000):
        if process.poll() is not None:
            raise YobuError(f"the node stopped with status {process.returncode}")
        if (data / session.FILE).exists():
            return _client.find(where)
        time.sleep(0.01)
    raise YobuError("the node was not ready after 20 s")


def _deploy(job: Job, progress: Progress) -> None:
    task = progress.add_task("packaging the function", total=1)
    job.package = package.build()
    job.deploy(lambda step: progress.update(task, description=f"deploying: {step}"))
    size = len(job.package) / 1e6
    progress.update(task, completed=1, description=f"deployed {FUNCTION} ({size:.1f} MB with Pillow, {job.runtime})")


def _make(count: int, progress: Progress) -> list[Photo]:
    task = progress.add_task("making photos", total=count)
    made = []
    for number in range(count):
        made.append(Photo(f"photo-{number + 1}.jpg", photos.make(number)))
        progress.update(task, advance=1, description=f"made {number + 1} of {count} photos")
    return made


def _process(job: Job, chosen: list[Photo], progress: Progress) -> None:
    """The first photo alone, so that its cold start is seen; then all others at once, so that functions scale out."""
    task = progress.add_task("uploading", total=len(chosen))
    for wave in (chosen[:1], chosen[1:]):
        for photo in wave:
            progress.update(task, description=f"uploading {photo.name}, {len(photo.body) / 1e6:.1f} MB")
            job.upload(photo)
        progress.update(task, description="waiting for rows and thumbnails")
        job.wait(lambda photo: progress.update(task, advance=1, description=f"{photo.name} has its thumbnail and row"))
    progress.update(task, description=f"all {len(chosen)} photos have their thumbnails and rows")


def _settled(node: _client.Endpoint, expected: int) -> list[dict[str, Any]]:
    """The usage records; a record is written with the commit that settles its event, just after the row."""
    for _ in range(200):
        records: list[dict[str, Any]] = _client.admin(node, "GET", "usage")["records"]
        if len(records) >= expected:
            break
        time.sleep(0.01)
    return records


def _report(console: Console, job: Job, records: list[dict[str, Any]]) -> None:
    results = _table("Photos", ("photo", "size"), ("upload ms", "to row ms", "thumbnail kB"))
    for photo in job.photos:
        row, thumbnail = photo.row or {}, photo.thumbnail or b""
        size = f"{row['width']['N']}x{row['height']['N']}, {len(photo.body) / 1e6:.1f} MB"
        times = (photo.upload_s, max(photo.row_at - photo.uploaded_at, 0))
        results.add_row(photo.name, size, *(f"{time * 1000:.0f}" for time in times), f"{len(thumbnail) / 1e3:.1f}")
    console.print(results)
    numbers = ("init ms", "run ms", "billed ms", "MB", "peak MB", "cost $")
    table = _table("Invocations", ("start", "cause"), numbers)
    for record in sorted(records, key=lambda record: record["start_ms"]):
        init = "" if record["init_ms"] is None else f"{record['init_ms']:.0f}"
        table.add_row(
            "cold" if record["cold"] else "warm",
            record["cause"].removesuffix(".amazonaws.com"),
            init,
            f"{record['duration_ms']:.0f}",
            str(record["billed_ms"]),
            str(record["memory_mb"]),
            str(record["max_memory_mb"]),
            f"{float(record['cost']):.7f}",
        )
    console.print(table)
    total = sum(float(record["cost"]) for record in records)
    console.print(f"{len(records)} invocations, ${total:.8f} at AWS's prices; idle time costs nothing.")


def _table(title: str, texts: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in texts:
        table.add_column(name, no_wrap=True)
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _save(job: Job, out: Path) -> Path:
    for photo in job.photos:
        if photo.thumbnail and photo.row:
            (out / photo.row["thumbnail"]["S"]).write_bytes(photo.thumbnail)
    return out / job.photos[0].row["thumbnail"]["S"] if job.photos[0].row else out
