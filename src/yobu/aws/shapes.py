"""What every codec asks of botocore's shapes: member names, recursion, timestamps' forms.

In come botocore shapes; out go closures, compiled once and memoised. Knows nothing of any wire form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from botocore.model import Shape

F = TypeVar("F", bound=Callable[..., Any])

INTEGERS = frozenset({"integer", "long", "short", "byte", "biginteger"})
FLOATS = frozenset({"float", "double", "bigdecimal"})
TEXTS = frozenset({"string", "character", "blob", "timestamp", "boolean"}) | INTEGERS | FLOATS


def wire_name(shape: Shape, name: str) -> str:
    """A member's name on the wire."""
    found: str = shape.serialization.get("name", name)
    return found


def timestamp_format(shape: Shape, default: str) -> str:
    """`iso8601`, `rfc822` or `unixtimestamp`, in lower case."""
    found: str = shape.serialization.get("timestampFormat", default)
    return found.lower()


class Memo(Generic[F]):
    """Closures by shape, so that each is compiled once and a shape may hold itself.

    `build(shape)` makes a shape's closure and asks `get` for its members'. A shape that holds itself gets a
    forwarder to the closure that is still being made.
    """

    def __init__(self, build: Callable[[Shape], F]) -> None:
        self._build = build
        self._made: dict[str, F] = {}
        self._open: dict[str, list[F]] = {}

    def get(self, shape: Shape) -> F:
        """The shape's closure."""
        # A shape object is made anew for each reference, with the reference's own traits: those belong to the key.
        key = f"{shape.name} {sorted(shape.serialization.items(), key=str)}"
        if (made := self._made.get(key)) is not None:
            return made
        if (pending := self._open.get(key)) is not None:

            def forward(*args: Any) -> Any:
                return pending[0](*args)

            return forward  # type: ignore[return-value]
        cell = self._open[key] = []
        made = self._build(shape)
        cell.append(made)  # `forward`s that were handed out meanwhile now lead here
        del self._open[key]
        self._made[key] = made
        return made
