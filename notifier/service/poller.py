"""Reads one target: what is new goes to the recorder, what fails is remembered as a problem."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from notifier.domain.blindness import TroubleKind
from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.watch import (
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Reading,
    Target,
)
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import (
    SourceError,
    SourceMalformed,
    SourceNotFound,
    SourceRateLimited,
    SourceRejected,
    SourceUnauthorized,
    StoreError,
)
from notifier.service.ports import Books, Clock, Source, Store, Wake
from notifier.service.recorder import Recorded, Recorder

_log = structlog.get_logger("notifier.poll")

STORE: Final = "store"
"""What a problem of the store is about, among those of targets."""

_LONGEST_HOLD_SECONDS: Final = 3600.0
_MOST_PROBLEMS: Final = 10
_FEW: Final = 10
"""So many targets that cannot be read are tried again as often as those that somebody waits for."""


@dataclass(slots=True)
class Tally:
    """What the polls since the last line of log came to."""

    polls: int = 0
    unchanged: int = 0
    failed: int = 0
    changes: int = 0
    notifications: int = 0


class Poller:
    """Polls targets; one instance for each engine.

    `on_news` is called after every commit that put something into the outbox. `take_early` gives a first read
    that is on its way already, None where there is none.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        recorder: Recorder,
        clock: Clock,
        on_news: Wake,
        take_early: Callable[[Target], Awaitable[Reading | None] | None] = lambda _target: None,
    ) -> None:
        self._sources = sources
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._on_news = on_news
        self._take_early = take_early
        self._seen: dict[Target, Fingerprint] = {}
        self._accounts: dict[PartnerTarget, dict[str, bytes]] = {}
        self._pending: dict[Target, set[str]] = {}
        self._partial: dict[Target, tuple[str, ...]] = {}
        self._partials: dict[PartnerTarget, dict[str, tuple[str, ...]]] = {}
        self._missing: dict[PartnerTarget, set[str]] = {}
        self._absent: set[Target] = set()
        self._accounts_there: set[tuple[str, str]] = set()
        self._unkept: set[Target] = set()
        self._unread: set[Target] = set()
        self._unwritten: set[str] = set()
        self._held_until: dict[str, float] = {}
        self._rounds_left = 0
        self._kinds: dict[str, TroubleKind] = {}
        self.targets: tuple[Target, ...] = ()
        self.problems: dict[str, str] = {}
        self.tally = Tally()

    async def start(self, targets: tuple[Target, ...], *, is_restored: bool = False, rounds: int = 2) -> None:
        """Load what earlier runs left behind, and end the cases of what is no longer watched.

        A store that `is_restored` from a backup stays marked until every target was read so often without a
        problem: `rounds` is 2 where a second look tells what is gone.
        """
        self.targets = targets
        if is_restored:
            self._unread, self._rounds_left = set(targets), rounds
        self.problems = await self._store.run(lambda books: books.load_problems())
        subjects = {str(target) for target in targets}
        for subject in [one for one in self.problems if one not in subjects]:
            await self._clear(subject)
        changes = await self._recorder.start(targets)
        if changes:
            self._on_news()

    def is_pending(self, target: Target) -> bool:
        """Whether somebody waits for something that this target shows: then it is read more often."""
        # A target's hash is the dearest part of this, so that what is empty is not looked into.
        pending = self._pending.get(target)
        # What was not read yet may be waited for as well.
        if pending is None or bool(pending) or (bool(self._unkept) and target in self._unkept):
            return True
        return 0 < len(self.problems) <= _FEW and str(target) in self.problems

    def find_hold_seconds(self, target: Target) -> float:
        """Return for how long a target's source has asked not to be asked, 0 where it has not."""
        if not self._held_until:
            return 0.0
        return max(0.0, self._held_until.get(target.source, 0.0) - self._clock.monotonic())

    def _hold(self, target: Target, error: SourceError) -> None:
        """Ask nothing of a source for as long as it has asked for."""
        if isinstance(error, SourceRateLimited) and error.retry_after_seconds:
            seconds = min(error.retry_after_seconds, _LONGEST_HOLD_SECONDS)
            self._held_until[target.source] = self._clock.monotonic() + seconds

    async def poll(self, target: Target) -> None:
        """Read a target once and keep what is new. Raises nothing of SourceError or StoreError."""
        self.tally.polls += 1
        try:
            problems = await self._read(target)
        except SourceError as error:
            self.tally.failed += 1
            self._hold(target, error)
            await self._remember(target, str(error), _find_kind(error))
        except StoreError as error:
            self.tally.failed += 1
            self._unkept.add(target)
            _log.debug("store failed", target=str(target), error=str(error))
            self.problems[STORE] = str(error)
        except Exception as error:  # noqa: BLE001 - see below
            # One answer that this code cannot take must not stop the others from being read.
            self.tally.failed += 1
            _log.exception("a fault of the notifier's own", target=str(target))
            sentence = f"{target}: a fault of the notifier's own ({type(error).__name__}): please report it"
            await self._remember(target, sentence)
        else:
            self._note_kept(target)
            if problems:
                await self._remember(target, _join(problems), TroubleKind.PARTIAL)
                return
            if (self.problems or self._unwritten) and str(target) in {*self.problems, *self._unwritten}:
                await self._clear(str(target))
            if self._unread:
                await self._count_off(target)

    def _note_kept(self, target: Target) -> None:
        if self._unkept:
            self._unkept.discard(target)
            if not self._unkept:
                self.problems.pop(STORE, None)

    async def _count_off(self, target: Target) -> None:
        """A target of a restored store was read: when all are, often enough, it is a store like any other."""
        self._unread.discard(target)
        if self._unread:
            return
        if self._rounds_left > 1:
            self._rounds_left -= 1
            self._unread = set(self.targets)
            return
        try:
            await self._store.run(lambda books: books.settle_copy())
        except StoreError:
            self._unread = {target}
        else:
            _log.info("everything that may have been posted since the backup was looked for")

    async def _read(self, target: Target) -> tuple[str, ...]:
        """Read a target and return what of it could not be understood, a sentence each."""
        if isinstance(target, PartnerTarget):
            return await self._walk(target)
        source = self._sources[target.source]
        try:
            seen = self._seen.get(target)
            early = self._take_early(target) if seen is None else None
            reading = await (source.read(target, seen) if early is None else early)
        except SourceNotFound:
            return await self._miss(target)
        if reading is None:
            self.tally.unchanged += 1
            return self._partial.get(target, ()) if self._partial else ()
        reach(Waypoint.READ)
        names = target.names if isinstance(target, AccountTarget) else frozenset[str]()
        pending, doubtful = await self._record([reading.snapshot], target, names)
        self._absent.discard(target)
        self._pending[target] = set(pending)
        if reading.snapshot.problems:
            self._partial[target] = reading.snapshot.problems
        else:
            self._partial.pop(target, None)
        if doubtful:
            # The same answer has to be looked at again: what it does not show may be gone all the same.
            self._seen.pop(target, None)
        else:
            self._seen[target] = reading.fingerprint
        return reading.snapshot.problems

    async def _walk(self, target: PartnerTarget) -> tuple[str, ...]:
        source = self._sources[target.source]
        is_arrival = await self._store.run(lambda books: books.is_walked(target.source, target.owner_id))
        seen = self._accounts.setdefault(target, {})
        pending = self._pending.setdefault(target, set())
        partial = self._partials.setdefault(target, {})
        present: set[str] = set()
        for_nobody: tuple[str, ...] = ()
        async for page in source.walk(target, seen):
            present.update(sighting.account_id for sighting in page)
            read = [one for one in page if one.snapshot and one.account_id]
            for_nobody += tuple(
                problem
                for one in page
                if one.snapshot and not one.account_id
                for problem in one.snapshot.problems
            )
            self.tally.unchanged += len(page) - len(read)
            snapshots = [one.snapshot for one in read if one.snapshot]
            if not snapshots:
                continue
            reach(Waypoint.READ)
            waiting, doubtful = await self._record(snapshots, target, target.names, is_arrival=is_arrival)
            pending -= {one.account_id for one in read}
            pending |= waiting
            for one in snapshots:
                partial[one.account.account_id] = one.problems
            seen.update({one.account_id: one.digest for one in read})
            for account_id in doubtful:
                seen.pop(account_id, None)
        if not for_nobody:
            # Whoever could not be read by name may be one that seems to be missing.
            await self._finish_walk(target, present, is_first=not is_arrival)
        return (*for_nobody, *(problem for problems in partial.values() for problem in problems))

    async def _finish_walk(self, target: PartnerTarget, present: set[str], *, is_first: bool) -> None:
        """A walk that came to its end shows which accounts are not under the partner any more.

        Two walks in a row have to agree: a list that changes while it is walked may skip one.
        """
        known = await self._recorder.list_accounts(target, frozenset(self._sources))
        missing = known - present
        twice = missing & self._missing.get(target, set())
        self._missing[target] = missing
        left: list[str] = []
        for account_id in sorted(twice):
            try:
                snapshot = await self._sources[target.source].confirm_account(account_id)
            except SourceRejected:
                left.append(account_id)
                continue
            if snapshot is None:
                self._report(await self._recorder.record_account_gone(account_id, str(target)))
            left.append(account_id)
        if left:
            self._report(await self._recorder.record_unwatched(left, str(target)))
        for account_id in left:
            self._accounts[target].pop(account_id, None)
            self._pending[target].discard(account_id)
            self._partials[target].pop(account_id, None)
        if is_first:
            now = self._clock.now()
            await self._store.run(lambda books: books.mark_walked(target.source, target.owner_id, now))

    async def _miss(self, target: ConnectionTarget | AccountTarget) -> tuple[str, ...]:
        """Dintero says that the target is not there: normal for a connection, a problem for an account."""
        source = self._sources[target.source]
        self._seen.pop(target, None)
        self._pending[target] = set()
        if isinstance(target, AccountTarget):
            is_there = await source.confirm_account(target.account_id) is not None
            if not is_there:
                await self._lose_account(target.account_id, target)
            return ()
        if target not in self._absent:
            has_account = await self._has_account(target)
            is_gone = True
            if await self._recorder.record_absence(target.key, target.source):
                is_gone = not await self._confirm((target.key,), target)
            if not has_account:
                # Its other connections speak for themselves: these credentials may see no more than those.
                raise _make_unknown(target.key.account_id)
            if is_gone:
                self._absent.add(target)
        return ()

    async def _has_account(self, target: ConnectionTarget) -> bool:
        """Whether there is an account that a missing connection could belong to; one request an account."""
        account_id = target.key.account_id
        if (target.source, account_id) not in self._accounts_there:
            try:
                if await self._sources[target.source].confirm_account(account_id) is None:
                    return False
            except SourceUnauthorized:
                pass  # Credentials for the connection alone: then nobody can tell.
            self._accounts_there.add((target.source, account_id))
        return True

    async def _lose_account(self, account_id: str, target: Target) -> None:
        """End what an account had, if anything, and say what to do about it. Raises SourceNotFound."""
        self._report(await self._recorder.record_account_gone(account_id, str(target)))
        raise _make_unknown(account_id)

    async def _record(
        self,
        snapshots: list[AccountSnapshot],
        target: Target,
        names: frozenset[str],
        *,
        is_arrival: bool = False,
    ) -> tuple[frozenset[str], frozenset[str]]:
        """Keep what is new and confirm what is missing.

        Return the accounts in which somebody waits, and those in which something seemed to be missing that is
        there.
        """
        recorded = await self._recorder.record(
            snapshots, target.source, names, is_arrival=is_arrival, poll=str(target)
        )
        reach(Waypoint.KEPT)
        self._report(recorded)
        return recorded.pending, await self._confirm(recorded.suspects, target)

    async def _confirm(self, suspects: tuple[ConnectionKey, ...], target: Target) -> frozenset[str]:
        """Ask directly for connections that a complete answer did not show, and end those that are gone.

        Return the accounts of those that are there: who answered may not have known it yet.
        """
        source = self._sources[target.source]
        gone: list[ConnectionKey] = []
        there: set[str] = set()
        for key in suspects:
            snapshot = await source.confirm(key)
            reach(Waypoint.CONFIRMED)
            if snapshot is None:
                gone.append(key)
            else:
                there.add(key.account_id)
                self._report(await self._recorder.record([snapshot], target.source, poll=str(target)))
        if gone:
            self._report(await self._recorder.record_gone(gone, str(target)))
        return frozenset(there)

    def _report(self, recorded: Recorded) -> None:
        self.tally.changes += len(recorded.changes)
        self.tally.notifications += recorded.notifications
        for change in recorded.changes:
            _log.info(
                "change",
                connection=str(change.key),
                topic=change.topic,
                status=change.status,
                case=change.case_id,
                reason=change.reason,
                told=change.is_told,
            )
        if recorded.notifications:
            self._on_news(recorded.destinations)

    async def _remember(
        self, target: Target, sentence: str, kind: TroubleKind = TroubleKind.UNREADABLE
    ) -> None:
        subject = str(target)
        is_known = self.problems.get(subject) == sentence
        if is_known and self._kinds.get(subject) is kind and subject not in self._unwritten:
            return
        self.problems[subject], self._kinds[subject] = sentence, kind
        if not is_known:
            _log.warning("cannot read", target=subject, error=sentence)
        now = self._clock.now()
        await self._write(subject, lambda books: books.save_problem(subject, sentence, now, kind))

    async def _clear(self, subject: str) -> None:
        self.problems.pop(subject, None)
        self._kinds.pop(subject, None)
        _log.info("reads again", target=subject)
        await self._write(subject, lambda books: books.clear_problem(subject))

    async def _write(self, subject: str, job: Callable[[Books], None]) -> None:
        """Write what has become of a subject; what could not be written is written with its next poll."""
        try:
            await self._store.run(job)
        except StoreError as error:
            self._unwritten.add(subject)
            _log.debug("store failed", error=str(error))
        else:
            self._unwritten.discard(subject)


def _make_unknown(account_id: str) -> SourceNotFound:
    return SourceNotFound(f"account {account_id} is unknown to Dintero: check its id and the credentials")


def _find_kind(error: SourceError) -> TroubleKind:
    """Return what kind of problem an error of the source is."""
    if isinstance(error, SourceUnauthorized):
        return TroubleKind.CREDENTIALS
    return TroubleKind.SHAPE if isinstance(error, SourceMalformed) else TroubleKind.UNREADABLE


def _join(problems: tuple[str, ...]) -> str:
    """Make one sentence of what is wrong with the parts of an answer: there may be thousands."""
    rest = len(problems) - _MOST_PROBLEMS
    more = (f"and {rest} more",) if rest > 0 else ()
    return "; ".join((*problems[:_MOST_PROBLEMS], *more))
