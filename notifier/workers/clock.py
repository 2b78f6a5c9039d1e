"""The database's time: two workers mean the same by "due", however their machines' clocks are set."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from notifier.service.ports import Clock


class SharedClock:
    """A clock that is put right by the database's; until it is measured it is this machine's.

    What only one process has to measure it measures with its own monotonic clock, which nobody sets.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._read_at = 0.0
        self._base: datetime | None = None

    def now(self) -> datetime:
        """Return the present instant as the database has it: the last one read, and what has passed since."""
        if self._base is None:
            return self._own.now()
        return self._base + timedelta(seconds=self._own.monotonic() - self._read_at)

    def monotonic(self) -> float:
        """Return seconds that never go back."""
        return self._own.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call something in the running loop when so many seconds have passed."""
        return self._own.call_later(seconds, callback)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._own.sleep(seconds)

    def set(self, there: datetime, asked_at: float, answered_at: float) -> float:
        """Take over the database's time, asked for and answered at two instants of the monotonic clock.

        It was read between the two: half the way is the best guess, and half of it the most to be wrong.
        Return by how many seconds it has gone on otherwise than expected, below zero where it was set back.
        """
        read_at = (asked_at + answered_at) / 2
        jump = 0.0
        if self._base is not None:
            jump = (there - self._base).total_seconds() - (read_at - self._read_at)
        self._base, self._read_at = there, read_at
        return jump

    def find_offset_seconds(self) -> float:
        """Return how far the database's clock is ahead of this machine's; below zero, behind it."""
        return (self.now() - self._own.now()).total_seconds()
