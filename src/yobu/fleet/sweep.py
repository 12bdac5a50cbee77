"""Ends processes that environments left behind: marks in, SIGKILL out, and never to a process that is not ours.

A process is ours when the mark of an environment stands in its environment variables, or when it leads the session
that we recorded under its number and its start time. In the process tier this is how a function's daemons are
found, which left its process group (setsid); between a node's SIGKILL and its next start they live on.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from yobu.fleet.variables import MARK

RECORD = "process"

_PROC = Path("/proc")


def record(folder: Path, pid: int) -> None:
    """Write down which process lives in the environment folder."""
    (folder / RECORD).write_text(f"{pid} {start_time(pid)} {boot()}")


def boot() -> str:
    """Which run of the kernel this is: process numbers and start times begin anew with each."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def start_time(pid: int) -> str:
    """When a process began, in the kernel's ticks since boot; empty where that cannot be seen."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return ""
    # The name stands in parentheses and may hold any character; field 22 is the 20th after it.
    return text.rpartition(")")[2].split()[19]


def end_marked(wanted: Callable[[str], bool]) -> int:
    """Kill every process whose mark is wanted, until no further one is found; the number killed."""
    killed: set[int] = set()
    while found := {pid for pid, mark in _marked() if wanted(mark)} - killed:  # one may fork meanwhile
        killed |= {pid for pid in found if _kill(pid, wanted)}
        if not found <= killed:
            break
    return len(killed)


def sweep(environments: Path) -> int:
    """At the node's start: end what a killed node left, and drop its folders; the number of processes killed."""
    if not environments.is_dir():
        return 0
    killed = sum(_end_recorded(Path(entry.path)) for entry in os.scandir(environments))
    prefix = f"{environments}{os.sep}"
    killed += end_marked(lambda mark: mark.startswith(prefix))
    shutil.rmtree(environments, ignore_errors=True)
    return killed


def _end_recorded(folder: Path) -> int:
    try:
        pid, began, kernel = (folder / RECORD).read_text().split()
    except (OSError, ValueError):
        return 0
    if (began, kernel) != (start_time(int(pid)), boot()):
        return 0
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(int(pid), signal.SIGKILL)
        return 1
    return 0


def _marked() -> Iterator[tuple[int, str]]:
    """Every process that carries a mark, and the mark."""
    if not _PROC.is_dir():
        return
    for entry in os.scandir(_PROC):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            mark = _mark(int(entry.name))
            if mark is not None:
                yield int(entry.name), mark


def _mark(pid: int) -> str | None:
    try:
        variables = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return None
    name = f"{MARK}=".encode()
    for variable in variables.split(b"\0"):
        if variable.startswith(name):
            return variable[len(name) :].decode(errors="replace")
    return None


def _kill(pid: int, wanted: Callable[[str], bool]) -> bool:
    """Kill through a descriptor, so that a number given to another process meanwhile does no harm."""
    try:
        handle = os.pidfd_open(pid)
    except (AttributeError, OSError):
        return False
    try:
        mark = _mark(pid)
        if mark is None or not wanted(mark):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
