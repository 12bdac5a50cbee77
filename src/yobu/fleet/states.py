"""The life of an environment as a table: what may happen in which state, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class State(Enum):
    """Where an environment stands. (Frozen between invocations comes with the sandbox.)"""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    DEAD = "dead"


class Event(Enum):
    """What happens to an environment."""

    READY = "ready"
    INVOKE = "invoke"
    ANSWER = "answer"
    END = "end"


MOVES: Final[Mapping[tuple[State, Event], State]] = MappingProxyType(
    {
        (State.STARTING, Event.READY): State.IDLE,
        (State.STARTING, Event.END): State.DEAD,
        (State.IDLE, Event.INVOKE): State.BUSY,
        (State.IDLE, Event.END): State.DEAD,
        (State.BUSY, Event.ANSWER): State.IDLE,
        (State.BUSY, Event.END): State.DEAD,
    }
)


def move(state: State, event: Event) -> State:
    """The next state. Raises ValueError where the event cannot happen in this one."""
    try:
        return MOVES[state, event]
    except KeyError:
        raise ValueError(f"an environment that is {state.value} cannot take {event.value!r}") from None
