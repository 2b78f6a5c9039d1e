"""The jobs of deliveries: each drains one destination, and ends when nothing is due there."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.service.lane import Lane
from notifier.service.ports import Clock

_log = structlog.get_logger("notifier.worker")

LINGER: Final = timedelta(seconds=2)
"""What becomes due so soon is waited for: another job for it would come no earlier."""


class Drains:
    """Drains destinations, one job for each at a time, by the lanes that the asyncio engine uses."""

    def __init__(self, lanes: Mapping[str, Lane], clock: Clock, leaving: asyncio.Event) -> None:
        self._lanes = lanes
        self._clock = clock
        self._leaving = leaving
        # A job that was taken over from this very process, while it was asleep, may meet the one before it.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def drain(self, destination: str) -> None:
        """Send all that is due for a destination. Raises StoreError."""
        lane = self._lanes.get(destination)
        if lane is None:
            _log.error(
                "messages for a receiver that this worker does not know: all workers need the same settings",
                destination=destination,
            )
            return
        async with self._locks[destination]:
            # Who had this job before has ended, or was silent for longer than a claim is good for.
            if await lane.recover(has_run_out=True):
                _log.warning("another worker left deliveries in doubt", destination=destination)
            due_at: datetime | None = self._clock.now()
            while not self._leaving.is_set():
                until = self._clock.now() + LINGER
                if due_at is None or due_at > until:
                    return
                due_at = await lane.drain(until, stopping=self._leaving)
