"""Claims a message in the transaction that puts it into the outbox, for a lane that has nothing to do.

Otherwise there would be two transactions in a row before it leaves, each with a sync of the disk and a change
of threads. The claim is as durable as any: nothing leaves before it is committed.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol

from notifier.domain.waypoints import Waypoint, reach
from notifier.service.claims import Claims, Taken
from notifier.service.ports import Books, Clock


@dataclass(frozen=True, slots=True)
class Gift:
    """What was claimed for a lane, None where there was nothing, and until when a claim is good.

    With `is_unclear` nobody knows whether it was kept: the lane has to forget what it does not know of.
    """

    taken: Taken | None = None
    deadline: float = 0.0
    is_unclear: bool = False


class Seat:
    """Says whose turn it is to claim for one lane: while nobody sits here, the lane's own.

    The lane sits down when it has nothing to do, in the thread of the loop. Whoever fills the outbox may
    reserve the seat, in the thread of the store, and then has to bring something, in the thread of the loop.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._free_at: float | None = None
        self.is_reserved = False
        self.gift: Gift | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the lane waits here."""
        return self._free_at is not None

    def sit_down(self, free_at: float) -> None:
        """Wait for something to do; before `free_at` nothing may leave."""
        with self._lock:
            self._free_at = free_at

    def stand_up(self) -> None:
        """Go and look oneself, unless the seat `is_reserved`: then something will be brought."""
        with self._lock:
            self._free_at = None

    def reserve(self, now: float) -> bool:
        """Reserve the seat; return whether the lane waits there, and may send."""
        with self._lock:
            if self._free_at is None or now < self._free_at or self.is_reserved:
                return False
            self._free_at, self.is_reserved = None, True
            return True

    def bring(self, gift: Gift) -> None:
        """Hand over what was claimed, and end the reservation."""
        self.gift, self.is_reserved = gift, False

    def take_gift(self) -> Gift | None:
        """Return what was brought, once."""
        gift, self.gift = self.gift, None
        return gift


class Waiting(Protocol):
    """A lane, as far as it can be given something to do."""

    @property
    def seat(self) -> Seat:
        """Where it waits."""
        ...

    def tell_time(self) -> datetime:
        """Return the time at its receiver, or an instant that is surely before it; from any thread."""
        ...

    def take_over(self, gift: Gift) -> None:
        """Go on with what was claimed."""
        ...


class Hand:
    """What one transaction claims for lanes that wait."""

    def __init__(self, early: "Early") -> None:
        self._early = early
        self._lanes = early.lanes
        self._lock = Lock()
        self._is_over = False
        self._reserved: set[str] = set()
        self._taken: Mapping[str, Taken] = {}
        self._deadline = 0.0

    def claim(self, books: Books, destinations: Iterable[str], now: datetime) -> None:
        """Claim the next message for each of the destinations whose lane waits; may be done again.

        Where the transaction is kept `settle` has to follow, where it is not `fail`.
        """
        instant = self._early.clock.monotonic()
        with self._lock:
            # Nobody waits for this any more where the wait for the store was given up.
            wanted = () if self._is_over else destinations
            known = (one for one in wanted if one in self._lanes)
            self._reserved.update(one for one in known if self._lanes[one].seat.reserve(instant))
        self._taken, self._deadline = {}, instant + self._early.claim_seconds
        if self._reserved and not self._is_over:
            reach(Waypoint.CLAIMING)
            wants = {one: self._lanes[one].tell_time() for one in sorted(self._reserved)}
            self._taken = self._early.claims.take(books, wants, now)

    def give_up(self) -> bool:
        """Claim nothing from now on; return whether something was to be claimed before."""
        with self._lock:
            self._is_over = True
        return bool(self._reserved)

    def settle(self) -> None:
        """Give what was claimed to the lanes: it is committed."""
        for one in self._reserved:
            self._lanes[one].take_over(Gift(self._taken.get(one), self._deadline))

    def fail(self) -> None:
        """Let the lanes look for themselves, and forget what may have been claimed for them."""
        with self._lock:
            self._is_over = True
        for one in self._reserved:
            self._lanes[one].take_over(Gift(is_unclear=True))


@dataclass(frozen=True, slots=True)
class Early:
    """Claims for the `lanes`, by their destinations, in the transactions of others."""

    lanes: Mapping[str, Waiting]
    claims: Claims
    clock: Clock
    claim_seconds: float

    @contextmanager
    def watch(self) -> Iterator[Hand]:
        """Claim within: what was claimed leaves if the block, which waits for the commit, ends well."""
        hand = Hand(self)
        try:
            yield hand
        except BaseException:
            hand.fail()
            raise
        hand.settle()
