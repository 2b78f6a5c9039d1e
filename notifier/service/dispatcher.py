"""Empties the outbox: one lane for each destination, none of which waits for another."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import structlog

from notifier.domain.retry import RetryPolicy
from notifier.domain.storm import StormGuard
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreError
from notifier.service.claims import Claims
from notifier.service.courier import Courier
from notifier.service.desk import Desk
from notifier.service.early import Early
from notifier.service.lane import Lane
from notifier.service.ports import Books, Clock, Receiver, Store
from notifier.service.settlement import Deliveries
from notifier.service.storms import Storms

_log = structlog.get_logger("notifier.delivery")


class Dispatcher:
    """All lanes of one process, served for ever or emptied once; `lanes` holds them by their destinations.

    `early` claims for lanes that wait, where a recorder has it.

    `is_alone` says that no other process sends what stands in the store.
    """

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        store: Store,
        clock: Clock,
        courier: Courier,
        policy: RetryPolicy,
        storms: Storms | None = None,
        *,
        is_alone: bool = True,
    ) -> None:
        self._receivers = receivers
        self._store = store
        self._clock = clock
        self._courier = courier
        self._policy = policy
        self._is_alone = is_alone
        claims = Claims(receivers, storms or Storms(StormGuard()), is_alone=is_alone)
        desk = Desk(store, clock, claims, courier.settlements, policy)
        sharing: dict[str, list[Receiver]] = defaultdict(list)
        for receiver in receivers.values():
            sharing[receiver.destination].append(receiver)
        self.lanes: Mapping[str, Lane] = {
            destination: Lane(sharing[destination], store, clock, courier, desk, policy, is_alone=is_alone)
            for destination in sorted(sharing)
        }
        # Where others serve these lanes as well, their claims belong to whoever has the lane.
        self.early = Early(self.lanes, claims, clock, policy.claim_seconds) if is_alone else None

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
        Where the process is not alone what is on its way may be on its way from another, and is left to
        `Lane.recover`.
        """
        now = self._clock.now()
        destinations = {name: receiver.destination for name, receiver in self._receivers.items()}

        # What was on its way may still be taken for as long as a request lasts.
        look_at = now + timedelta(seconds=self._policy.request_seconds)
        ends_at = look_at + timedelta(seconds=self._policy.look_seconds)

        def job(books: Books) -> tuple[datetime | None, int, int]:
            taken_at = books.take_over_copy(now, ends_at)
            doubtful = books.outbox.recover(look_at, ends_at) if self._is_alone else 0
            return taken_at, doubtful, books.outbox.rehome(destinations, now, is_alone=self._is_alone)

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

    def wake(self, destinations: Collection[str] | None = None) -> None:
        """Something was put into the outbox for some destinations; None where it is not known for which."""
        for destination in self.lanes if destinations is None else destinations:
            lane = self.lanes.get(destination)
            # Without a lane its receiver is gone from the settings: the next start says so.
            if lane is not None:
                lane.wake()

    async def run(self, stopping: asyncio.Event) -> None:
        """Serve all lanes until `stopping` is set and what is on its way has been settled."""
        async with asyncio.TaskGroup() as tasks:
            for lane in self.lanes.values():
                tasks.create_task(lane.serve(stopping))
            await stopping.wait()
            self.wake()

    async def drain(self, patience_seconds: float, *, awaits_mending: bool = True) -> None:
        """Send everything that is due, or becomes due within `patience_seconds` from now, and return.

        Without `awaits_mending` a receiver that somebody has to mend first is not waited for. What could not
        be sent is among `problems` then, and so is what has to wait for longer.
        """
        until = self._clock.now() + timedelta(seconds=patience_seconds)
        async with asyncio.TaskGroup() as tasks:
            for lane in self.lanes.values():
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

    async def _drain(self, lane: Lane, until: datetime, *, awaits_mending: bool) -> None:
        try:
            await lane.drain(until, awaits_mending=awaits_mending)
        except StoreError as error:
            _log.error("store failed", error=str(error))
            self._courier.problems[""] = str(error)
