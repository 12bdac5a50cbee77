"""Two times: what AWS shows or waits for, and what really passes.

`Clock.now()` is platform time: retries, visibility, schedules, TTL, timestamps in answers. It can be moved
forward, never back. `elapsed()` is real and monotonic: timeouts and leases of running work, durations, billing.
Nothing here knows what is waited for.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from datetime import UTC, datetime
from itertools import count


class Clock:
    """Platform time in seconds since 1970 (UTC). `offset` is what the user has moved it forward, in seconds."""

    def __init__(self, offset: float = 0.0) -> None:
        self._offset = offset
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def offset(self) -> float:
        """Seconds that platform time runs ahead of real time."""
        return self._offset

    def now(self) -> float:
        """Platform time, seconds since 1970."""
        return time.time() + self._offset

    def now_ms(self) -> int:
        """Platform time, whole milliseconds since 1970."""
        return int((time.time() + self._offset) * 1000)

    def real(self) -> float:
        """Real time, seconds since 1970: signature dates are checked against this one."""
        return time.time()

    def elapsed(self) -> float:
        """Real, monotonic seconds from an arbitrary start."""
        return time.perf_counter()

    def advance(self, seconds: float) -> None:
        """Move platform time forward and wake whoever is due. Raises ValueError on a negative step."""
        if seconds < 0:
            raise ValueError("platform time never goes back")
        self._offset += seconds
        self._wake()

    async def sleep_until(self, instant: float) -> None:
        """Wait until platform time reaches `instant` (seconds since 1970), however it gets there."""
        if instant <= self.now():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (instant, next(self._order), future))
        self._arm()
        await future

    def _arm(self) -> None:
        """Keep one timer for the earliest sleeper; cancelled ones are dropped on the way."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        if self._sleepers:
            delay = self._delay(self._sleepers[0][0])
            if delay is not None:
                # Long waits are cut into hours, so that a change of the host's clock is noticed.
                self._timer = asyncio.get_running_loop().call_later(min(max(delay, 0.0), 3600.0), self._wake)

    def _delay(self, instant: float) -> float | None:
        """Real seconds until `instant`, or None where only `advance` brings it nearer."""
        return instant - self.now()

    def _wake(self) -> None:
        now = self.now()
        while self._sleepers and self._sleepers[0][0] <= now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)
        self._arm()


class FakeClock(Clock):
    """Stands still until it is advanced. A shipped product for tests; both times move together."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        super().__init__()
        self._start = start

    def now(self) -> float:
        """The start and what was advanced."""
        return self._start + self._offset

    def now_ms(self) -> int:
        """The same in whole milliseconds."""
        return int(self.now() * 1000)

    def real(self) -> float:
        """Real time does not pass: signatures are as old as they were at the start."""
        return self._start

    def elapsed(self) -> float:
        """Moves with `advance`."""
        return self._offset

    def _delay(self, instant: float) -> float | None:
        return None


def iso_millis(seconds: float) -> str:
    """`2026-11-25T01:02:03.456Z`: the form of S3 records and REST timestamps."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_offset(seconds: float) -> str:
    """`2026-11-25T01:02:03.456+0000`: the form of Lambda's LastModified."""
    return (
        datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(seconds * 1000) % 1000:03d}+0000"
    )
