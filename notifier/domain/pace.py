"""How often a target is read: the interval, and the chance that spreads it."""

from dataclasses import dataclass
from typing import Final

_JITTER: Final = 0.1
"""An interval is shorter by up to so much of it, at random, so that targets do not stay in step."""

FIRST_STEP_SECONDS: Final = 0.01
"""At the start there are no more polls a second than this allows, unless an interval would be too short."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a target is read, while somebody waits for it and while it is quiet; how many at once.

    A partner's accounts are walked every `walk_interval_seconds` (None: as if quiet), whoever waits.
    """

    interval_seconds: float
    quiet_interval_seconds: float
    concurrency: int
    walk_interval_seconds: float | None = None

    @property
    def shortest_walk_seconds(self) -> float:
        """The shortest time between two walks: with more, who comes early for one would come twice for it."""
        seconds = self.walk_interval_seconds
        return (self.quiet_interval_seconds if seconds is None else seconds) * (1 - _JITTER)

    def choose_wait_seconds(
        self,
        *,
        is_pending: bool,
        is_first: bool,
        chance: float,
        is_walk: bool = False,
    ) -> float:
        """Choose how long to leave a target alone; `chance` is in [0, 1).

        The first wait is any part of the interval: what was read in a row at the start comes spread over the
        whole interval from then on.
        """
        quiet = self.quiet_interval_seconds
        if is_walk and self.walk_interval_seconds is not None:
            quiet = self.walk_interval_seconds
        seconds = self.interval_seconds if is_pending else quiet
        return seconds * (chance if is_first else 1 - _JITTER * chance)

    @staticmethod
    def spread_hold_seconds(held_seconds: float, chance: float) -> float:
        """Choose when to come back to a source that wants to be left alone: not all at once then."""
        return held_seconds * (1 + _JITTER * chance)

    def choose_step_seconds(self, targets: int) -> float:
        """Choose the time between two targets at the start; the first round takes an interval at the most."""
        return min(FIRST_STEP_SECONDS, self.interval_seconds / max(targets, 1))
