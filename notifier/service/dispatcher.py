"""Empties the outbox: one lane for each destination, in order, at its pace.

A lane never waits for another. What a lane sends it has marked before, and what became of it is recorded
before it sends the next.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.domain.cards import Card, find_place, is_card
from notifier.domain.compose import Dossier
from notifier.domain.delivery import Claim, Form, Notification, Purpose
from notifier.domain.notices import NoticeKind
from notifier.domain.retry import RetryPolicy
from notifier.domain.silences import Silence, find_silence
from notifier.domain.storm import StormGuard
from notifier.domain.waypoints import Waypoint, reach
from notifier.domain.writing import Matter, is_for_channel, is_made_by_time, is_needed, is_shown
from notifier.errors import DeliveryError, StoreError
from notifier.service.courier import STORE_RETRY_SECONDS, Courier, Deliveries
from notifier.service.ports import Books, Clock, Receiver, Store
from notifier.service.storms import Storms

_log = structlog.get_logger("notifier.delivery")

LONGEST_WAIT_SECONDS: Final = 30.0
"""How long a lane trusts its idea of when the next message is due."""

CLAIM_SECONDS: Final = 30.0
"""How long a claim is good for: a process that was held up for longer sends nothing on it."""

NO_RECEIVER: Final = "its receiver is no longer in the settings: put it back and retry, or drop the message"

UNKNOWN_CLOCK_MARGIN: Final = timedelta(minutes=15)
"""How far a receiver's clock is trusted to be from ours, while it has not been heard."""


