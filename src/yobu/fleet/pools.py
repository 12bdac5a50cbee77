"""Who is free: environments by function version, newest first, and all of them by how long they have waited.

Every step is O(1). Knows nothing of processes.
"""

from __future__ import annotations

from yobu.fleet.environment import Environment
from yobu.fleet.port import FunctionSpec

Key = tuple[str, str, str]


def key_of(spec: FunctionSpec) -> Key:
    """What makes environments interchangeable."""
    return spec.arn, spec.version, spec.revision


class Pools:
    """All environments of a fleet. A dict without values is an ordered set: last in, first out, and any one out."""

    def __init__(self) -> None:
        self._all: dict[str, dict[Environment, None]] = {}
        self._free: dict[Key, dict[Environment, None]] = {}
        self._waiting: dict[Environment, None] = {}
        self._working: dict[Environment, None] = {}

    def add(self, environment: Environment) -> None:
        """A new one, at work from the start."""
        self._all.setdefault(environment.spec.arn, {})[environment] = None
        self._working[environment] = None

    def take(self, spec: FunctionSpec) -> Environment | None:
        """The one that became free last, now at work; None where none is free."""
        key = key_of(spec)
        free = self._free.get(key)
        if free is None:
            return None
        environment, _ = free.popitem()
        if not free:
            del self._free[key]
        del self._waiting[environment]
        self._working[environment] = None
        return environment

    def give_back(self, environment: Environment) -> None:
        """It is free."""
        del self._working[environment]
        self._free.setdefault(key_of(environment.spec), {})[environment] = None
        self._waiting[environment] = None

    def withdraw(self, environment: Environment) -> None:
        """It takes no further event; it stays known until `remove`."""
        if environment not in self._waiting:
            return
        del self._waiting[environment]
        key = key_of(environment.spec)
        free = self._free[key]
        del free[environment]
        if not free:
            del self._free[key]

    def remove(self, environment: Environment) -> None:
        """It is gone. Known or not, as often as you like."""
        self.withdraw(environment)
        self._working.pop(environment, None)
        arn = environment.spec.arn
        known = self._all.get(arn)
        if known is not None:
            known.pop(environment, None)
            if not known:
                del self._all[arn]

    def of(self, arn: str, version: str | None) -> list[Environment]:
        """All of a function, or of one version."""
        return [one for one in self._all.get(arn, ()) if version in (None, one.spec.version)]

    def everyone(self) -> list[Environment]:
        """All there are."""
        return [environment for known in self._all.values() for environment in known]

    def oldest(self) -> Environment | None:
        """The one that has been free for longest."""
        return next(iter(self._waiting), None)

    @property
    def working(self) -> dict[Environment, None]:
        """Those that start or handle an event."""
        return self._working
