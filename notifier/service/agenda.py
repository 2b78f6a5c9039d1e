"""What is to be polled when: those who poll take what is due, and wait only where nothing is."""

import asyncio
import heapq
from collections import deque
from collections.abc import Iterable

from notifier.domain.watch import Target
from notifier.service.ports import Clock


class Agenda:
    """The targets in the order of their time; those of the beginning are due at once, as they are listed.

    Who polls takes the next target without a task or a queue between: while something is due, `take` does not
    even wait. One timer, for the earliest target, wakes one of those who wait, and each wakes the next.
    """

    def __init__(self, targets: Iterable[Target], clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self._call_later = clock.call_later
        now = clock.monotonic()
        self._due = [(now, place, target) for place, target in enumerate(targets)]
        self._idle: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._is_closed = False

    async def take(self) -> tuple[int, Target] | None:
        """Give the next target with its place, as soon as it is due; None when the agenda is closed."""
        while not self._is_closed:
            if self._due and self._due[0][0] <= self._monotonic():
                _, place, target = heapq.heappop(self._due)
                if self._idle:
                    self._set_timer()
                return place, target
            waiting = asyncio.get_running_loop().create_future()
            self._idle.append(waiting)
            self._set_timer()
            await waiting
        return None

    def put(self, due: float, place: int, target: Target) -> None:
        """Let a target be due again, at an instant of the monotonic clock."""
        heapq.heappush(self._due, (due, place, target))
        if self._idle and self._due[0][1] == place:
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
        due = self._due[0][0]
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
