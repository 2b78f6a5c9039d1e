"""The first reads of a start: they are on their way while the store is still being opened."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from typing import Final

from notifier.domain.watch import PartnerTarget, Reading, Target
from notifier.service.ports import Clock, Source

FRESH_SECONDS: Final = 5.0
"""What was asked for longer ago than this is asked for again: the store has taken its time to open."""


class HeadStart:
    """Reads begun before there is an engine; each is taken once, by the first poll of its target.

    Nothing of an answer is kept, or told to anybody, before a poller takes it.
    """

    def __init__(self, sources: Mapping[str, Source], clock: Clock) -> None:
        self._sources = sources
        self._clock = clock
        self._reads: dict[Target, asyncio.Task[Reading | None]] = {}
        self._began_at = clock.monotonic()

    def begin(self, targets: Iterable[Target]) -> None:
        """Begin to read some targets; a partner's walk goes by pages, and begins with the engine."""
        self._began_at = self._clock.monotonic()
        for target in targets:
            if not isinstance(target, PartnerTarget):
                self._reads[target] = asyncio.ensure_future(self._sources[target.source].read(target, None))

    def take(self, target: Target) -> Awaitable[Reading | None] | None:
        """Give what was begun for a target; None where nothing was, or not lately, or it was taken."""
        if self._clock.monotonic() - self._began_at > FRESH_SECONDS:
            return None
        return self._reads.pop(target, None)

    async def close(self) -> None:
        """End what nobody has waited for."""
        for read in self._reads.values():
            read.cancel()
        await asyncio.gather(*self._reads.values(), return_exceptions=True)
