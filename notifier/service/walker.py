"""Walks a partner's accounts: what is new goes to the recorder, who is missing twice is looked for.

Only a walk through the whole list says who is missing. One through a range of it says when it takes another
look at the whole to tell.
"""

from collections.abc import Mapping
from typing import Final

import structlog

from notifier.domain.ranges import GROWN, RANGE_ACCOUNTS, Cutter
from notifier.domain.watch import AccountTarget, PartnerTarget, Sighting
from notifier.errors import SourceMalformed, SourceRejected, SourceUnauthorized, SourceUnavailable
from notifier.service.lookout import Lookout
from notifier.service.memory import Memory, Walked
from notifier.service.ports import Clock, Source, Store
from notifier.service.recorder import Recorder
from notifier.service.verifier import Verifier

LARGEST_SHARE: Final = 0.25
"""Walks through all accounts take so much of the time at the most, however many there are."""

_log = structlog.get_logger("notifier.poll")


class Walker:
    """Reads partners, a page at a time; only accounts whose bytes have changed are compared.

    With `range_accounts`, a walk through a whole list notes in the memory how it may be cut into parts of so
    many.
    """

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
        range_accounts: int | None = None,
    ) -> None:
        self._sources = sources
        self._store = store
        self._recorder = recorder
        self._verifier = verifier
        self._memory = memory
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._range_accounts = range_accounts
        self._lookout = Lookout(sources, store, verifier, memory, clock)

    async def read(self, target: PartnerTarget) -> tuple[str, ...] | None:
        """Walk when it is time for it, and look at what is pending when it is not.

        Returns what could not be understood, None where that is not known any better than before: the last
        walk did not come to its end, and the next one has to wait. Raises SourceError and StoreError.
        """
        began = self._clock.monotonic()
        walked = self._memory.find_walked(target)
        # Whoever has walked may have been another process; a clock that was set back must not put it off.
        seconds_left = walked.walk_at - self._clock.now().timestamp()
        if 0 < seconds_left <= walked.walk_seconds and await self._lookout.look(target):
            return None if walked.is_torn else _list_partial(walked)
        try:
            problems = await (self.walk_range(target) if target.is_range else self.walk(target))
        except (SourceRejected, SourceMalformed, SourceUnavailable):
            # A list that cannot be read to its end takes no larger share of the time than any other.
            self._put_off(target, self._clock.monotonic() - began, is_torn=True)
            # Those behind the fault are waited for all the same.
            await self._lookout.look(target)
            raise
        self._put_off(target, self._clock.monotonic() - began)
        return problems

    def _put_off(self, target: PartnerTarget, took_seconds: float, *, is_torn: bool = False) -> None:
        """Say when the next walk is due, after one that took so long."""
        walked = self._memory.find_walked(target)
        least_seconds = 0.0 if is_torn else self._interval_seconds
        walked.walk_seconds = max(least_seconds, took_seconds / LARGEST_SHARE) - took_seconds
        walked.walk_at = self._clock.now().timestamp() + walked.walk_seconds
        walked.is_torn = is_torn

    async def walk(self, target: PartnerTarget) -> tuple[str, ...]:
        """Walk to the end, and return what could not be understood. Raises SourceError and StoreError."""
        source = self._sources[target.source]
        is_arrival = await self._store.run(lambda books: books.is_walked(target.source, target.owner_id))
        walked = self._memory.find_walked(target)
        present: set[str] = set()
        for_nobody: tuple[str, ...] = ()
        cutter = Cutter(self._range_accounts) if self._range_accounts else None
        async for page in source.walk(target, walked.digests):
            if cutter is not None:
                cutter.note(page)
            present.update(sighting.account_id for sighting in page)
            for_nobody += _list_nameless(page)
            await self._verifier.keep_page(page, target, walked, is_arrival=is_arrival)
        if not for_nobody:
            # Whoever could not be read by name may be one that seems to be missing.
            await self._finish(target, present, is_first=not is_arrival)
            if cutter is not None and not walked.missing:
                # Whoever is missing is looked for once more, and all others with them, before it is divided.
                self._memory.note_ranges(target, cutter.finish())
        return (*for_nobody, *_list_partial(walked))

    async def walk_range(self, target: PartnerTarget) -> tuple[str, ...]:
        """Walk a range, and return what could not be understood. Raises SourceError and StoreError.

        It judges nobody: whatever is doubtful is noted, for a walk through the whole list to find out.
        """
        walked = self._memory.find_walked(target)
        known = {*walked.digests, *walked.pending, *walked.missing}
        present: set[str] = set()
        for_nobody: tuple[str, ...] = ()
        is_arrival = await self._store.run(lambda books: books.is_walked(target.source, target.owner_id))
        most = GROWN * (self._range_accounts or RANGE_ACCOUNTS)
        try:
            async for page in self._sources[target.source].walk(target, walked.digests):
                present.update(sighting.account_id for sighting in page)
                for_nobody += _list_nameless(page)
                await self._verifier.keep_page(page, target, walked, is_arrival=is_arrival)
                if len(present) > most:
                    break
        except (SourceRejected, SourceMalformed) as error:
            if isinstance(error, SourceUnauthorized):
                raise
            self._doubt(target, f"the range could not be walked: {error}")
            return _list_partial(walked)
        if reason := _find_doubt(target, known, present, walked.missing, most):
            self._doubt(target, reason)
        elif not for_nobody:
            walked.note_missing(known - present)
        return (*for_nobody, *_list_partial(walked))

    def _doubt(self, target: PartnerTarget, reason: str) -> None:
        self._memory.note_doubt(target, reason)
        _log.info("the whole list is walked again", target=str(target), reason=reason)

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
        missing.difference_update(left)
        for account_id in left:
            walked.forget(account_id)
            self._memory.forget(AccountTarget(target.source, account_id, target.names))
        if is_first:
            now = self._clock.now()
            await self._store.run(lambda books: books.mark_walked(target.source, target.owner_id, now))


def _find_doubt(
    target: PartnerTarget, known: set[str], present: set[str], missed: set[str], most: int
) -> str:
    """Return why a range is not what it was, "" where it is; `missed` were missing on its last walk."""
    if len(present) > most:
        return "the range has grown"
    if target.until and target.until not in present:
        return "the list has come to an end before the range has"
    if known and known.isdisjoint(present):
        return "none of the accounts that were known is there"
    if missed - present:
        return "an account was missing twice"
    return ""


def _list_partial(walked: Walked) -> tuple[str, ...]:
    """List what could not be read of accounts that have a name."""
    return tuple(problem for problems in walked.partial.values() for problem in problems)


def _list_nameless(page: tuple[Sighting, ...]) -> tuple[str, ...]:
    """List what is wrong with the accounts of a page that have no name."""
    return tuple(
        problem for one in page if one.snapshot and not one.account_id for problem in one.snapshot.problems
    )
