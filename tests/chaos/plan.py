"""How the world treats the program: the weather between it and its neighbours, and its end, life by life.

All of it is drawn from a seed.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import cycle
from typing import Final

from notifier.domain.waypoints import Waypoint
from notifier.sandbox import EventLists, Faults, answer, delay, hang, ok_false, wrong_shape
from notifier.sandbox.fault_kinds import catalogue
from notifier.sandbox.faults import RandomFaults
from tests.chaos.world import LATE_SECONDS, TIMEOUT_SECONDS

READING: Final[Mapping[str, float]] = {
    "429": 0.015,
    "500": 0.02,
    "503": 0.01,
    "401": 0.01,
    "html": 0.01,
    "wrong_shape": 0.01,
    "hang": 0.01,
    "delay": 0.01,
    "reset": 0.02,
    "reset_after": 0.01,
    "cut_short": 0.03,
    "drip": 0.01,
    "huge": 0.002,
}
"""What happens to requests to Dintero: never a lie that it could not tell, such as 404 for what is there."""

POSTING: Final[Mapping[str, float]] = {
    "429": 0.04,
    "500": 0.03,
    "500_after": 0.05,
    "503_after": 0.03,
    "html": 0.02,
    "wrong_shape": 0.02,
    "hang": 0.02,
    "hang_after": 0.04,
    "delay": 0.05,
    "reset": 0.04,
    "reset_after": 0.06,
    "cut_short": 0.05,
    "drip": 0.03,
    "internal_error": 0.02,
    "internal_error_after": 0.03,
    "fatal_error_after": 0.02,
}
"""What happens to messages on their way to Slack."""

ASKING: Final[Mapping[str, float]] = {
    "429": 0.02,
    "500": 0.04,
    "401": 0.01,
    "403": 0.02,
    "404": 0.02,
    "html": 0.03,
    "wrong_shape": 0.02,
    "hang": 0.01,
    "delay": 0.02,
    "reset": 0.03,
    "cut_short": 0.05,
    "drip": 0.03,
    "internal_error": 0.03,
    "unheard_of": 0.02,
    "without_messages": 0.02,
}
"""What happens when Slack is asked what it has, who we are, and which channels there are."""


@dataclass(frozen=True, slots=True)
class Weather(RandomFaults):
    """Random faults; a path that ends with a key of `elsewhere` has rates of its own."""

    elsewhere: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def draw(self, method: str, path: str, nth: int) -> str | None:
        """Return the name of the fault for the nth request to this path, or None."""
        drawn = random.Random(f"{self.seed} {method} {path} {nth}").random()  # noqa: S311
        rates = next((rates for end, rates in self.elsewhere.items() if path.endswith(end)), self.rates)
        for name, rate in rates.items():
            if drawn < rate:
                return name
            drawn -= rate
        return None


def make_weather(seed: str, rates: Mapping[str, float], posting: Mapping[str, float] | None = None) -> Faults:
    """Return faults at these rates, with other rates for messages."""
    known = {
        **catalogue(seconds=TIMEOUT_SECONDS * 1.5),
        "429": answer(429, retry_after_seconds=1),
        "delay": delay(LATE_SECONDS),
        "hang": hang(TIMEOUT_SECONDS * 1.5),
        "unheard_of": ok_false("something_unheard_of"),
        "without_messages": wrong_shape({"ok": True, "bot_id": "B000000001", "channels": None}),
    }
    number = random.Random(seed).getrandbits(32)  # noqa: S311
    elsewhere = {"chat.postMessage": posting} if posting else {}
    return Faults(at_random=Weather(number, rates, known, elsewhere=elsewhere))


def draw_lists(seed: str) -> Iterator[EventLists]:
    """Yield ways in which Dintero's lists of events misbehave, without end."""
    chance = random.Random(f"lists {seed}")  # noqa: S311
    while True:
        yield EventLists(
            is_repeated=chance.random() < 0.4,
            order=chance.choice(("recorded", "newest_first", "shuffled", "shuffled")),
            newest=chance.choice((None, 2, 2, 3)),
            seed=chance.getrandbits(16),
        )


class Manner(StrEnum):
    """How a life ends."""

    AT_POINT = "at a waypoint"
    AT_RANDOM = "at random"
    AFTER_PAUSE = "after a pause"
    IN_SHUTDOWN = "in its shutdown"
    IN_PEACE = "in peace"


@dataclass(frozen=True, slots=True)
class Fate:
    """One life: how it ends, after how many seconds, and at which waypoint for the nth time.

    The seconds count from its first request, so that a slow machine kills no children only; from its birth
    when `is_young`. A life that does not reach its point by then ends at random.
    """

    manner: Manner
    seconds: float
    point: Waypoint | None = None
    nth: int = 1
    paused_seconds: float = 0.0
    is_young: bool = False


_AT_START: Final = ((Waypoint.MIGRATING, 1), (Waypoint.MIGRATING, 2), (Waypoint.MIGRATED, 1))
_AT_END: Final = (Waypoint.STOPPING, Waypoint.STOPPED, Waypoint.GONE)
_OFTEN: Final = {
    Waypoint.COMMITTING: 12,
    Waypoint.COMMITTED: 12,
    Waypoint.CLAIMING: 6,
    Waypoint.READ: 3,
    Waypoint.DETECTED: 3,
    Waypoint.KEPT: 3,
    Waypoint.CLAIMED: 4,
    Waypoint.REQUESTING: 4,
    Waypoint.ANSWERED: 4,
    Waypoint.SETTLED: 4,
    Waypoint.LOOKING: 2,
    Waypoint.LOOKED: 2,
}
"""How often at the most a point is passed before the life ends there."""
_POINT_SECONDS: Final = 2.5
_ATTACK_SECONDS: Final = 15.0
"""Long enough for the slowest machine: an attack that comes elsewhere proves nothing."""


def draw_fates(seed: str) -> Iterator[Fate]:
    """Yield lives without end; the first ones, whose store is new, end in its migration."""
    chance = random.Random(f"fates {seed}")  # noqa: S311
    for point, nth in _AT_START:
        yield Fate(Manner.AT_POINT, _POINT_SECONDS, point, nth)
    later = [point for point in Waypoint if point not in {point for point, _ in _AT_START}]
    chance.shuffle(later)
    points = cycle(later)
    while True:
        drawn = chance.random()
        seconds = 0.03 + min(2.5, chance.expovariate(2.0))
        if drawn < 0.06:
            yield Fate(Manner.IN_PEACE, seconds)
        elif drawn < 0.12:
            yield Fate(Manner.AFTER_PAUSE, seconds, paused_seconds=chance.uniform(0.1, 2 * TIMEOUT_SECONDS))
        elif drawn < 0.42:
            yield Fate(Manner.AT_RANDOM, seconds, is_young=drawn < 0.2)
        elif (point := next(points)) in _AT_END:
            yield Fate(Manner.IN_SHUTDOWN, seconds, point)
        else:
            yield Fate(Manner.AT_POINT, _POINT_SECONDS, point, chance.randint(1, _OFTEN.get(point, 1)))


def draw_attacks(point: Waypoint) -> Iterator[Fate]:
    """Yield lives without end that all end at one point, most of them at its first passage."""
    for nth in cycle((1, 1, 2)):
        yield Fate(Manner.AT_POINT, _ATTACK_SECONDS, point, nth)
