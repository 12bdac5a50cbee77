"""Functions for the benchmarks."""

from __future__ import annotations

import io
import sys
import zipfile
from typing import Any

ROLE = "arn:aws:iam::000000000000:role/bench"
RUNTIME = f"python3.{sys.version_info.minor}"
ECHO = "def handler(event, context):\n    return event\n"
NODE_ECHO = "exports.handler = async (event) => event;\n"


def package(source: str, name: str = "app.py") -> bytes:
    """A zip with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, source)
    return out.getvalue()


def create(client: Any, name: str, source: str = ECHO, **more: Any) -> None:
    """Create a function and wait until it is active."""
    client.create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Role=ROLE,
        Handler="app.handler",
        Code={"ZipFile": package(source)},
        **more,
    )
    active(client, name)


def active(client: Any, name: str) -> None:
    """Wait, without the waiter's whole seconds."""
    while client.get_function_configuration(FunctionName=name)["State"] != "Active":
        pass
