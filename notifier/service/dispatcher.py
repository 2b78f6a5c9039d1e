"""Empties the outbox: one lane for each destination, in order, at its pace.

A lane never waits for another. What a lane sends it has marked before, and what became of it is recorded
before it sends the next.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from notifier.domain.compose import Dossier, House, compose
from notifier.domain.delivery import Claim, Receipt
from notifier.domain.retry import GiveUp, Retry, RetryPolicy, judge
from notifier.errors import DeliveryAmbiguous, DeliveryError, StoreError
from notifier.service.ports import Books, Clock, Receiver, Store

_log = structlog.get_logger("notifier.delivery")

LONGEST_WAIT_SECONDS: Final = 30.0
"""How long a lane trusts its idea of when the next message is due."""

_STORE_RETRY_SECONDS: Final = 1.0

_T = TypeVar("_T")


@dataclass(slots=True)
class Deliveries:
    """What became of the attempts since the start."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    repeated: int = 0


class Dispatcher:
    """Sends what is due; one instance for each engine. `jitter` gives numbers in [0, 1)."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        store: Store,
        clock: Clock,
        house: House,
        policy: RetryPolicy,
        jitter: Callable[[], float],
    ) -> None:
        self._receivers = receivers
        self._store = store
        self._clock = clock
        self._house = house
        self._policy = policy
        self._jitter = jitter
        self._lanes = {
            destination: _Lane(
                destination,
                max(one.pace_seconds for one in receivers.values() if one.destination == destination),
            )
            for destination in sorted({receiver.destination for receiver in receivers.values()})
        }
        self.deliveries = Deliveries()
        self.problems: dict[str, str] = {}

    async def start(self) -> int:
        """Take over what an earlier run left; return how many deliveries it left in doubt."""
        now = self._clock.now()
        destinations = {name: receiver.destination for name, receiver in self._receivers.items()}

        def job(books: Books) -> tuple[int, int]:
            return books.outbox.recover(now), books.outbox.rehome(destinations, now)

        doubtful, orphaned = await self._store.run(job)
        if doubtful:
            _log.warning("deliveries in doubt are sent again", count=doubtful)
        if orphaned:
            _log.warning("messages for receivers that are no longer in the settings", count=orphaned)
        return doubtful

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

    async def drain(self, patience_seconds: float) -> None:
        """Send everything that is due, or becomes due within `patience_seconds` from now, and return."""
        until = self._clock.now() + timedelta(seconds=patience_seconds)
        async with asyncio.TaskGroup() as tasks:
            for lane in self._lanes.values():
                tasks.create_task(self._drain(lane, until))

    async def _serve(self, lane: "_Lane", stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            lane.news.clear()
            try:
                is_sent = await self._send_next(lane)
                due_at = None if is_sent else await self._find_due(lane)
            except StoreError as error:
                _log.error("store failed", error=str(error))
                await self._wait(lane, _STORE_RETRY_SECONDS)
                continue
            if not is_sent:
                await self._wait(lane, self._seconds_until(due_at))
            elif lane.pace_seconds:
                await self._pause(lane, stopping)

    async def _drain(self, lane: "_Lane", until: datetime) -> None:
        while True:
            if await self._send_next(lane):
                await self._clock.sleep(max(0.0, lane.free_at - self._clock.monotonic()))
                continue
            due_at = await self._find_due(lane)
            if due_at is None or due_at > until:
                return
            await self._clock.sleep((due_at - self._clock.now()).total_seconds())

    async def _send_next(self, lane: "_Lane") -> bool:
        """Send the next message of a lane; return False when there is none now."""
        now = self._clock.now()

        def job(books: Books) -> tuple[Claim, Dossier | None] | None:
            claim = books.outbox.claim(lane.destination, now)
            return (claim, books.load_dossier(claim.notification.change_id)) if claim else None

        claimed = await self._store.run(job)
        if claimed is None:
            return False
        claim, dossier = claimed
        lane.free_at = self._clock.monotonic() + lane.pace_seconds
        try:
            receipt = await self._send(claim, dossier)
        except DeliveryError as error:
            await self._record_failure(claim, error)
        else:
            await self._record_success(claim, receipt)
        return True

    async def _send(self, claim: Claim, dossier: Dossier | None) -> Receipt:
        notification = claim.notification
        receiver = self._receivers[notification.receiver]
        try:
            message = compose(notification.notification_id, _require(dossier), self._house, self._clock.now())
            return await receiver.send(message, is_plain=claim.is_plain)
        except DeliveryError:
            raise
        except Exception as error:
            _log.exception("a fault of the notifier's own", notification=notification.notification_id)
            raise DeliveryAmbiguous(
                f"a fault of the notifier's own ({type(error).__name__}): please report it", code="internal"
            ) from error

    async def _record_success(self, claim: Claim, receipt: Receipt) -> None:
        now = self._clock.now()
        await self._record(lambda books: books.outbox.record_delivered(claim, receipt, now))
        self.deliveries.delivered += 1
        self.deliveries.repeated += claim.is_repeat
        self.problems.pop(claim.notification.receiver, None)
        _log.info("delivered", **_describe(claim), channel=receipt.channel, ref=receipt.message_ref)

    async def _record_failure(self, claim: Claim, error: DeliveryError) -> None:
        now = self._clock.now()
        receiver = claim.notification.receiver
        jitter = self._jitter()

        def job(books: Books) -> Retry | GiveUp:
            verdict = judge(error, claim, self._policy, books.outbox.count_holds(receiver), now, jitter)
            _apply(books, claim, verdict, error, now)
            return verdict

        verdict = await self._record(job)
        self.deliveries.failed += 1
        self.problems[receiver] = f"{receiver}: {error}"
        next_at = verdict.at.isoformat(timespec="seconds") if isinstance(verdict, Retry) else None
        _log.warning("not delivered", **_describe(claim), error=str(error), next_attempt_at=next_at)
        if isinstance(verdict, GiveUp):
            self.deliveries.dead += 1
            _log.error("given up: see `notifier outbox list`", **_describe(claim))

    async def _record(self, job: Callable[[Books], _T]) -> _T:
        """Record an outcome; a store that fails is asked again, since only this process knows the outcome."""
        while True:
            try:
                return await self._store.run(job)
            except StoreError as error:
                _log.error("store failed, the outcome of a delivery waits for it", error=str(error))
                await self._clock.sleep(_STORE_RETRY_SECONDS)

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
        self.news = asyncio.Event()


def _require(dossier: Dossier | None) -> Dossier:
    if dossier is None:
        raise LookupError("the change of this notification is not in the store")
    return dossier


def _apply(books: Books, claim: Claim, verdict: Retry | GiveUp, error: DeliveryError, now: datetime) -> None:
    if isinstance(verdict, GiveUp):
        books.outbox.record_dead(claim, now, error_code=error.code, error=str(error))
        return
    books.outbox.record_retry(
        claim,
        verdict.at,
        is_repeat=verdict.is_repeat,
        is_plain=verdict.is_plain,
        attempts=claim.attempt if verdict.counts else claim.attempt - 1,
        error_code=error.code,
        error=str(error),
    )
    if verdict.holds_receiver:
        receiver = claim.notification.receiver
        books.outbox.hold(receiver, now, verdict.at, error_code=error.code, error=str(error))


def _describe(claim: Claim) -> dict[str, object]:
    return {
        "receiver": claim.notification.receiver,
        "topic": claim.notification.topic,
        "notification": claim.notification.notification_id,
        "case": claim.notification.case_id,
        "attempt": claim.attempt,
    }
