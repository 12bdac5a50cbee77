"""The ports that the front door calls: rooms, and who signed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from yobu.aws.http import Answer, Params
from yobu.base.context import Context, Principal
from yobu.base.context import Signer as Signer

Handler = Callable[[Context, Params], Awaitable["Params | Answer"]]


class Room(Protocol):
    """What dispatch needs of a room (services/port.py has the class)."""

    @property
    def services(self) -> Sequence[str]:
        """Botocore service names."""
        ...

    @property
    def constraint_code(self) -> str | None:
        """The error code for broken model constraints, or None."""
        ...

    @property
    def checked_here(self) -> frozenset[str]:
        """Input members whose constraints the room checks itself."""
        ...

    def operation(self, service: str, name: str) -> Handler | None:
        """The handler of an operation, or None where it is not built."""
        ...


class Principals(Protocol):
    """Who holds an access key; iam implements."""

    async def find(self, access_key: str) -> Signer | None:
        """The key's owner, or None for a key that is unknown."""
        ...

    def anyone(self, access_key: str) -> Principal:
        """Without `--auth`: whom a key that nobody checks stands for. A key of 12 digits is that account's root."""
        ...
