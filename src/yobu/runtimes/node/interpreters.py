"""Which node of this host runs a `nodejsNN.x` function: a major version in, an interpreter out. Knows no functions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from yobu.base.errors import YobuError

OLDEST = 18  # of what bootstrap.cjs runs on

_FOLDERS = ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin")
# Where nvm, fnm, n, volta, asdf, mise and Homebrew put each version; `{}` is a major version or `*`.
_INSTALLS = (
    "~/.nvm/versions/node/v{}.*/bin/node",
    "~/.local/share/fnm/node-versions/v{}.*/installation/bin/node",
    "/usr/local/n/versions/node/{}.*/bin/node",
    "~/.volta/tools/image/node/{}.*/bin/node",
    "~/.asdf/installs/nodejs/{}.*/bin/node",
    "~/.local/share/mise/installs/node/{}.*/bin/node",
    "/opt/homebrew/opt/node@{}/bin/node",
    "/usr/local/opt/node@{}/bin/node",
)
_VERSION = re.compile(r"v((\d+)\.\d+\.\d+)\S*")
_HINT = (
    f"No Node.js of version {OLDEST} or newer was found on this host: install one (https://nodejs.org/en/download, or "
    "the system's package nodejs), put it on the node's PATH, and try again."
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """`path` runs Node.js `version` (`v20.20.2`)."""

    path: str
    version: str

    @property
    def major(self) -> int:
        """The number that a runtime string names."""
        return int(self.version[1:].partition(".")[0])


@cache
def interpreter(major: int) -> Interpreter:
    """A node of exactly that major version, or else the first that is found. Looked for once a version.

    Raises YobuError where there is none of `OLDEST` or newer; that is not remembered.
    """
    other = None
    for path in dict.fromkeys((*_on_path(major), *_installed(str(major)))):
        found = _ask(path) if os.access(path, os.X_OK) else None
        if found is None:
            continue
        if found.major == major and major >= OLDEST:
            return found
        if other is None and found.major >= OLDEST:
            other = found
    if other is None:
        candidates = (found for path in _installed("*") if (found := _ask(path)) is not None)
        other = next((found for found in candidates if found.major >= OLDEST), None)
    if other is None:
        raise YobuError(_HINT)
    return other


def _on_path(major: int) -> Iterator[str]:
    for name in (f"node{major}", f"node-{major}", "node", "nodejs"):
        on_path = shutil.which(name)
        if on_path is not None and not _is_shim(on_path):
            yield on_path
        for folder in _FOLDERS:
            yield os.path.join(folder, name)


def _is_shim(path: str) -> bool:
    """Whether a version manager stands at `path`, which fails in a function's environment. Its versions are found."""
    real = Path(os.path.realpath(path))
    return real.parent.name == "shims" or not real.name.startswith("node")


def _installed(major: str) -> Iterator[str]:
    """The newest first."""
    patterns = list(_INSTALLS)
    if "NVM_DIR" in os.environ:
        patterns.insert(0, os.environ["NVM_DIR"] + "/versions/node/v{}.*/bin/node")
    for pattern in patterns:
        path = Path(pattern.replace("{}", major)).expanduser()
        yield from sorted(
            map(str, Path(path.anchor).glob(str(path.relative_to(path.anchor)))), key=_order, reverse=True
        )


def _order(path: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path))


@cache
def _ask(path: str) -> Interpreter | None:
    """What `path` says that it is; None where it does not really run: a shim or a broken install."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, timeout=10, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.fullmatch(done.stdout.strip())
    return Interpreter(path, f"v{match[1]}") if done.returncode == 0 and match else None
