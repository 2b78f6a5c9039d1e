"""How fast a Dintero may be asked: a bound on requests a second, and what its answers say about its load."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from notifier.domain.watch import Tempo
from notifier.errors import SourceRateLimited

BURST_SECONDS: Final = 0.1
"""What was not used of a tenth of a second may be used at once."""

PATIENCE_SECONDS: Final = 5.0
"""A hold of no more than this is waited for; of a longer one those are told who ask, to go to others."""
LONGEST_HOLD_SECONDS: Final = 3600.0
"""After so long Dintero is asked again, whatever it has wished for."""

SLOW_SECONDS: Final = 3.0
"""Answers that take longer than this at the mean come from a Dintero that has too much to do."""
LONGEST_STRETCH: Final = 16.0

_WIDEN: Final = 1.5
_WIDEN_SECONDS: Final = 10.0
_NARROW_SECONDS: Final = 30.0
_WEIGHT: Final = 0.05
_MEMORY_SECONDS: Final = 60.0
"""What was slow so long ago weighs a third of a quick answer now, however few there are."""
_NEARLY_ONE: Final = 1.1
_MOST_STEPS: Final = 10
"""So many lead from the longest stretch to none."""

REFUSED: Final = "Dintero asks for fewer requests (429)"
SLOW: Final = "Dintero answers slowly"


class Budget(Protocol):
    """The requests that one source may send. Several processes may share one."""

    async def take(self) -> None:
        """Wait until one more request may leave, and count it. Raises SourceRateLimited in a hold."""

    def hold(self, seconds: float) -> None:
        """Let no request leave for so long: Dintero has asked for it."""


class RequestBudget:
    """At most `per_second` requests a second, evenly, in the order in which they were asked for (GCRA)."""

    def __init__(
        self,
        per_second: float,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._step_seconds = 1 / per_second
        self._monotonic = monotonic
        self._sleep = sleep
        self._next_at = monotonic()
        self._held_until = self._next_at

    async def take(self) -> None:
        """Wait until one more request may leave, and count it.

        Raises SourceRateLimited where Dintero has asked for a longer peace: whoever asks has others to ask.
        """
        now = self._monotonic()
        self._require_free(now)
        at = self._reserve(now)
        while at > now:
            await self._sleep(at - now)
            now = self._monotonic()
            if self._held_until > now:
                # Dintero has asked for peace meanwhile: the place behind that is another one.
                self._require_free(now)
                at = self._reserve(now)

    def _require_free(self, now: float) -> None:
        seconds = self._held_until - now
        if seconds > PATIENCE_SECONDS:
            raise SourceRateLimited("Dintero has asked to be left alone.", retry_after_seconds=seconds)

    def _reserve(self, now: float) -> float:
        at = max(self._next_at, now - BURST_SECONDS)
        self._next_at = at + self._step_seconds
        return at

    def hold(self, seconds: float) -> None:
        """Let no request leave for so long; then they leave as evenly as before."""
        self._held_until = max(self._held_until, self._monotonic() + seconds)
        self._next_at = max(self._next_at, self._held_until)


class Strain:
    """Whether a Dintero has too much to do, by its answers: then it is asked less often, for a while.

    The stretch grows by half every ten seconds while it answers 429, or slowly at the (weighted) mean, and
    goes back by a third for every thirty seconds in which it does neither. Where answers are rare, what was
    slow is forgotten with time: polls that come sixteen times less often must not have to be many to find out
    that all is well.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._mean_seconds = 0.0
        self._answered_at = monotonic()
        self._changed_at = float("-inf")
        self._strained_at = float("-inf")
        self.tempo = Tempo()

    def note_answer(self, seconds: float, *, is_refusal: bool = False) -> None:
        """Count how long an answer took, and whether it was one that asks for fewer requests."""
        now = self._monotonic()
        weight, silent_seconds = _WEIGHT, now - self._answered_at
        # In a shorter time less is forgotten than one answer weighs.
        if silent_seconds > _WEIGHT * _MEMORY_SECONDS and seconds < self._mean_seconds:
            weight = max(weight, 1 - math.exp(-silent_seconds / _MEMORY_SECONDS))
        self._answered_at = now
        self._mean_seconds += (seconds - self._mean_seconds) * weight
        if is_refusal:
            self._widen(REFUSED)
        elif self._mean_seconds > SLOW_SECONDS:
            self._widen(SLOW)
        elif self.tempo.stretch > 1:
            self._narrow()

    def _widen(self, reason: str) -> None:
        now = self._monotonic()
        self._strained_at = now
        if now - self._changed_at >= _WIDEN_SECONDS:
            self._changed_at = now
            self.tempo = Tempo(min(self.tempo.stretch * _WIDEN, LONGEST_STRETCH), reason)

    def _narrow(self) -> None:
        now = self._monotonic()
        steps = int((now - max(self._changed_at, self._strained_at)) / _NARROW_SECONDS)
        if steps:
            self._changed_at = now
            stretch = self.tempo.stretch / _WIDEN ** min(steps, _MOST_STEPS)
            self.tempo = Tempo(stretch, self.tempo.reason) if stretch > _NEARLY_ONE else Tempo()
