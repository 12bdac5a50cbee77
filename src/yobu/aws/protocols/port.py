"""What a protocol's codec is to aws/service.py: routing, and a closure per operation and direction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from yobu.aws.http import Body, Params, Request, Response
from yobu.aws.shapes import OperationModel

Parse = Callable[[Request, "bytes | Body"], Params]
"""A request to an operation's input. Raises AwsError."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a serialiser needs: the output, its status where the room chose one, and what it answers."""

    output: Params
    status: int | None
    request_id: str
    request: Request


Serialise = Callable[[Reply], Response]


class Codec(Protocol):
    """One service's wire in one protocol."""

    def route(self, request: Request, body: bytes) -> str:
        """The operation's name. Raises AwsError in the service's words where there is none."""
        ...

    def parser(self, operation: OperationModel) -> Parse:
        """Compile the way in."""
        ...

    def serialiser(self, operation: OperationModel) -> Serialise:
        """Compile the way out."""
        ...
