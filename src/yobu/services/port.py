"""What a room is given and what it offers: the one file that all rooms share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from botocore import xform_name

from yobu.aws.http import Answer, Params
from yobu.base.clock import Clock
from yobu.base.context import Context
from yobu.base.errors import AwsError
from yobu.base.ids import Ids
from yobu.base.settings import Settings
from yobu.fleet.code import CodeCache
from yobu.fleet.port import Fleet
from yobu.invoke.deliver import Deliveries
from yobu.invoke.invoker import Invoker
from yobu.invoke.queue import EventQueue
from yobu.store.blobs import Blobs
from yobu.store.packed import Packed
from yobu.store.port import Store

Handler = Callable[[Context, Params], Awaitable["Params | Answer"]]


class Call(Protocol):
    """Everything after decoding, for a room that needs another one. Never inside a transaction."""

    async def __call__(self, ctx: Context, service: str, operation: str, params: Params) -> Params:
        """Run an operation of another room and return its output. Raises AwsError."""
        ...


class Admin(Protocol):
    """Where rooms and the fleet hang their `/_yobu/*` doors."""

    def add(
        self, method: str, path: str, handler: Callable[[dict[str, Any]], Awaitable[Any]], *, public: bool = False
    ) -> None:
        """Answer `method /_yobu/<path>` with `handler(query and JSON body merged)`, sent as JSON; a Response as it is.

        `public`: for everybody, unsigned; the handler itself decides whom it answers.
        """
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """The machine below, as every room is given it."""

    settings: Settings
    clock: Clock
    ids: Ids
    store: Store
    blobs: Blobs
    packed: Packed
    fleet: Fleet
    code: CodeCache
    invoker: Invoker
    events: EventQueue
    deliveries: Deliveries
    call: Call
    admin: Admin


class Room:
    """A room: `api.py` of its folder holds a subclass named `Api`.

    Every AWS operation is a method with botocore's snake-case name, `async (ctx, params) -> Params | Answer`.
    `services` are the botocore service names that it answers. `constraint_code` is the error code under which
    the model's own constraints (length, pattern, enum) are refused before the method is called; None leaves
    them to the methods. `checked_here` names input members that the methods check alone, since AWS words
    their refusal otherwise or newer values are taken than the installed model knows.
    """

    services: ClassVar[tuple[str, ...]] = ()
    constraint_code: ClassVar[str | None] = "ValidationException"
    checked_here: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, parts: Parts) -> None:
        self.parts = parts

    def operation(self, service: str, name: str) -> Handler | None:
        """The method for an operation of AWS's model, or None where it is not built."""
        method: Handler | None = getattr(self, xform_name(name), None)
        return method

    async def start(self) -> None:
        """Begin background work. Called once, before the first request."""

    async def stop(self) -> None:
        """End background work, within seconds."""

    def reset(self) -> None:
        """Forget what is cached in memory: the store has just been emptied."""


def not_built(what: str) -> AwsError:
    """The refusal of a parameter or form whose behaviour is not built (law 10): 501 `NotImplemented`."""
    return AwsError("NotImplemented", f"yobu does not offer {what} yet.", 501)
