"""How journeys run the `yobu` command: as a user does, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.journeys.running import clean_environment

YOBU = Path(sys.executable).with_name("yobu")


def run(
    *arguments: str, status: int = 0, stdin: bytes | None = None, **variables: str
) -> subprocess.CompletedProcess[str]:
    """The finished command, which must end with `status`."""
    done = subprocess.run(
        [str(YOBU), *arguments],
        env={**clean_environment(), "NO_COLOR": "1", **variables},
        input=stdin.decode() if stdin is not None else "",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done
