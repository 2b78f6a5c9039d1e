"""Forgets what is old, a little at a time; `notifier.store.retention` says what that is."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.service.ports import Clock, Store

_log = structlog.get_logger("notifier.store")

PAUSE_SECONDS: Final = 3600.0
"""Between two looks at what is old."""
BATCH: Final = 200
"""So many rows go in one transaction: some milliseconds."""
BREATH_SECONDS: Final = 0.05
"""Between two batches: polls and deliveries want the store too."""
MOST_BATCHES: Final = 500
"""So many batches are done in one go; the rest waits for the next."""


class Pruner:
    """Forgets what was settled for longer than `keep`."""

    def __init__(self, store: Store, clock: Clock, keep: timedelta) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep

    async def tend(self) -> float:
        """Forget what is old; return the seconds until the next time. Raises StoreError."""
        before = self._clock.now() - self._keep
        forgotten = 0
        for _ in range(MOST_BATCHES):
            count = await self._store.run(lambda books: books.prune(before, BATCH))
            forgotten += count
            if not count:
                break
            await self._clock.sleep(BREATH_SECONDS)
        await self._forget_words(before)
        if forgotten:
            _log.info("old rows forgotten", count=forgotten, before=before.isoformat(timespec="seconds"))
        return PAUSE_SECONDS

    async def _forget_words(self, before: datetime) -> None:
        after: str | None = ""
        while after is not None:
            after = await self._forget_page(after, before)
            await self._clock.sleep(BREATH_SECONDS)

    async def _forget_page(self, after: str, before: datetime) -> str | None:
        return await self._store.run(lambda books: books.forget_words(after, before, BATCH))
