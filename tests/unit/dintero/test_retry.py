"""Repeating reads: when, how often and how long, without waiting."""

from collections.abc import Callable

import pytest

from notifier.dintero.retry import Retry, RetryPolicy
from notifier.errors import SourceError, SourceMalformed, SourceRateLimited, SourceUnavailable


class Stage:
    """A clock that sleeping moves, and a script of outcomes."""

    def __init__(
        self, *outcomes: SourceError | str, chance: float = 0.5, policy: RetryPolicy | None = None
    ) -> None:
        self.now = 100.0
        self.slept: list[float] = []
        self.outcomes = list(outcomes)
        self.retry = Retry(policy or RetryPolicy(), self.sleep, lambda: chance, lambda: self.now)

    async def sleep(self, seconds: float) -> None:
        """Move the clock."""
        self.slept.append(seconds)
        self.now += seconds

    async def attempt(self) -> str:
        """Play the next outcome."""
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, SourceError):
            raise outcome
        return outcome

    async def repeat(self, first: SourceError) -> str:
        """Repeat after a first failure that took no time."""
        return await self.retry.repeat(first, self.now, self.attempt)


def broken(seconds: float | None = None) -> SourceUnavailable:
    """Make a fault that may pass."""
    return SourceUnavailable("broken", retry_after_seconds=seconds)


async def test_the_backoff_doubles_with_full_jitter() -> None:
    """Waits are a random part of 0.5, 1, 2 seconds."""
    stage = Stage(broken(), broken(), "done")
    assert await stage.repeat(broken()) == "done"
    assert stage.slept == [0.25, 0.5, 1.0]


async def test_attempts_are_bounded() -> None:
    """The first failure counts as an attempt, and the last error comes out as it was."""
    last = broken()
    stage = Stage(broken(), broken(), last, "never")
    with pytest.raises(SourceUnavailable) as caught:
        await stage.repeat(broken())
    assert caught.value is last
    assert stage.outcomes == ["never"]


async def test_one_attempt_means_no_retry() -> None:
    """With `attempts=1` the first error is the last."""
    stage = Stage(policy=RetryPolicy(attempts=1))
    with pytest.raises(SourceUnavailable):
        await stage.repeat(broken())
    assert stage.slept == []


async def test_total_time_is_bounded() -> None:
    """No attempt begins after the total time."""
    stage = Stage(*[broken()] * 100, chance=1.0, policy=RetryPolicy(attempts=100, total_seconds=10))
    with pytest.raises(SourceUnavailable):
        await stage.repeat(broken())
    assert stage.slept == [0.5, 1.0, 2.0, 4.0]


async def test_time_spent_before_the_first_failure_counts() -> None:
    """A first attempt that took it all is not repeated."""
    stage = Stage("never")
    with pytest.raises(SourceUnavailable):
        await stage.retry.repeat(broken(), stage.now - 31, stage.attempt)


@pytest.mark.parametrize(
    "make", [broken, lambda seconds: SourceRateLimited("slow", retry_after_seconds=seconds)]
)
async def test_retry_after_is_waited_out(make: Callable[[float], SourceError]) -> None:
    """At least what the server asked for, plus jitter so that not all come back at once."""
    stage = Stage("done")
    await stage.repeat(make(7.0))
    assert stage.slept == [7.25]


async def test_a_retry_after_that_does_not_fit_ends_it_at_once() -> None:
    """The error comes out with its seconds, and nobody has slept."""
    stage = Stage("never")
    with pytest.raises(SourceRateLimited) as caught:
        await stage.repeat(SourceRateLimited("slow", status=429, retry_after_seconds=31.0))
    assert (caught.value.retry_after_seconds, stage.slept) == (31.0, [])


async def test_what_cannot_pass_is_not_repeated() -> None:
    """A malformed answer after a fault ends it."""
    stage = Stage(SourceMalformed("odd"), "never")
    with pytest.raises(SourceMalformed):
        await stage.repeat(broken())


def test_no_number_of_failures_overflows() -> None:
    """The window is capped, whatever the count."""
    assert RetryPolicy().choose_wait_seconds(100_000, broken(), 1.0) == 8.0
