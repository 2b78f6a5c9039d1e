"""Shows somebody outside that everything works: who hears nothing any more knows that it does not."""

from typing import Final, Protocol

import structlog

from notifier.errors import StoreError
from notifier.service.ports import Store

_log = structlog.get_logger("notifier.alarms")

SHORTEST_SECONDS: Final = 0.1


class Pulse(Protocol):
    """Somebody outside who listens."""

    async def beat(self, *, is_well: bool) -> str:
        """Give a sign of life; return "" or the sentence that says why it did not arrive. Never raises."""


class Heartbeat:
    """Says every `interval_seconds` whether everything works: no incident is open, and the store answers."""

    def __init__(self, store: Store, pulse: Pulse, interval_seconds: float) -> None:
        self._store = store
        self._pulse = pulse
        self._interval_seconds = interval_seconds
        self._problem = ""

    async def tend(self) -> float:
        """Give one sign; return the seconds until the next one."""
        try:
            is_well = not await self._store.run(lambda books: books.notices.list_open_incidents())
        except StoreError:
            is_well = False
        problem = await self._pulse.beat(is_well=is_well)
        if problem and problem != self._problem:
            _log.warning("the heartbeat did not arrive", error=problem)
        elif self._problem and not problem:
            _log.info("the heartbeat arrives again")
        self._problem = problem
        return max(SHORTEST_SECONDS, self._interval_seconds)
