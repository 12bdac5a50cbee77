"""What a node must not leave behind: processes, sockets, mounts, and files that nothing names.

Looks at the system and into the data folder from outside. Daemons are the exception: a function's process that left
its session outlives a killed node until the next start.
"""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from tests.journeys.running import RunningNode

from yobu.store.due import DueQueue
from yobu.store.port import MAX_SCAN, Range
from yobu.store.space import Space
from yobu.store.sqlite import SqliteStore

DAEMON = ["sleep", "61"]
"""What a function runs as a daemon, so that it can be told from the rest."""


def alive(node: RunningNode) -> list[str]:
    """The processes of the data folder's environments, without daemons."""
    daemon = b"\0".join(word.encode() for word in DAEMON) + b"\0"
    found = []
    for pid in node.environments():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue  # it has just ended
        if command != daemon:
            found.append(f"process {pid} {command!r}")
    return found


def sockets(node: RunningNode) -> list[str]:
    """Listening or named sockets, and mounts, of a node that has ended."""
    port = f":{urlsplit(node.url).port:04X}"
    found = []
    for table in ("tcp", "tcp6"):
        rows = [line.split() for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
        found += [f"socket {row[1]}" for row in rows if row[1].endswith(port) and row[3] == "0A"]
    for table in ("net/unix", "mounts"):
        found += [line for line in Path(f"/proc/{table}").read_text().splitlines() if str(node.data) in line]
    return found


async def files(data: Path) -> list[str]:
    """Temporary files, and bodies without an owner, in the folder of a node that was stopped."""
    # run/cache holds Python's compiled files, which are kept until the next start on purpose.
    places = [path for path in (data / "run").iterdir() if path.name != "cache"]
    found = [f"file {path}" for place in places for path in place.rglob("*")]
    found += [f"draft {path.name}" for path in (data / "blobs" / "drafts").iterdir()]
    found += [f"file {path}" for path in (data / "code").glob(".partial-*")]
    bodies = {path.name for path in (data / "blobs").glob("??/*")}
    owned = await _owned(data)
    found += [f"body without an owner {name}" for name in sorted(bodies - owned)]
    return found + [f"owner without a body {name}" for name in sorted(owned - bodies)]


async def _owned(data: Path) -> set[str]:
    """The bodies that are kept, or will be deleted and whose file is still there."""
    store = await SqliteStore.open(data / "store.db")
    try:
        kept: Space[int] = Space(("blob",), int)
        deleted: DueQueue[str] = DueQueue("blob", str)
        found = {kept.parts(key)[0] for key, _ in await _all(store, kept.range())}
        released = {deleted.decode(value) for _, value in await _all(store, deleted.everything)}
        return found | {name for name in released if os.path.exists(data / "blobs" / name[:2] / name)}
    finally:
        await store.close()


async def _all(store: SqliteStore, range: Range) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    while page := await store.scan(range, MAX_SCAN):
        found += page
        range = Range(page[-1][0] + b"\0", range.end)
    return found
