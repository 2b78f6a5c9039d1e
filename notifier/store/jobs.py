"""Jobs that wait for a thread of the store are done together: one transaction, one sync, one wake-up."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final, Generic, TypeVar

from notifier.errors import StoreUnclear
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

    `transact` runs a job in one transaction, in one of the `threads`. No job has an outcome before it is
    committed. Where one fails, nothing of its transaction is kept, and every job of it is done again, alone:
    so a job does nothing but read and write its books, and may run twice.
    """

    def __init__(
        self, threads: ThreadPoolExecutor, transact: Callable[[Callable[[Books], Any]], Any]
    ) -> None:
        self._threads = threads
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
                self._threads.submit(self._work, loop)
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
        """Do the jobs in `done`, and after them those that wait, which are put there too.

        It is one job, unless the transaction is done again: then it is all that were in it.
        """
        until = monotonic() + LONGEST_SECONDS
        for waiter in done:
            waiter.value = waiter.job(books)
        while monotonic() < until and (other := self._take()) is not None:
            done.append(other)
            other.value = other.job(books)

    def _take(self) -> _Waiter[Any] | None:
        try:
            while True:
                waiter = self._waiters.popleft()
                if not waiter.future.cancelled():
                    return waiter
        except IndexError:
            # Not asked before: where there are several threads, another one may be faster.
            return None

    def _do_again(self, waiters: list[_Waiter[Any]], error: Exception) -> None:
        """Do jobs alone after the transaction that they shared has failed; a single one has just been.

        None is done again where nobody knows whether it was kept: who waits for it has to find that out.
        """
        if len(waiters) == 1 or isinstance(error, StoreUnclear):
            for waiter in waiters:
                waiter.error = error
            return
        for waiter in waiters:
            try:
                waiter.value = self._transact(waiter.job)
            except Exception as own:  # noqa: BLE001 - it is raised where the job came from
                waiter.error = own


def _settle(waiters: list[_Waiter[Any]]) -> None:
    for waiter in waiters:
        waiter.settle()
