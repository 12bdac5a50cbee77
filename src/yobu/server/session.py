"""What a running node says about itself in its data folder: where it is and with which keys it may be asked.

The commands of the same user find the node by it. Readable by its owner only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yobu.base.errors import YobuError

FILE = "node.json"


def write(folder: Path, said: Mapping[str, object]) -> None:
    """Put `said` into the folder, whole or not at all."""
    path = folder / FILE
    draft = path.with_suffix(".new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(said, file)
    draft.replace(path)


def read(folder: Path) -> dict[str, Any]:
    """What a node said: `pid`, `url`, `account`, `region`, and where it has them `ca`, `access_key`, `secret_key`.

    Empty where no node runs in the folder. Raises YobuError for a file that cannot be read.
    """
    try:
        said: dict[str, Any] = json.loads((folder / FILE).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise YobuError(f"cannot read {folder / FILE}: {error}") from None
    return said


def remove(folder: Path, pid: int) -> None:
    """Take back what the node `pid` said; another node's word at the same path stays."""
    try:
        ours = read(folder).get("pid") == pid
    except YobuError:
        ours = True  # torn: nobody can use it
    if ours:
        (folder / FILE).unlink(missing_ok=True)


def authority(host: str, port: int) -> str:
    """Host and port as a URL has them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