class Dispatcher:
    """Hands what is due to the courier, lane by lane; one instance for each engine."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        store: Store,
        clock: Clock,
        courier: Courier,
        policy: RetryPolicy,
        storms: Storms | None = None,
    ) -> None:
        self._storms = storms or Storms(StormGuard())
        self._receivers = receivers
        self._store = store
        self._clock = clock
        self._courier = courier
        self._policy = policy
        self._lanes = {
            destination: _Lane(
                destination,
                max(one.pace_seconds for one in receivers.values() if one.destination == destination),
            )
            for destination in sorted({receiver.destination for receiver in receivers.values()})
        }

    @property
    def deliveries(self) -> Deliveries:
        """What became of the attempts since the start."""
        return self._courier.deliveries

    @property
    def problems(self) -> Mapping[str, str]:
        """The last sentence for each receiver that did not take its last message."""
        return self._courier.problems

    async def start(self) -> bool:
        """Take over what an earlier run left; return whether the store was restored from a backup.

        What has been put into the outbox of such a store, and what will be until it is settled, is in doubt.
        """
        now = self._clock.now()
        destinations = {name: receiver.destination for name, receiver in self._receivers.items()}

        # What was on its way may still be taken for as long as a request lasts.
        look_at = now + timedelta(seconds=self._policy.request_seconds)
        ends_at = look_at + timedelta(seconds=self._policy.look_seconds)

        def job(books: Books) -> tuple[datetime | None, int, int]:
            taken_at = books.take_over_copy(now, ends_at)
            return taken_at, books.outbox.recover(look_at, ends_at), books.outbox.rehome(destinations, now)

        taken_at, doubtful, orphaned = await self._store.run(job)
        reach(Waypoint.TAKEN_OVER)
        if taken_at is not None:
            _log.warning("restored from a backup: what is to be sent is looked for first", taken_at=taken_at)
        if doubtful:
            _log.warning("an earlier run left deliveries in doubt", count=doubtful)
        if orphaned:
            _log.warning("messages for receivers that are no longer in the settings", count=orphaned)
            what = "1 message is" if orphaned == 1 else f"{orphaned} messages are"
            self._courier.problems["orphaned"] = (
                f"{what} for receivers that are no longer in the settings; see `notifier outbox list`"
            )
        return taken_at is not None

    def wake(self) -> None:
        """Something was put into the outbox."""
        for lane in self._lanes.values():
            lane.news.set()

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve all lanes until `stopping` is set and what is on its way has been settled."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes.values():
                tasks.create_task(self._serve(lane, stopping))
            await stopping.wait()
            self.wake()

    async def drain(self, patience_seconds: float, *, awaits_mending: bool = True) -> None:
        """Send everything that is due, or becomes due within `patience_seconds` from now, and return.

        Without `awaits_mending` a receiver that somebody has to mend first is not waited for. What could not
        be sent is among `problems` then, and so is what has to wait for longer.
        """
        until = self._clock.now() + timedelta(seconds=patience_seconds)
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes.values():
                tasks.create_task(self._drain(lane, until, awaits_mending=awaits_mending))
        try:
            waiting = await self._store.run(lambda books: books.outbox.list_waiting())
        except StoreError as error:
            self._courier.problems[""] = str(error)
            return
        for receiver, (count, words) in waiting.items():
            what = "1 message waits" if count == 1 else f"{count} messages wait"
            said = f"; it said last: {words}" if words else ""
            self._courier.problems.setdefault(receiver, f"Receiver {receiver}: {what} to be sent{said}")

    async def _serve(self, lane: "_Lane", stopping: asyncio.Event) -> None:
        await self._prepare(lane)
        while not stopping.is_set():
            lane.news.clear()
            try:
                await self._settle_claim(lane)
                is_sent = await self._send_next(lane)
                due_at = None if is_sent else await self._find_due(lane)
            except StoreError as error:
                _log.debug("store failed", error=str(error))
                lane.is_unclear = True
                await self._wait(lane, STORE_RETRY_SECONDS)
                continue
            if not is_sent:
                await self._wait(lane, self._seconds_until(due_at))
            elif lane.pace_seconds:
                await self._pause(lane, stopping)

    async def _drain(self, lane: "_Lane", until: datetime, *, awaits_mending: bool) -> None:
        try:
            due_at = await self._find_due(lane)
            if due_at is not None:
                await self._prepare(lane)
            while due_at is not None and due_at <= until:
                if not awaits_mending and self._is_refused(lane):
                    return
                due_seconds = (due_at - self._clock.now()).total_seconds()
                await self._clock.sleep(max(0.0, due_seconds, lane.free_at - self._clock.monotonic()))
                await self._send_next(lane)
                due_at = await self._find_due(lane)
        except StoreError as error:
            _log.error("store failed", error=str(error))
            self._courier.problems[""] = str(error)

    def _is_refused(self, lane: "_Lane") -> bool:
        """Whether somebody has to mend a lane's receiver before it takes anything."""
        return any(
            receiver.destination == lane.destination and name in self._courier.refused
            for name, receiver in self._receivers.items()
        )

    async def _send_next(self, lane: "_Lane") -> bool:
        """Send the next message of a lane; return False when there is none now."""
        now = self._clock.now()
        deadline = self._clock.monotonic() + CLAIM_SECONDS
        since = self._tell_time(lane, now)

        def job(books: Books) -> tuple[Claim, Matter | None, bool] | None:
            claim = books.outbox.claim(lane.destination, now, since)
            return None if claim is None else self._prepare_claim(books, claim, now)

        reach(Waypoint.CLAIMING)
        claimed = await self._store.run(job)
        if claimed is None:
            return False
        claim, matter, has_to_be_sent = claimed
        if not has_to_be_sent:
            return True
        reach(Waypoint.CLAIMED)
        lane.free_at = self._clock.monotonic() + lane.pace_seconds
        await self._courier.deliver(claim, matter, deadline)
        return True

    def _prepare_claim(self, books: Books, claim: Claim, now: datetime) -> tuple[Claim, Matter | None, bool]:
        """Find out where a claimed message goes and what it is about; False when it is not to be sent now."""
        one = claim.notification
        receiver = self._receivers.get(one.receiver)
        if receiver is None:
            books.outbox.record_dead(claim, now, error_code="no_receiver", error=NO_RECEIVER)
            return claim, None, False
        card = books.cards.find(one.case_id, one.destination)
        matter = _load_matter(books, one, card)
        is_broadcast = is_for_channel(matter) and not is_shown(matter, card)
        if is_broadcast and is_made_by_time(matter):
            is_broadcast = self._storms.lets_show(books, claim, now)
        place = find_place(one, card, receiver.traits, is_broadcast=is_broadcast)
        if place is None or not is_needed(matter, now):
            books.outbox.record_covered(claim, now)
            return claim, matter, False
        silence = _find_silence(books, matter, now)
        if silence is not None:
            books.outbox.record_muted(claim, f"silence {silence.silence_id}")
            return claim, matter, False
        claim = replace(claim, place=place)
        is_guarded = receiver.traits.is_read_by_people and is_card(claim, card)
        if is_guarded and not self._storms.lets_pass(books, claim, now):
            return claim, matter, False
        # What may stand there already shows the state of then: its updates are still needed.
        if place.form is not Form.REPLY and (not claim.is_repeat or claim.can_be_repeated):
            books.outbox.cover_updates(claim, now)
        return claim, matter, True

    async def _settle_claim(self, lane: "_Lane") -> None:
        """After a fault of the store a claim may stand there that this lane believes not to have made."""
        if lane.is_unclear:
            now = self._clock.now()
            await self._store.run(lambda books: books.outbox.unclaim(lane.destination, now))
            lane.is_unclear = False

    def _tell_time(self, lane: "_Lane", now: datetime) -> datetime:
        """Return the time at a lane's receiver, or an instant that is surely before it."""
        clocks = (one.now_there() for one in self._receivers.values() if one.destination == lane.destination)
        return next((there for there in clocks if there is not None), now - UNKNOWN_CLOCK_MARGIN)

    async def _prepare(self, lane: "_Lane") -> None:
        """Let a lane's receivers learn what they need before the first message."""
        for receiver in self._receivers.values():
            if receiver.destination == lane.destination:
                try:
                    await receiver.prepare()
                except DeliveryError as error:
                    _log.info("not prepared", receiver=receiver.name, error=str(error))

    async def _find_due(self, lane: "_Lane") -> datetime | None:
        """Return when a lane's next message is due; one that lies too far ahead is due now.

        The wall clock may have been set back, and a message must not wait for it to come round again.
        """
        now = self._clock.now()
        beyond = now + timedelta(seconds=self._policy.longest_seconds)

        def job(books: Books) -> datetime | None:
            due_at = books.outbox.next_due_at(lane.destination)
            if due_at is None or due_at <= beyond:
                return due_at
            books.outbox.pull_forward(beyond, now)
            return now

        return await self._store.run(job)

    def _seconds_until(self, due_at: datetime | None) -> float:
        if due_at is None:
            return LONGEST_WAIT_SECONDS
        return min(LONGEST_WAIT_SECONDS, max(0.0, (due_at - self._clock.now()).total_seconds()))

    async def _wait(self, lane: "_Lane", seconds: float) -> None:
        sleep = asyncio.ensure_future(self._clock.sleep(seconds))
        news = asyncio.ensure_future(lane.news.wait())
        try:
            await asyncio.wait((sleep, news), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            news.cancel()

    async def _pause(self, lane: "_Lane", stopping: asyncio.Event) -> None:
        """Keep a lane's pace; news do not shorten it, only the end does."""
        while not stopping.is_set() and (left := lane.free_at - self._clock.monotonic()) > 0:
            lane.news.clear()
            await self._wait(lane, left)
        lane.news.set()


class _Lane:
    """The queue of one destination."""

    def __init__(self, destination: str, pace_seconds: float) -> None:
        self.destination = destination
        self.pace_seconds = pace_seconds
        self.free_at = 0.0
        self.is_unclear = False
        self.news = asyncio.Event()


def _find_silence(books: Books, matter: Matter | None, now: datetime) -> Silence | None:
    """Return the silence that has begun since a reminder was made; what has happened is not taken back."""
    if not isinstance(matter, Dossier) or not is_made_by_time(matter):
        return None
    return find_silence(books.load_silences(now), matter.change, matter.account, now)


def _load_matter(books: Books, notification: Notification, card: Card | None) -> Matter | None:
    if notification.purpose is Purpose.NOTICE or notification.topic == NoticeKind.INCIDENT:
        return books.load_notice(notification.change_id)
    return books.load_dossier(notification.change_id, card, notification.case_id)
