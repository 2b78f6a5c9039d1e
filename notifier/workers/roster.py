"""Whom the workers know: a receiver is gone from the settings when no worker has known it for long."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.worker")


UNKNOWN_FOR: Final = timedelta(hours=1)
"""A receiver that no worker has known for so long is gone from the settings."""


ASTRAY_FOR: Final = timedelta(minutes=10)
"""What waits where no worker has led to for so long is brought to where its receiver is by now."""


class Roster:
    """Says which receivers this worker knows, and gives up what is for those that none knows.

    While settings are being changed an old worker does not know a new receiver, whose messages are for others
    to send. So nothing is given up before nobody has known a receiver for `UNKNOWN_FOR`, and somebody who
    does not was there for all of that time. `destinations` are where this worker's receivers lead.
    """

    def __init__(self, store: Store, clock: Clock, destinations: Mapping[str, str]) -> None:
        self._store = store
        self._clock = clock
        self._destinations = dict(destinations)
        self._unknown_since: dict[str, float] = {}

    async def call(self) -> int:
        """Look once; return how many messages were given up. Raises StoreError."""
        instant, now = self._clock.now(), self._clock.monotonic()
        await self._store.run(lambda books: self._bring_home(books, instant))
        since, mine = instant - UNKNOWN_FOR, self._destinations.keys()
        unknown = await self._store.run(lambda books: books.outbox.list_unknown(mine, since, instant))
        self._unknown_since = {name: self._unknown_since.get(name, now) for name in unknown}
        patience = UNKNOWN_FOR.total_seconds()
        gone = [name for name, since in self._unknown_since.items() if now - since >= patience]
        if not gone:
            return 0

        def give_up(books: Books) -> int:
            # Somebody who knows one of them may have come in this moment.
            still = books.outbox.list_unknown(mine, since, instant).intersection(gone)
            return books.outbox.give_up(still, instant) if still else 0

        count = await self._store.run(give_up)
        if count:
            _log.warning("messages for receivers that are no longer in the settings", count=count)
        return count

    def _bring_home(self, books: Books, now: datetime) -> None:
        """Move what an older worker has left where its receiver was."""
        if books.outbox.list_strays(self._destinations, now - ASTRAY_FOR, now):
            books.outbox.rehome(self._destinations, now, is_alone=False)
