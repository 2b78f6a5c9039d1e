"""Jobs that wait for the store's thread are done together: one transaction, one sync, one wake-up."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from notifier.store.books import Books

LONGEST_SECONDS: Final = 0.02
"""A transaction that took so long takes no further job: those who wait for it want to go on."""

_T = TypeVar("_T")


@dataclass(slots=True)
class _Waiter(Generic[_T]):
    """A job with the place for its outcome."""

    job: Callable[[Books], _T]
    future: "asyncio.Future[_T]"
    value: _T | None = None
    error: Exception | None = None

    def settle(self) -> None:
        """Hand over the outcome; called in the loop that waits for it."""
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)  # type: ignore[arg-type] # None only where _T is None


class Jobs:
    """The jobs of one store, each of them kept as a whole or not at all.

    `transact` runs a job in one transaction. No job has an outcome before it is committed. Where one fails,
    nothing of its transaction is kept, and every job of it is done again, alone: so a job does nothing but
    read and write its books, and may run twice.
    """

    def __init__(self, thread: ThreadPoolExecutor, transact: Callable[[Callable[[Books], Any]], Any]) -> None:
        self._thread = thread
        self._transact = transact
        self._waiters: deque[_Waiter[Any]] = deque()
        self._is_called = False

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Do a job, and return what it returns."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()
        self._waiters.append(_Waiter(job, future))
        if not self._is_called:
            self._is_called = True
            try:
                self._thread.submit(self._work, loop)
            except RuntimeError:
                self._is_called = False
                raise
        return await future

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        # Whoever comes from here on calls again, at worst for nothing.
        self._is_called = False
        while (first := self._take()) is not None:
            done = [first]
            try:
                self._transact(partial(self._do_with_others, done))
            except Exception as error:  # noqa: BLE001 - it is raised where the job came from
                self._do_again(done, error)
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, done)

    def _do_with_others(self, done: list[_Waiter[Any]], books: Books) -> None:
        """Do the one job in `done`, and after it those that wait, which are put there too."""
        until = monotonic() + LONGEST_SECONDS
        waiter: _Waiter[Any] | None = done[0]
        while waiter is not None:
            waiter.value = waiter.job(books)
            waiter = self._take() if monotonic() < until else None
            if waiter is not None:
                done.append(waiter)

    def _take(self) -> _Waiter[Any] | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.future.cancelled():
                return waiter
        return None

    def _do_again(self, waiters: list[_Waiter[Any]], error: Exception) -> None:
        """Do jobs alone after the transaction that they shared has failed; a single one has just been."""
        if len(waiters) == 1:
            waiters[0].error = error
            return
        for waiter in waiters:
            try:
                waiter.value = self._transact(waiter.job)
            except Exception as own:  # noqa: BLE001 - it is raised where the job came from
                waiter.error = own


def _settle(waiters: list[_Waiter[Any]]) -> None:
    for waiter in waiters:
        waiter.settle()
