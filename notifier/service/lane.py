"""A lane: the queue of one destination, which leaves in order, at its pace, one message at a time.

What a lane sends it has marked before, and what became of it is recorded before it sends the next. The same
code serves a destination without an end, and empties it once.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from notifier.domain.retry import RetryPolicy
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import DeliveryError, StoreError, StoreUnavailable
from notifier.service.courier import Courier
from notifier.service.desk import Answer, Desk, Errand
from notifier.service.early import Gift, Seat
from notifier.service.ports import Clock, Receiver, Store
from notifier.service.settlement import Kept, Settlement

_log = structlog.get_logger("notifier.delivery")

STORE_RETRY_SECONDS: Final = 1.0

LONGEST_WAIT_SECONDS: Final = 30.0
"""How long a lane trusts its idea of when the next message is due."""

UNKNOWN_CLOCK_MARGIN: Final = timedelta(minutes=15)
"""How far a receiver's clock is trusted to be from ours, while it has not been heard."""


class Flag(Protocol):
    """Says when to end."""

    def is_set(self) -> bool:
        """Whether it is time."""


class Grip(Protocol):
    """What gives a lane to one of several processes."""

    def find_end(self) -> float:
        """Return until when, by the monotonic clock, no other can have it; -inf when one may have it now."""


class Lane:
    """The way to one destination, which `receivers` share; there is one of it in all processes at a time.

    Where that cannot be promised (a process that was given up is only asleep), no message is sent twice, as
    long as whoever comes after it calls `recover` first: a claim that was taken over records nothing.
    With `is_alone` there is no other process: then nobody else can have changed what this lane has claimed.
    """

    def __init__(
        self,
        receivers: Sequence[Receiver],
        store: Store,
        clock: Clock,
        courier: Courier,
        desk: Desk,
        policy: RetryPolicy,
        *,
        is_alone: bool = True,
    ) -> None:
        (self.destination,) = {receiver.destination for receiver in receivers}
        self._receivers = receivers
        self._store = store
        self._clock = clock
        self._courier = courier
        self._desk = desk
        self._policy = policy
        self._is_alone = is_alone
        self._pace_seconds = max(receiver.pace_seconds for receiver in receivers)
        self._free_at = 0.0
        self._is_unclear = False
        self._grip: Grip | None = None
        self.is_overtaken = False
        self._is_faulty = False
        self._news = asyncio.Event()
        self.seat = Seat()

    def wake(self) -> None:
        """Look at once for what is due: something may have been put into the outbox."""
        self._news.set()

    def take_over(self, gift: Gift) -> None:
        """Go on with what was claimed for this lane while it waited."""
        self.seat.bring(gift)
        self._desk.note_departure(self.destination, gift.taken)
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
        count = await self._store.run(
            lambda books: books.outbox.recover(now + asks, ends_at, self.destination)
        )
        self._is_unclear = False
        return count

    async def serve(self, stopping: asyncio.Event) -> None:
        """Send what is due, as it becomes due, until `stopping` is set; whoever sets that wakes the lane.

        A store that fails is waited for.
        """
        await self._prepare()
        while not stopping.is_set() or self.seat.gift is not None:
            self._news.clear()
            try:
                due_at = await self._send_due(stopping)
            except StoreError as error:
                _log.debug("store failed", error=str(error))
                await self._wait(STORE_RETRY_SECONDS)
                continue
            seconds = self._seconds_until(due_at)
            if seconds and not stopping.is_set():
                await self._wait_for_work(seconds)
            await self._keep_pace(stopping)

    async def drain(
        self,
        until: datetime,
        *,
        awaits_mending: bool = True,
        stopping: Flag | None = None,
        grip: Grip | None = None,
    ) -> datetime | None:
        """Send everything that is due before `until`; return when the next is due, None when nothing is left.

        Returns earlier when `stopping` is set, when the claim on what was sent last has passed to another
        process (`is_overtaken`), and, without `awaits_mending`, when somebody has to mend a receiver first.
        What is claimed is good for no longer than the `grip`. Raises StoreError; what was claimed then is in
        doubt, see `recover`.
        """
        self._grip = grip
        self.is_overtaken = False
        due_at = (await self._desk.run(Errand(self.destination, self.tell_time()))).due_at
        if due_at is not None and due_at <= until:
            await self._prepare()
        while due_at is not None and due_at <= until and not self.is_overtaken:
            if not awaits_mending and self._is_refused():
                break
            due_seconds = (due_at - self._clock.now()).total_seconds()
            await self._clock.sleep(max(0.0, due_seconds, self._free_at - self._clock.monotonic()))
            if stopping is not None and stopping.is_set():
                break
            due_at = await self._send_due(stopping)
        return due_at

    def _is_refused(self) -> bool:
        """Whether somebody has to mend a receiver before it takes anything."""
        return any(receiver.name in self._courier.refused for receiver in self._receivers)

    async def _send_due(self, stopping: Flag | None) -> datetime | None:
        """Send what is due now, as far as the pace lets it; return when the next is due."""
        answer, deadline = self._take_gift() or await self._claim()
        while (taken := answer.taken) is not None:
            if not taken.has_to_be_sent:
                answer, deadline = await self._claim()
                continue
            reach(Waypoint.CLAIMED)
            settlement = await self._courier.deliver(taken.claim, taken.matter, deadline)
            # From the answer on: however long a request was on its way, the next arrives no sooner.
            self._free_at = self._clock.monotonic() + self._pace_seconds
            is_ending = stopping is not None and stopping.is_set()
            # After a failure it is looked first whether there is anything more that can be sent.
            goes_on = settlement.is_delivered and not self._pace_seconds and not is_ending
            answer, deadline = await self._settle(settlement, goes_on=goes_on)
        return answer.due_at

    def _take_gift(self) -> tuple[Answer, float] | None:
        """Return what was claimed while this lane waited, None where it has to look for itself."""
        gift = self.seat.take_gift()
        if gift is not None and gift.is_unclear:
            self._is_unclear = True
        if gift is None or gift.taken is None:
            return None
        return Answer(taken=gift.taken), gift.deadline

    async def _claim(self) -> tuple[Answer, float]:
        """Claim the next message; with it comes the instant until which the claim is good."""
        if self._is_unclear and not self._is_alone:
            # What was claimed may be another's by now: whoever comes next looks for it.
            raise StoreUnavailable("the store has failed: what was claimed is in doubt")
        deadline = self._find_deadline()
        if deadline <= self._clock.monotonic():
            raise StoreUnavailable("this worker may be taken for gone: it claims nothing")
        errand = Errand(self.destination, self.tell_time(), claims=True, unclaims=self._is_unclear)
        reach(Waypoint.CLAIMING)
        self._is_unclear = True
        answer = await self._ask(errand)
        self._is_unclear = False
        return answer, deadline

    async def _ask(self, errand: Errand) -> Answer:
        """Have an errand done that only this lane waits for, whatever fails. Raises StoreError.

        One message that this code cannot take must not stop the other lanes.
        """
        try:
            answer = await self._desk.run(errand)
        except StoreError:
            raise
        except Exception as error:
            # Said once: it is tried again every second.
            say = _log.debug if self._is_faulty else _log.exception
            say("a fault of the notifier's own", destination=self.destination, kind=type(error).__name__)
            self._is_faulty = True
            sentence = f"a fault of the notifier's own ({type(error).__name__}): please report it"
            raise StoreUnavailable(sentence) from error
        self._is_faulty = False
        return answer

    async def _settle(self, settlement: Settlement, *, goes_on: bool) -> tuple[Answer, float]:
        """Record an outcome, and claim the next message in the same transaction if the lane goes on.

        A store that fails is asked again, since only this process knows the outcome.
        """
        deadline = self._find_deadline()
        goes_on = goes_on and deadline > self._clock.monotonic()
        errand = Errand(self.destination, self.tell_time(), settlement, claims=goes_on)
        has_failed = False
        if goes_on:
            reach(Waypoint.CLAIMING)
        while True:
            try:
                answer = await self._ask(errand)
                break
            except StoreError as error:
                if not has_failed:
                    _log.error("the outcome of a delivery waits for the store", error=str(error))
                has_failed, self._is_unclear = True, True
                errand = replace(errand, claims=False)
                await self._clock.sleep(STORE_RETRY_SECONDS)
        reach(Waypoint.SETTLED)
        kept = answer.kept or Kept(is_held=False)
        if not kept.is_held and (has_failed or self._is_alone):
            # What failed before was written all the same: there is nobody else who could have done so.
            kept, self._is_unclear = Kept(is_held=True), True
        self.is_overtaken = not kept.is_held
        self._courier.conclude(settlement, kept)
        return answer, deadline

    def _find_deadline(self) -> float:
        """Return until when a claim that is made now is good, by the monotonic clock."""
        claim_ends_at = self._clock.monotonic() + self._policy.claim_seconds
        return claim_ends_at if self._grip is None else min(claim_ends_at, self._grip.find_end())

    def tell_time(self) -> datetime:
        """Return the time at the lane's receiver, or an instant that is surely before it; from any thread."""
        clocks = (receiver.now_there() for receiver in self._receivers)
        known = next((there for there in clocks if there is not None), None)
        return known or self._clock.now() - UNKNOWN_CLOCK_MARGIN

    async def _prepare(self) -> None:
        """Let the receivers learn what they need before the first message."""
        for receiver in self._receivers:
            try:
                await receiver.prepare()
            except DeliveryError as error:
                _log.info("not prepared", receiver=receiver.name, error=str(error))

    def _seconds_until(self, due_at: datetime | None) -> float:
        if due_at is None:
            return LONGEST_WAIT_SECONDS
        return min(LONGEST_WAIT_SECONDS, max(0.0, (due_at - self._clock.now()).total_seconds()))

    async def _wait_for_work(self, seconds: float) -> None:
        """Wait for news; meanwhile somebody else may claim for this lane, and then that is waited for."""
        self.seat.sit_down(self._free_at)
        try:
            await self._wait(seconds)
        finally:
            self.seat.stand_up()
        while self.seat.is_reserved:
            self._news.clear()
            await self._news.wait()

    async def _wait(self, seconds: float) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep(seconds))
        news = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((sleep, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            news.cancel()

    async def _keep_pace(self, stopping: asyncio.Event) -> None:
        """Let the pace pass; news do not shorten it, only the end does."""
        while not stopping.is_set() and (left := self._free_at - self._clock.monotonic()) > 0:
            self._news.clear()
            await self._wait(left)
