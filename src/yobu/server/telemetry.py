"""What the port call counts: calls, failures and time, by service and operation.

In: one record a call. Out: a plain dict for the admin doors. Constant memory: operations are those of the models.
"""

from __future__ import annotations

from typing import Any


class _Tally:
    __slots__ = ("calls", "client_errors", "seconds", "server_errors", "slowest")

    def __init__(self) -> None:
        self.calls = 0
        self.client_errors = 0
        self.server_errors = 0
        self.seconds = 0.0
        self.slowest = 0.0


class Telemetry:
    """Tallies since the start, or since the last `reset`."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def record(self, service: str, operation: str, status: int, seconds: float) -> None:
        """Count a call that took `seconds`; `status` is 200 where it raised nothing."""
        tally = self._tallies.get((service, operation))
        if tally is None:
            tally = self._tallies[service, operation] = _Tally()
        tally.calls += 1
        tally.seconds += seconds
        if seconds > tally.slowest:
            tally.slowest = seconds
        if status >= 500:
            tally.server_errors += 1
        elif status >= 400:
            tally.client_errors += 1

    def reset(self) -> None:
        """Begin again at nothing."""
        self._tallies.clear()

    def stats(self) -> dict[str, Any]:
        """`{"service:Operation": {"calls", "client_errors", "server_errors", "mean_ms", "max_ms"}}`, sorted."""
        return {
            f"{service}:{operation}": {
                "calls": tally.calls,
                "client_errors": tally.client_errors,
                "server_errors": tally.server_errors,
                "mean_ms": round(tally.seconds / tally.calls * 1000, 3),
                "max_ms": round(tally.slowest * 1000, 3),
            }
            for (service, operation), tally in sorted(self._tallies.items())
        }
