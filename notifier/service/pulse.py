"""The sign of life of one process, as the store and the log are given it, under either engine."""

import os
import socket
from collections.abc import Mapping
from datetime import datetime  # noqa: TC003 - a field of this class
from typing import Final

import structlog

from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreError
from notifier.service.ports import Books, Clock, Store
from notifier.service.verifier import Tally

_log = structlog.get_logger("notifier.engine")

BEAT_SECONDS: Final = 30.0


class Pulse:
    """Counts the polls of one process, and writes that it lives; `version` is the program's.

    `who` holds the columns of `engines` that name it: without them it is the process, on its host.
    """

    def __init__(self, clock: Clock, version: str, who: Mapping[str, object] | None = None) -> None:
        self._who = who or {"host": socket.gethostname(), "pid": os.getpid()}
        self._clock = clock
        self._version = version
        self._round_at: datetime | None = None
        self._started_at = clock.now()
        self._signed_at = clock.monotonic()
        self.polls = 0

    @property
    def is_due(self) -> bool:
        """Whether the last sign of life is so old that another is to be given."""
        # By the monotonic clock: a wall clock that was set back must not pass for death.
        return self._clock.monotonic() - self._signed_at >= BEAT_SECONDS

    def note_polls(self, tally: Tally) -> None:
        """Count what polls have come to since the last time, and log it if there were any."""
        if not tally.polls:
            return
        self.polls += tally.polls
        self._round_at = self._clock.now()
        _log.info(
            "polled",
            polls=tally.polls,
            unchanged=tally.unchanged,
            failed=tally.failed,
            changes=tally.changes,
            notifications=tally.notifications,
        )

    def sign(self, books: Books) -> None:
        """Write a sign of life."""
        books.save_beat(self._describe())

    async def beat(self, store: Store) -> None:
        """Give a sign of life, if the store takes it."""
        try:
            await store.run(self.sign)
        except StoreError as error:
            _log.debug("store failed", error=str(error))

    async def stop(self, store: Store) -> None:
        """Say goodbye, if the store takes it: who has said so is not missed."""

        def job(books: Books) -> None:
            books.save_beat({**self._describe(), "stopped_at": self._clock.now()})

        try:
            await store.run(job)
        except StoreError as error:
            _log.debug("store failed", error=str(error))
        else:
            reach(Waypoint.GONE)

    def _describe(self) -> dict[str, object]:
        self._signed_at = self._clock.monotonic()
        return {
            **self._who,
            "version": self._version,
            "started_at": self._started_at,
            "beat_at": self._clock.now(),
            "polls": self.polls,
            "last_round_at": self._round_at,
        }
