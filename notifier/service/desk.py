"""The desk: does the paperwork of all lanes, what comes at the same time in one transaction.

A transaction costs a sync of the disk and a change of threads, and a statement costs nearly as much for one
message as for twenty. So what lanes want of the store while it is busy with others is done for all of them
together.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from notifier.domain.retry import RetryPolicy
from notifier.service.claims import Claims, Taken
from notifier.service.ports import Books, Clock, Store
from notifier.service.settlement import Kept, Settlement, Settlements

GATHER_SECONDS: Final = 0.03
"""For so long those that may come are waited for, while many messages are on their way."""

MANY: Final = 4
"""With fewer messages on their way nobody is waited for."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What one lane wants of the store, in this order.

    Record a `settlement`; forget a claim that it does not know of (`unclaims`); and, with `claims`, claim its
    next message, unless the settlement shows that another process has the lane by now. `since` is the time by
    the receiver's clock, or surely before it.
    """

    destination: str
    since: datetime
    settlement: Settlement | None = None
    claims: bool = False
    unclaims: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store says: what it kept of the settlement, and the claimed message.

    Without one `due_at` is when the next is due, None when there is none.
    """

    kept: Kept | None = None
    taken: Taken | None = None
    due_at: datetime | None = None


@dataclass(slots=True)
class _Waiter:
    errand: Errand
    answer: "asyncio.Future[Answer]"


class Desk:
    """Runs the errands of the lanes of one process."""

    def __init__(
        self, store: Store, clock: Clock, claims: Claims, settlements: Settlements, policy: RetryPolicy
    ) -> None:
        self._store = store
        self._clock = clock
        self._claims = claims
        self._settlements = settlements
        self._longest = timedelta(seconds=policy.longest_seconds)
        self._waiters: deque[_Waiter] = deque()
        self._work: asyncio.Task[None] | None = None
        self._on_their_way: set[str] = set()
        self._has_all = asyncio.Event()
        self._apart: set[str] = set()

    async def run(self, errand: Errand) -> Answer:
        """Do an errand; once it is answered it is durable. Raises StoreError."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiters.append(_Waiter(errand, answer))
        # Whatever a lane wants, it sends nothing now; one that was given up comes without a settlement.
        self._on_their_way.discard(errand.destination)
        if not self._on_their_way:
            self._has_all.set()
        if self._work is None:
            self._work = asyncio.ensure_future(self._run_all())
        return await answer

    def note_departure(self, destination: str, taken: Taken | None) -> None:
        """Count a message that was claimed among those that are on their way, if it is to be sent."""
        if taken is not None and taken.has_to_be_sent:
            self._on_their_way.add(destination)

    async def _run_all(self) -> None:
        try:
            while self._waiters:
                await self._gather()
                waiters = [one for one in self._take() if not one.answer.cancelled()]
                if waiters:
                    await self._run_together(waiters)
        finally:
            self._work = None

    async def _gather(self) -> None:
        """Wait a moment for the messages that are on their way, if they are many."""
        if len(self._on_their_way) < MANY:
            return
        self._has_all.clear()
        timer = self._clock.call_later(GATHER_SECONDS, self._has_all.set)
        await self._has_all.wait()
        timer.cancel()

    def _take(self) -> list[_Waiter]:
        """Return those whose turn it is: all, but alone whoever had part in a fault, which may be its own."""
        first = self._waiters.popleft()
        if first.errand.destination in self._apart:
            return [first]
        others = [one for one in self._waiters if one.errand.destination not in self._apart]
        self._waiters = deque(one for one in self._waiters if one.errand.destination in self._apart)
        return [first, *others]

    async def _run_together(self, waiters: list[_Waiter]) -> None:
        """Do errands in one transaction; where it fails, it is not known of any whether it was done."""
        now, errands = self._clock.now(), [one.errand for one in waiters]
        try:
            answers = await self._store.run(lambda books: self._do(books, errands, now))
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised where the errands came from
            # Each is alone from now on, until that went well: nobody can say yet whose fault it is.
            self._apart.update(one.destination for one in errands)
            for waiter in waiters:
                if not waiter.answer.done():
                    waiter.answer.set_exception(error)
            return
        self._apart.difference_update(one.destination for one in errands)
        for waiter, answer in zip(waiters, answers, strict=True):
            self.note_departure(waiter.errand.destination, answer.taken)
            if not waiter.answer.done():
                waiter.answer.set_result(answer)

    def _do(self, books: Books, errands: list[Errand], now: datetime) -> list[Answer]:
        settled = [one for one in errands if one.settlement is not None]
        kept = dict(
            zip(
                (one.destination for one in settled),
                self._settlements.record(books, [one.settlement for one in settled if one.settlement]),
                strict=True,
            )
        )
        wants: dict[str, datetime] = {}
        for errand in errands:
            before = kept.get(errand.destination)
            if errand.unclaims:
                books.outbox.unclaim(errand.destination, now)
            if errand.claims and (before is None or before.is_held):
                wants[errand.destination] = errand.since
        taken = self._claims.take(books, wants, now)
        return [
            Answer(
                kept.get(name), taken.get(name), None if name in taken else self._find_due(books, name, now)
            )
            for name in (one.destination for one in errands)
        ]

    def _find_due(self, books: Books, destination: str, now: datetime) -> datetime | None:
        """Return when a lane's next message is due; one that lies too far ahead is due now.

        The wall clock may have been set back, and a message must not wait for it to come round again.
        """
        due_at = books.outbox.next_due_at(destination)
        if due_at is None or due_at <= now + self._longest:
            return due_at
        books.outbox.pull_forward(now + self._longest, now)
        return now
