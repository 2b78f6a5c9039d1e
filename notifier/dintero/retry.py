"""The one owner of repeated reads: after a first failure, never before one."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

import tenacity

from notifier.errors import SourceError, SourceRateLimited, SourceUnavailable

T = TypeVar("T")

RETRYABLE: Final = (SourceUnavailable, SourceRateLimited)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to ask again, and for how long.

    After failure n (from 1) the wait is `Retry-After`, where there was one, plus a random time between 0 and
    min(`cap_seconds`, `base_seconds` · 2ⁿ⁻¹) (full jitter). At most `attempts` in all (1 to never ask again);
    none begins later than `total_seconds` after the first one did, so a longer Retry-After ends it at once.
    """

    attempts: int = 4
    total_seconds: float = 30.0
    base_seconds: float = 0.5
    cap_seconds: float = 8.0

    def choose_wait_seconds(self, failures: int, error: SourceError, chance: float) -> float:
        """Choose how long to wait after that many failures; `chance` is in [0, 1)."""
        asked = error.retry_after_seconds if isinstance(error, RETRYABLE) else None
        # The exponent is bounded so that no number of attempts overflows.
        window = min(self.cap_seconds, self.base_seconds * 2.0 ** min(failures - 1, 60))
        return (asked or 0.0) + chance * window


@dataclass(frozen=True, slots=True)
class Retry:
    """The policy, with the time and the chance it runs on."""

    policy: RetryPolicy = field(default_factory=RetryPolicy)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic

    async def repeat(self, first: SourceError, started: float, attempt: Callable[[], Awaitable[T]]) -> T:
        """Go on after `first`, the error of the attempt that began at `started`.

        tenacity is entered here, so that a first success pays nothing for it; `first` is played to it as its
        first attempt. Raises the last error as it was.
        """
        pending: list[SourceError] = [first]

        async def attempt_next() -> T:
            if pending:
                raise pending.pop()
            return await attempt()

        def wait(state: tenacity.RetryCallState) -> float:
            return self.policy.choose_wait_seconds(state.attempt_number, _failure(state), self.chance())

        def stop(state: tenacity.RetryCallState) -> bool:
            waited = self.monotonic() - started + state.upcoming_sleep
            return state.attempt_number >= self.policy.attempts or waited > self.policy.total_seconds

        retrying = tenacity.AsyncRetrying(
            sleep=self.sleep,
            retry=tenacity.retry_if_exception_type(RETRYABLE),
            wait=wait,
            stop=stop,
            reraise=True,
        )
        return await retrying(attempt_next)


def _failure(state: tenacity.RetryCallState) -> SourceError:
    error = state.outcome.exception() if state.outcome is not None else None
    return error if isinstance(error, SourceError) else SourceError("")
