"""Looks at those accounts of a partner in which somebody waits, between two walks through all of them."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from notifier.domain.model import PENDING
from notifier.domain.watch import AccountTarget, PartnerTarget, Sighting
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import SourceMalformed, SourceNotFound, SourceRejected, SourceUnauthorized
from notifier.service.memory import Memory, Walked
from notifier.service.ports import Clock, Source, Store
from notifier.service.verifier import Verifier

_log = structlog.get_logger("notifier.poll")

FEW: Final = 3
"""So many accounts are read alone rather than by a list."""
AT_ONCE: Final = 8
DISTRUST_SECONDS: Final = 86_400.0
"""For so long a list that was not what was asked for is not asked for again."""
REFUSED_SECONDS: Final = 3_600.0

_FORBIDDEN: Final = 403


class _NotFilteredError(Exception):
    """The list has other accounts than it was asked for."""


class Lookout:
    """Reads what is pending by the list's filter where Dintero honours that, and alone where it does not.

    Whether it does is looked at each time: an account on the list in which nobody waits, or some that are not
    on it and wait all the same, or no list at all, and the filter is left alone for a day. A few may be
    beyond it, such as those whose connection has no name there: who is not on the list is always read alone.
    """

    def __init__(
        self, sources: Mapping[str, Source], store: Store, verifier: Verifier, memory: Memory, clock: Clock
    ) -> None:
        self._sources = sources
        self._store = store
        self._verifier = verifier
        self._memory = memory
        self._clock = clock
        self._distrusted_until: dict[str, float] = {}
        self._refused_until: dict[str, float] = {}

    async def look(self, target: PartnerTarget) -> bool:
        """Look once; False where that is refused, so that only a walk shows what has become of them.

        Raises SourceError and StoreError.
        """
        walked = self._memory.find_walked(target)
        if not walked.pending:
            return True
        now = self._clock.monotonic()
        if now < self._refused_until.get(target.source, 0.0):
            return False
        left, listed = set(walked.pending), False
        if len(left) > FEW and now >= self._distrusted_until.get(target.source, 0.0):
            try:
                left -= await self._sift(target, walked)
                listed = True
            except (_NotFilteredError, SourceRejected, SourceMalformed) as error:
                if isinstance(error, SourceUnauthorized) and error.status != _FORBIDDEN:
                    raise
                self._distrust(target)
        try:
            still = await self._read_alone(target, walked, sorted(left))
        except SourceUnauthorized as error:
            if error.status != _FORBIDDEN:
                raise
            self._refused_until[target.source] = now + REFUSED_SECONDS
            return False
        # On a range's list others stand too: it may have ended before those who are missing on it.
        if listed and len(still) > FEW and not target.is_range:
            self._distrust(target)
        return True

    def _distrust(self, target: PartnerTarget) -> None:
        self._distrusted_until[target.source] = self._clock.monotonic() + DISTRUST_SECONDS
        _log.info("does not filter its list of accounts", target=str(target))

    async def _sift(self, target: PartnerTarget, walked: Walked) -> set[str]:
        """Read the list of what is pending, keep what is new, and return the accounts on it.

        Where only a range is read, it ends with the first page on which others stand.
        """
        found: set[str] = set()
        # Who is on it and was on no walk has come since the last one.
        is_arrival = await self._store.run(lambda books: books.is_walked(target.source, target.owner_id))
        async for page in self._sources[target.source].sift(target, walked.digests):
            own = tuple(one for one in page if not target.is_range or walked.has(one.account_id))
            if not all(_is_wanted(one, walked) for one in own):
                raise _NotFilteredError
            found.update(one.account_id for one in own)
            await self._verifier.keep_page(own, target, walked, is_arrival=is_arrival)
            if len(own) < len(page):
                break
        return found

    async def _read_alone(self, target: PartnerTarget, walked: Walked, account_ids: list[str]) -> set[str]:
        """Read accounts one by one, some at once; return those in which somebody still waits."""
        still: set[str] = set()
        rest = iter(account_ids)

        async def work() -> None:
            for account_id in rest:
                if await self._read(target, walked, account_id):
                    still.add(account_id)

        # One that fails takes no further account, and nobody is stopped while something is being kept.
        working = [work() for _ in range(min(AT_ONCE, len(account_ids)))]
        for outcome in await asyncio.gather(*working, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome
        return still

    async def _read(self, target: PartnerTarget, walked: Walked, account_id: str) -> bool:
        """Read one account, and return whether somebody waits in it."""
        alone = AccountTarget(target.source, account_id, target.names)
        self._verifier.tally.polls += 1
        try:
            reading = await self._sources[target.source].read(alone, self._memory.find_seen(alone))
        except SourceNotFound:
            # It may have left its partner: the next walks find that out.
            self._memory.forget(alone)
            return False
        if reading is None:
            self._verifier.tally.unchanged += 1
            return True
        reach(Waypoint.READ)
        # The next walk compares it: it may show what one before has seen, and this answer was another.
        walked.digests.pop(account_id, None)
        # It may be kept although that fails.
        self._memory.forget(alone)
        waiting, doubtful = await self._verifier.record([reading.snapshot], target, target.names)
        walked.note_partial(account_id, reading.snapshot.problems)
        if waiting or reading.snapshot.problems:
            self._memory.note_seen(alone, None if doubtful else reading.fingerprint, is_pending=True)
            return True
        walked.pending.discard(account_id)
        self._memory.forget(alone)
        return False


def _is_wanted(sighting: Sighting, walked: Walked) -> bool:
    """Whether an account belongs on a list of those in which somebody waits."""
    if sighting.snapshot is None:
        return sighting.account_id in walked.pending
    return any(one.status == PENDING for one in sighting.snapshot.connections)
