"""Which Python of this host runs a `python3.x` function: a version in, an interpreter out. Knows no functions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

OLDEST = (3, 8)  # of what bootstrap.py runs on

_INSTALLS = ("~/.pyenv/versions", "~/.local/share/uv/python", "/opt/python", "/opt/homebrew/opt", "/usr/local/opt")
_FOLDERS = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`path` runs Python `version` (major, minor); `own` where it is the node's."""

    path: str
    version: tuple[int, int]
    own: bool


@cache
def interpreter(version: tuple[int, int]) -> Interpreter:
    """The interpreter of exactly that version, or the node's own. Looked for once: a new install needs a restart."""
    own = Interpreter(_own_path(), sys.version_info[:2], own=True)
    if version == own.version or version < OLDEST:
        return own
    for path in _candidates(version):
        if _answers(path, version):
            return Interpreter(path, version, own=False)
    return own


@cache
def sdk_folder(version: tuple[int, int]) -> str | None:
    """The folder that holds the node's boto3, or None where a Python of that version cannot run it."""
    try:
        found = distribution("boto3")
    except PackageNotFoundError:
        return None
    needed = (found.metadata["Requires-Python"] or "").replace(" ", "")
    for clause in needed.split(","):
        if clause.startswith(">="):
            lowest = tuple(int(part) for part in clause[2:].split(".")[:2])
            if version < lowest:
                return None
    return str(found.locate_file(""))


def _own_path() -> str:
    """The node's interpreter outside its virtual environment, whose packages are not the functions'."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    return base


def _candidates(version: tuple[int, int]) -> Iterator[str]:
    name = f"python{version[0]}.{version[1]}"
    on_path = shutil.which(name)
    # A pyenv shim answers for versions that are not there, slowly; its versions are looked through below.
    if on_path is not None and Path(on_path).parent.name != "shims":
        yield on_path
    for folder in _FOLDERS:
        yield os.path.join(folder, name)
    installs = [os.environ["PYENV_ROOT"] + "/versions"] if "PYENV_ROOT" in os.environ else []
    for folder in (*installs, *_INSTALLS):
        for path in sorted(Path(folder).expanduser().glob(f"*/bin/{name}"), reverse=True):
            yield str(path)


def _answers(path: str, version: tuple[int, int]) -> bool:
    """Whether `path` really is that Python: a shim or a broken install is not."""
    if not os.access(path, os.X_OK):
        return False
    probe = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", probe],
            capture_output=True,
            timeout=10,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == f"{version[0]}.{version[1]}"
