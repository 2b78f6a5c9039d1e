"""A lane: the queue of one destination, which leaves in order, at its pace, one message at a time.

What a lane sends it has marked before, and what became of it is recorded before it sends the next. The same
code serves a destination without an end, and empties it once.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.domain.retry import RetryPolicy
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import DeliveryError, StoreError
from notifier.service.claims import Claims
from notifier.service.courier import STORE_RETRY_SECONDS, Courier
from notifier.service.ports import Books, Clock, Receiver, Store

_log = structlog.get_logger("notifier.delivery")

LONGEST_WAIT_SECONDS: Final = 30.0
"""How long a lane trusts its idea of when the next message is due."""

UNKNOWN_CLOCK_MARGIN: Final = timedelta(minutes=15)
"""How far a receiver's clock is trusted to be from ours, while it has not been heard."""


class Lane:
    """The way to one destination, which `receivers` share; there is one of it in all processes at a time.

    Where that cannot be promised (a process that was given up is only asleep), no message is sent twice, as
    long as whoever comes after it calls `recover` first: a claim that was taken over records nothing.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        store: Store,
        clock: Clock,
        courier: Courier,
        claims: Claims,
        policy: RetryPolicy,
    ) -> None:
        (self.destination,) = {receiver.destination for receiver in receivers}
        self._receivers = receivers
        self._store = store
        self._clock = clock
        self._courier = courier
        self._claims = claims
        self._policy = policy
        self._pace_seconds = max(receiver.pace_seconds for receiver in receivers)
        self._free_at = 0.0
        self._is_unclear = False
        self._is_overtaken = False
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Look at once for what is due: something may have been put into the outbox."""
        self._news.set()

    async def recover(self, *, has_run_out: bool = False) -> int:
        """Put in doubt what another process was sending, which is no more or is taken for that.

        Return how many messages these are. It may only be asleep: a claim of its own may be good for so long
        still (unless it `has_run_out`), and a request on it may last.
        """
        now = self._clock.now()
        asks = timedelta(seconds=self._policy.request_seconds)
        claims = timedelta(seconds=0.0 if has_run_out else self._policy.claim_seconds)
        looks = timedelta(seconds=self._policy.look_seconds)
        ends_at = now + claims + asks + looks
        return await self._store.run(
            lambda books: books.outbox.recover(now + asks, ends_at, self.destination)
        )

    async def serve(self, stopping: asyncio.Event) -> None:
        """Send what is due, as it becomes due, until `stopping` is set; whoever sets that wakes the lane.

        A store that fails is waited for.
        """
        await self._prepare()
        while not stopping.is_set():
            self._news.clear()
            try:
                await self._settle_claim()
                is_sent = await self._send_next()
                due_at = None if is_sent else await self._find_due()
            except StoreError as error:
                _log.debug("store failed", error=str(error))
                self._is_unclear = True
                await self._wait(STORE_RETRY_SECONDS)
                continue
            if not is_sent:
                await self._wait(self._seconds_until(due_at))
            elif self._pace_seconds:
                await self._pause(stopping)

    async def drain(
        self, until: datetime, *, awaits_mending: bool = True, stopping: asyncio.Event | None = None
    ) -> datetime | None:
        """Send everything that is due before `until`; return when the next is due, None when nothing is left.

        Returns earlier when `stopping` is set, when the claim on what was sent last has passed to another
        process, and, without `awaits_mending`, when somebody has to mend a receiver first. Raises StoreError;
        what was claimed then is in doubt, see `recover`.
        """
        self._is_overtaken = False
        due_at = await self._find_due()
        if due_at is not None and due_at <= until:
            await self._prepare()
        while due_at is not None and due_at <= until:
            if not awaits_mending and self._is_refused():
                break
            due_seconds = (due_at - self._clock.now()).total_seconds()
            await self._clock.sleep(max(0.0, due_seconds, self._free_at - self._clock.monotonic()))
            if stopping is not None and stopping.is_set():
                break
            await self._send_next()
            due_at = await self._find_due()
            if self._is_overtaken:
                break
        return due_at

    def _is_refused(self) -> bool:
        """Whether somebody has to mend a receiver before it takes anything."""
        return any(receiver.name in self._courier.refused for receiver in self._receivers)

    async def _send_next(self) -> bool:
        """Send the next message; return False when there is none now."""
        now = self._clock.now()
        deadline = self._clock.monotonic() + self._policy.claim_seconds
        since = self._tell_time(now)
        reach(Waypoint.CLAIMING)
        taken = await self._store.run(lambda books: self._claims.take(books, self.destination, now, since))
        if taken is None:
            return False
        if not taken.has_to_be_sent:
            return True
        reach(Waypoint.CLAIMED)
        self._free_at = self._clock.monotonic() + self._pace_seconds
        settlement = await self._courier.deliver(taken.claim, taken.matter, deadline)
        self._is_overtaken = not await self._courier.settle(settlement)
        return True

    async def _settle_claim(self) -> None:
        """After a fault of the store a claim may stand there that this lane believes not to have made."""
        if self._is_unclear:
            now = self._clock.now()
            await self._store.run(lambda books: books.outbox.unclaim(self.destination, now))
            self._is_unclear = False

    def _tell_time(self, now: datetime) -> datetime:
        """Return the time at the lane's receiver, or an instant that is surely before it."""
        clocks = (receiver.now_there() for receiver in self._receivers)
        return next((there for there in clocks if there is not None), now - UNKNOWN_CLOCK_MARGIN)

    async def _prepare(self) -> None:
        """Let the receivers learn what they need before the first message."""
        for receiver in self._receivers:
            try:
                await receiver.prepare()
            except DeliveryError as error:
                _log.info("not prepared", receiver=receiver.name, error=str(error))

    async def _find_due(self) -> datetime | None:
        """Return when the next message is due; one that lies too far ahead is due now.

        The wall clock may have been set back, and a message must not wait for it to come round again.
        """
        now = self._clock.now()
        beyond = now + timedelta(seconds=self._policy.longest_seconds)

        def job(books: Books) -> datetime | None:
            due_at = books.outbox.next_due_at(self.destination)
            if due_at is None or due_at <= beyond:
                return due_at
            books.outbox.pull_forward(beyond, now)
            return now

        return await self._store.run(job)

    def _seconds_until(self, due_at: datetime | None) -> float:
        if due_at is None:
            return LONGEST_WAIT_SECONDS
        return min(LONGEST_WAIT_SECONDS, max(0.0, (due_at - self._clock.now()).total_seconds()))

    async def _wait(self, seconds: float) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep(seconds))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((sleep, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            news.cancel()

    async def _pause(self, stopping: asyncio.Event) -> None:
        """Keep the pace; news do not shorten it, only the end does."""
        while not stopping.is_set() and (left := self._free_at - self._clock.monotonic()) > 0:
            self._news.clear()
            await self._wait(left)
        self._news.set()
