"""The requests that a source may be sent by all workers together: reserved a little at a time, by one clock.

The row in the database is the truth; this process asks it some times a second, and not for each request.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import structlog

from notifier.errors import SourceRateLimited, StoreError

_log = structlog.get_logger("notifier.worker")

BATCH_SECONDS: Final = 0.1
"""So much of a source's time is reserved at once."""
TRUST_SECONDS: Final = 1.0
"""For so long what was reserved is good, and a source without a bound is trusted not to be held."""
PATIENCE_SECONDS: Final = 5.0
"""A longer wait is no pace but a hold: it is told to whoever wants to ask, who has other things to do."""


class Book(Protocol):
    """Where all workers reserve."""

    async def reserve(self, source: str, cost_seconds: float) -> float:
        """Reserve some of a source's time; return the seconds until it begins. Raises StoreError."""

    async def hold(self, source: str, seconds: float) -> None:
        """Let nothing be reserved for so long. Raises StoreError."""


class SharedBudget:
    """The budget of one source in one worker; without `per_second` it only keeps to what Dintero asks for.

    Implements `notifier.dintero.pace.Budget`.
    """

    def __init__(
        self,
        source: str,
        per_second: float | None,
        book: Book,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._book = book
        self._monotonic = monotonic
        self._sleep = sleep
        self._batch = max(1, round(per_second * BATCH_SECONDS)) if per_second else None
        self._cost_seconds = (self._batch or 0) / per_second if per_second else 0.0
        self._left = 0
        self._good_until = float("-inf")
        self._held_until = float("-inf")
        self._lock = asyncio.Lock()
        self._telling: set[asyncio.Task[None]] = set()

    async def take(self) -> None:
        """Wait until one more request may leave, and count it. Raises SourceRateLimited and StoreError.

        Those who wait get their turn in the order in which they came.
        """
        async with self._lock:
            self._require_free()
            if self._monotonic() >= self._good_until or (self._batch and not self._left):
                await self._reserve()
            self._left -= 1

    async def _reserve(self) -> None:
        wait = await self._book.reserve(self._source, self._cost_seconds)
        if wait > PATIENCE_SECONDS:
            self._held_until = self._monotonic() + wait
            self._require_free()
        if wait > 0:
            await self._sleep(wait)
        self._left = self._batch or 0
        self._good_until = self._monotonic() + TRUST_SECONDS

    def _require_free(self) -> None:
        seconds = self._held_until - self._monotonic()
        if seconds > 0:
            sentence = f"{self._source}: Dintero has asked to be left alone; all workers do so"
            raise SourceRateLimited(sentence, retry_after_seconds=seconds)

    def hold(self, seconds: float) -> None:
        """Let no request leave for so long: Dintero has asked for it. All other workers are told."""
        if seconds <= 0:
            return
        self._held_until = max(self._held_until, self._monotonic() + seconds)
        telling = asyncio.ensure_future(self._tell(seconds))
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def _tell(self, seconds: float) -> None:
        try:
            await self._book.hold(self._source, seconds)
        except StoreError as error:
            _log.debug("store failed", error=str(error))
