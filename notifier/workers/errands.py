"""The jobs of chores: each is done by whoever gets it, and its row says when it is due again."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from notifier.errors import StoreError
from notifier.service.ports import Chore, Clock, Store

_log = structlog.get_logger("notifier.worker")

RETRY_SECONDS: Final = 60.0
"""A chore in which this program fails is tried again after so long."""


class Errands:
    """Does chores; `chores` are those of the settings, by a name that is the same in every worker."""

    def __init__(self, chores: Mapping[str, Chore], store: Store, clock: Clock) -> None:
        self._chores = chores
        self._store = store
        self._clock = clock
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def names(self) -> tuple[str, ...]:
        """What the chores are called."""
        return tuple(self._chores)

    async def tend(self, name: str) -> None:
        """Do a chore once. Raises StoreError; then it is still due."""
        chore = self._chores.get(name)
        if chore is None:
            await self._store.run(lambda books: books.errands.forget(name))
            return
        async with self._locks[name]:
            try:
                seconds = await chore.tend()
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - the others go on, and it is tried again
                _log.exception("a fault of the notifier's own")
                seconds = RETRY_SECONDS
            next_at = self._clock.now() + timedelta(seconds=seconds)
            await self._store.run(lambda books: books.errands.postpone(name, next_at))
