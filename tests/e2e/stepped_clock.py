"""A clock that stands still while anything is being done, and goes on to the next timer when all is quiet.

What runs by it does real requests and really writes to its store, in a loop of its own (`run_by`). Time
passes only when the loop has nothing to do and no request is under way; work of threads is done at once. So
nothing is late on a busy machine.
"""

import asyncio
import heapq
import selectors
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from time import monotonic
from typing import Any, Final
from unittest.mock import patch

from aiohttp import ClientResponse, ClientSession

LOOK_SECONDS: Final = 10.0
"""From here on a wait is a look at the clock, whether something is due; a shorter one is a pace."""
LEAST_SECONDS: Final = 1e-6


class SteppedClock:
    """A clock that others wait by, and that is moved to the earliest of those waits.

    `begin` is what it shows at first. Of looks, which would come each quarter of a minute, there is one for
    each `step_seconds` at the most.
    """

    def __init__(self, begin: datetime, step_seconds: float) -> None:
        self._begin = begin
        self._step_seconds = step_seconds
        self._began = monotonic()
        self._elapsed = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = count()

    def now(self) -> datetime:
        """Return the instant that it shows."""
        return self._begin + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return seconds that never go back, from where the machine's own stood at the beginning."""
        return self._began + self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Wait; one who looks at the clock now and then does so with the others."""
        if seconds >= LOOK_SECONDS:
            step = self._step_seconds
            seconds = max(seconds, step - self._elapsed % step)
        await self._wait(seconds)

    async def until(self, days: float) -> None:
        """Wait until so many days have passed since the beginning."""
        await self._wait(days * 86_400 - self._elapsed)

    def call_later(self, seconds: float, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call something when so many of its seconds have passed."""
        loop = asyncio.get_running_loop()
        due = self._elapsed + max(seconds, 0.0)
        timer = asyncio.TimerHandle(due, callback, (), loop)
        heapq.heappush(self._timers, (due, next(self._numbers), timer))
        return timer

    def step(self) -> bool:
        """Go on to the earliest timer and call all that are due then; return False when there is none."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        if not self._timers:
            return False
        # As on any clock some time has passed: an instant that is a rounding away comes, too.
        self._elapsed = max(self._elapsed + LEAST_SECONDS, self._timers[0][0])
        while self._timers and self._timers[0][0] <= self._elapsed:
            _, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled():
                timer._run()
        return True

    async def _wait(self, seconds: float) -> None:
        done = asyncio.Event()
        timer = self.call_later(seconds, done.set)
        try:
            await done.wait()
        finally:
            timer.cancel()


class Traffic:
    """Knows whether a request is under way, while it is `watched`."""

    def __init__(self) -> None:
        self._leaving = 0
        self._answers: list[ClientResponse] = []

    def is_quiet(self) -> bool:
        """Whether nobody waits for an answer, or for the rest of one."""
        self._answers = [answer for answer in self._answers if answer.connection is not None]
        return not (self._leaving or self._answers)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Count the requests that leave, for as long as the block lasts."""
        request = ClientSession._request

        async def count_request(session: ClientSession, *args: Any, **named: Any) -> ClientResponse:
            self._leaving += 1
            try:
                answer = await request(session, *args, **named)
            finally:
                self._leaving -= 1
            self._answers.append(answer)
            return answer

        with patch.object(ClientSession, "_request", count_request):
            yield


class _Selector(selectors.DefaultSelector):
    """Where a loop waits when it has nothing to do: there the clock is moved instead, if all is quiet."""

    def __init__(self, clock: SteppedClock, traffic: Traffic) -> None:
        super().__init__()
        self._clock = clock
        self._traffic = traffic

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what can be read or written; nothing where the clock was moved."""
        events = super().select(0)
        is_idle = not events and (timeout is None or timeout > 0)
        if not is_idle or (self._traffic.is_quiet() and self._clock.step()):
            return events
        return super().select(timeout)


def run_by(clock: SteppedClock, main: Coroutine[Any, Any, None]) -> None:
    """Run something in a loop of its own, whose time is the clock's."""
    traffic = Traffic()
    make_loop = partial(asyncio.SelectorEventLoop, _Selector(clock, traffic))
    with (
        traffic.watched(),
        patch.object(ThreadPoolExecutor, "submit", _do_at_once),
        asyncio.Runner(loop_factory=make_loop) as runner,
    ):
        runner.run(main)


def _do_at_once(_pool: ThreadPoolExecutor, work: Callable[..., Any], *args: Any, **named: Any) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(work(*args, **named))
    except BaseException as error:  # noqa: BLE001 - it is raised where the work came from
        future.set_exception(error)
    return future
