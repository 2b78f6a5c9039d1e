"""The jobs of deliveries: each drains one destination, and ends when nothing is due there."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.domain.retry import RetryPolicy
from notifier.service.lane import Lane
from notifier.service.ports import Clock, Store
from notifier.workers.lease import Hold

_log = structlog.get_logger("notifier.worker")

LINGER: Final = timedelta(seconds=2)
"""What becomes due so soon is waited for: another job for it would come no earlier."""

TURN_SECONDS: Final = 10.0
"""Who has more to send than that goes behind those that wait for a place: a queue at Slack's pace is long."""


class Turn:
    """The time that one job has; it ends with the worker too."""

    def __init__(self, clock: Clock, leaving: asyncio.Event) -> None:
        self._clock = clock
        self._leaving = leaving
        self._ends_at = clock.monotonic() + TURN_SECONDS

    def is_set(self) -> bool:
        """Whether it is over."""
        return self._leaving.is_set() or self._clock.monotonic() >= self._ends_at


class Drains:
    """Drains destinations, one job for each at a time, by the lanes that the asyncio engine uses.

    `store` orders jobs for what is made due in it.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        store: Store,
        clock: Clock,
        leaving: asyncio.Event,
        policy: RetryPolicy,
    ) -> None:
        self._policy = policy
        self._lanes = lanes
        self._store = store
        self._clock = clock
        self._leaving = leaving
        self._unknown: set[str] = set()
        # A job that was taken over from this very process, while it was asleep, may meet the one before it.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def drain(self, destination: str, hold: Hold) -> None:
        """Send all that is due for a destination, which is this worker's for as long as `hold` says.

        Raises StoreError.
        """
        lane = self._lanes.get(destination)
        if lane is None:
            self._report_unknown(destination)
            await self._leave_to_others(destination)
            return
        turn = Turn(self._clock, self._leaving)
        async with self._locks[destination]:
            # Who had this job before has ended, or was silent for longer than a claim is good for.
            if hold.is_over:
                return
            lane.is_overtaken = False
            if await lane.recover(has_run_out=True):
                _log.warning("another worker left deliveries in doubt", destination=destination)
            due_at: datetime | None = self._clock.now()
            while not turn.is_set():
                until = self._clock.now() + LINGER
                if due_at is None or due_at > until or lane.is_overtaken:
                    return
                due_at = await lane.drain(until, stopping=turn, grip=hold)
        if not self._leaving.is_set() and due_at is not None:
            await self._store.run(lambda books: books.outbox.call_for(destination))

    async def _leave_to_others(self, destination: str) -> None:
        """Put in doubt what is on its way there: whoever sent it has ended, or this were not our job."""
        now = self._clock.now()
        look_at = now + timedelta(seconds=self._policy.request_seconds)
        ends_at = look_at + timedelta(seconds=self._policy.look_seconds)
        await self._store.run(lambda books: books.outbox.recover(look_at, ends_at, destination))

    def _report_unknown(self, destination: str) -> None:
        """Say, once, that others have to send what is due there: it comes up again at every look."""
        if destination not in self._unknown:
            self._unknown.add(destination)
            _log.error(
                "messages for a receiver that this worker does not know: all workers need the same settings",
                destination=destination,
            )
