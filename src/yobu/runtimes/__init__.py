"""Language families: one file or folder each. What runs inside an environment imports nothing from yobu.

A module here is found by its two functions, `serves` and `launch` (fleet.port.Runtime); adding one edits nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Launch:
    """How to start one environment process: an argument vector, its environment, its working folder.

    `environment` holds only what is the language's (AWS_EXECUTION_ENV, PATH); the fleet adds the rest. `warning` is
    what the function's owner should know: the host has not exactly what the runtime string asks for.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    cwd: str
    warning: str | None = None
