"""Walks a partner's accounts: what is new goes to the recorder, who is missing twice is looked for."""

from collections.abc import Mapping
from typing import Final

from notifier.domain.watch import AccountTarget, PartnerTarget, Sighting
from notifier.errors import SourceMalformed, SourceRejected, SourceUnavailable
from notifier.service.lookout import Lookout
from notifier.service.memory import Memory, Walked
from notifier.service.ports import Clock, Source, Store
from notifier.service.recorder import Recorder
from notifier.service.verifier import Verifier

LARGEST_SHARE: Final = 0.25
"""Walks through all accounts take so much of the time at the most, however many there are."""


class Walker:
    """Reads whole partners, a page at a time; only accounts whose bytes have changed are compared."""

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        recorder: Recorder,
        verifier: Verifier,
        memory: Memory,
        clock: Clock,
        *,
        interval_seconds: float = 0.0,
    ) -> None:
        self._sources = sources
        self._store = store
        self._recorder = recorder
        self._verifier = verifier
        self._memory = memory
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._lookout = Lookout(sources, store, verifier, memory, clock)

    async def read(self, target: PartnerTarget) -> tuple[str, ...]:
        """Walk when it is time for it, and look at what is pending when it is not.

        Returns what could not be understood. Raises SourceError and StoreError.
        """
        began = self._clock.monotonic()
        walked = self._memory.find_walked(target)
        # Whoever has walked may have been another process; a clock that was set back must not put it off.
        seconds_left = walked.walk_at - self._clock.now().timestamp()
        if 0 < seconds_left <= walked.walk_seconds and await self._lookout.look(target):
            return _list_partial(walked)
        try:
            problems = await self.walk(target)
        except (SourceRejected, SourceMalformed, SourceUnavailable):
            # Where a list cannot be read to its end, those behind the fault are waited for all the same.
            await self._lookout.look(target)
            raise
        took_seconds = self._clock.monotonic() - began
        walked = self._memory.find_walked(target)
        walked.walk_seconds = max(self._interval_seconds, took_seconds / LARGEST_SHARE) - took_seconds
        walked.walk_at = self._clock.now().timestamp() + walked.walk_seconds
        return problems

    async def walk(self, target: PartnerTarget) -> tuple[str, ...]:
        """Walk to the end, and return what could not be understood. Raises SourceError and StoreError."""
        source = self._sources[target.source]
        is_arrival = await self._store.run(lambda books: books.is_walked(target.source, target.owner_id))
        walked = self._memory.find_walked(target)
        present: set[str] = set()
        for_nobody: tuple[str, ...] = ()
        async for page in source.walk(target, walked.digests):
            present.update(sighting.account_id for sighting in page)
            for_nobody += _list_nameless(page)
            await self._verifier.keep_page(page, target, walked, is_arrival=is_arrival)
        if not for_nobody:
            # Whoever could not be read by name may be one that seems to be missing.
            await self._finish(target, present, is_first=not is_arrival)
        return (*for_nobody, *_list_partial(walked))

    async def _finish(self, target: PartnerTarget, present: set[str], *, is_first: bool) -> None:
        """A walk that came to its end shows which accounts are not under the partner any more.

        Two walks in a row have to agree: a list that changes while it is walked may skip one.
        """
        walked = self._memory.find_walked(target)
        known = await self._recorder.list_accounts(target, frozenset(self._sources))
        missing = known - present
        twice = missing & walked.missing
        walked.missing = missing
        left: list[str] = []
        for account_id in sorted(twice):
            try:
                snapshot = await self._sources[target.source].confirm_account(account_id)
            except SourceRejected:
                left.append(account_id)
                continue
            if snapshot is None:
                self._verifier.report(await self._recorder.record_account_gone(account_id, str(target)))
            left.append(account_id)
        if left:
            self._verifier.report(await self._recorder.record_unwatched(left, str(target)))
        for account_id in left:
            walked.forget(account_id)
            self._memory.forget(AccountTarget(target.source, account_id, target.names))
        if is_first:
            now = self._clock.now()
            await self._store.run(lambda books: books.mark_walked(target.source, target.owner_id, now))


def _list_partial(walked: Walked) -> tuple[str, ...]:
    """List what could not be read of accounts that have a name."""
    return tuple(problem for problems in walked.partial.values() for problem in problems)


def _list_nameless(page: tuple[Sighting, ...]) -> tuple[str, ...]:
    """List what is wrong with the accounts of a page that have no name."""
    return tuple(
        problem for one in page if one.snapshot and not one.account_id for problem in one.snapshot.problems
    )
