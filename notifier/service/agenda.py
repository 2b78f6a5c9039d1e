"""What is to be polled when: those who poll take what is due, and wait only where nothing is."""

import asyncio
import heapq
from collections import deque
from collections.abc import Iterable
from typing import Final

from notifier.domain.watch import Target
from notifier.service.ports import Clock

_PLACE_BITS: Final = 32
_PLACE_MASK: Final = (1 << _PLACE_BITS) - 1
_MICRO: Final = 1_000_000


class Agenda:
    """The targets in the order of their time; those of the beginning are due as they are listed.

    `step_seconds` is the time between two of them at the beginning, so that they do not all come at once.

    Who polls takes the next target without a task or a queue between, and without a wait while one is due.
    One timer, for the earliest target, wakes one of those who wait, and each wakes the next.

    An entry is one integer, the instant in whole microseconds and the place behind it: a third of what
    a tuple would take, and compared without a call. Taking and putting are O(log n).
    """

    def __init__(self, targets: Iterable[Target], clock: Clock, step_seconds: float = 0.0) -> None:
        self._monotonic = clock.monotonic
        self._call_later = clock.call_later
        self._targets = tuple(targets)
        now = clock.monotonic()
        # In this order it is a heap already.
        self._due = [_enter(now + place * step_seconds, place) for place in range(len(self._targets))]
        self._idle: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._is_closed = False

    def pop(self) -> tuple[int, Target] | None:
        """Give the next target with its place, None where nothing is due or the agenda is closed."""
        due = self._due
        if self._is_closed or not due or due[0] >= (int(self._monotonic() * _MICRO) + 1) << _PLACE_BITS:
            return None
        place = heapq.heappop(due) & _PLACE_MASK
        if self._idle:
            self._set_timer()
        return place, self._targets[place]

    async def take(self) -> tuple[int, Target] | None:
        """Give the next target with its place, as soon as it is due; None when the agenda is closed."""
        while not self._is_closed:
            taken = self.pop()
            if taken is not None:
                return taken
            waiting = asyncio.get_running_loop().create_future()
            self._idle.append(waiting)
            self._set_timer()
            await waiting
        return None

    def put(self, due: float, place: int) -> None:
        """Let a target be due again, at an instant of the monotonic clock."""
        # As `_enter` does, without a call: every poll ends here.
        entry = int(due * _MICRO) << _PLACE_BITS | place
        heapq.heappush(self._due, entry)
        if self._idle and self._due[0] == entry:
            self._set_timer()

    def close(self) -> None:
        """Give nothing any more, also to those who wait."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        while self._idle:
            self._wake()

    def _set_timer(self) -> None:
        """See to it that one of those who wait is woken when the earliest target is due."""
        if not self._due:
            return
        due = (self._due[0] >> _PLACE_BITS) / _MICRO
        if self._timer is not None:
            if self._rings_at <= due:
                return
            self._timer.cancel()
        self._rings_at = due
        seconds = max(0.0, due - self._monotonic())
        self._timer = self._call_later(seconds, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._idle:
            self._wake()

    def _wake(self) -> None:
        waiting = self._idle.popleft()
        if not waiting.done():
            waiting.set_result(None)


def _enter(due: float, place: int) -> int:
    """Return the entry of a place at an instant; a part of a microsecond is cut off."""
    return int(due * _MICRO) << _PLACE_BITS | place
