"""Whether a card goes out by itself, or waits to be part of a digest: people mute what floods them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MOST_IN_DIGEST: Final = 1_000
"""A digest has no more cases than this; what is over it comes in the next one."""


@dataclass(frozen=True, slots=True)
class StormGuard:
    """The first `cards` of a channel within `window` go out singly and at once; 0 never makes a digest.

    What is over that is gathered until nothing new has come for `calm`, or for a whole window.
    """

    cards: int = 10
    window: timedelta = timedelta(seconds=60)
    calm: timedelta = timedelta(seconds=3)


class Passage(StrEnum):
    """How a card leaves."""

    SINGLE = "single"
    WAIT = "wait"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Decision:
    """How a card leaves, and from when on it is to be asked again where it waits."""

    passage: Passage
    until: datetime | None = None


def decide(
    guard: StormGuard, posted_at: Sequence[datetime], waiting_since: Sequence[datetime], now: datetime
) -> Decision:
    """Decide about the first of the cases that wait for a card.

    `posted_at` are the instants of the newest cards of the channel, `waiting_since` one for each case that
    waits. One that is alone over the limit waits for its turn: a digest of one case is none.
    """
    recent = [at for at in posted_at if now - guard.window < at <= now]
    is_flood = len(waiting_since) > guard.cards
    if not guard.cards or (not is_flood and len(recent) < guard.cards):
        return Decision(Passage.SINGLE)
    oldest, newest = min(waiting_since, default=now), max(waiting_since, default=now)
    if len(waiting_since) > 1:
        until = min(newest + guard.calm, oldest + guard.window)
        # An instant from the future is a clock that was set back: nobody waits for that.
        if until <= now or newest > now:
            return Decision(Passage.DIGEST)
        return Decision(Passage.WAIT, until)
    return Decision(Passage.WAIT, min(recent) + guard.window)
