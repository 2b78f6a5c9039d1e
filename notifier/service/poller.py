"""Reads one target: what is new goes to the recorder, what fails is remembered as a problem."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from notifier.domain.blindness import TroubleKind
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget, Reading, Target
from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import SourceError, SourceNotFound, SourceRateLimited, SourceUnauthorized, StoreError
from notifier.service.memory import Memory
from notifier.service.ports import Clock, Source, Store, Wake
from notifier.service.problem_book import STORE, ProblemBook, find_kind, join, name_pace
from notifier.service.recorder import Recorder
from notifier.service.verifier import Tally, Verifier
from notifier.service.walker import Walker

_log = structlog.get_logger("notifier.poll")

_LONGEST_HOLD_SECONDS: Final = 3600.0
_FEW: Final = 10
"""So many targets that cannot be read are tried again as often as those that somebody waits for."""


class Poller:
    """Polls targets; one instance for each engine.

    `on_news` is called after every commit that put something into the outbox. `take_early` gives a first read
    that is on its way already, None where there is none. `memory` is what is known of the targets from polls
    before, of this poller or of another. A partner is walked no more often than every
    `walk_interval_seconds`; between two walks only those of its accounts are read in which somebody waits.
    With `range_accounts` its walks say how the list may be cut into parts of so many. `asker` is what one of
    several workers is called.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        store: Store,
        recorder: Recorder,
        clock: Clock,
        on_news: Wake,
        take_early: Callable[[Target], Awaitable[Reading | None] | None] = lambda _target: None,
        *,
        memory: Memory | None = None,
        walk_interval_seconds: float = 0.0,
        range_accounts: int | None = None,
        asker: str = "",
    ) -> None:
        self._asker = asker
        self._sources = sources
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._on_news = on_news
        self._take_early = take_early
        self.memory = memory if memory is not None else Memory()
        self._verifier = Verifier(sources, recorder, on_news, self.memory)
        self._walker = Walker(
            sources,
            store,
            recorder,
            self._verifier,
            self.memory,
            clock,
            interval_seconds=walk_interval_seconds,
            range_accounts=range_accounts,
        )
        self._book = ProblemBook(store, clock)
        self._accounts_there: set[tuple[str, str]] = set()
        self._unkept: set[Target] = set()
        self._unread: set[Target] = set()
        self._held_until: dict[str, float] = {}
        self._rounds_left = 0
        self.targets: tuple[Target, ...] = ()

    @property
    def problems(self) -> Mapping[str, str]:
        """What cannot be read, a sentence for each subject."""
        return self._book.sentences

    @property
    def tally(self) -> Tally:
        """What the polls came to since it was last taken."""
        return self._verifier.tally

    def take_tally(self) -> Tally:
        """Give what the polls came to, and begin to count anew."""
        taken, self._verifier.tally = self._verifier.tally, Tally()
        return taken

    async def start(self, targets: tuple[Target, ...], *, is_restored: bool = False, rounds: int = 2) -> None:
        """Load what earlier runs left behind, and end the cases of what is no longer watched.

        A store that `is_restored` from a backup stays marked until every target was read so often without a
        problem: `rounds` is 2 where a second look tells what is gone.
        """
        self.targets = targets
        if is_restored:
            self._unread, self._rounds_left = set(targets), rounds
        await self._book.load(targets)
        changes = await self._recorder.start(targets)
        if changes:
            self._on_news()

    async def resume(self, targets: tuple[Target, ...]) -> None:
        """Go on with some of all targets, where another poller has left off. Raises StoreError."""
        self.targets = targets
        await self._book.recall(targets)
        await self._recorder.recall()

    def is_pending(self, target: Target) -> bool:
        """Whether somebody waits for something that this target shows: then it is read more often."""
        # What was not read yet may be waited for as well.
        if self.memory.is_pending(target) is not False:
            return True
        # Every poll comes along here: what is empty is not looked into.
        if self._unkept and target in self._unkept:
            return True
        problems = self._book.sentences
        return 0 < len(problems) <= _FEW and str(target) in problems

    @property
    def has_holds(self) -> bool:
        """Whether any source has asked not to be asked for a while that was not found over yet."""
        return bool(self._held_until)

    def is_at_ease(self, source: str) -> bool:
        """Whether a source may surely be asked as usual: none wants peace, nor this one longer intervals."""
        return not self._held_until and self._sources[source].tempo.stretch <= 1

    def find_hold_seconds(self, target: Target) -> float:
        """Return for how long a target's source has asked not to be asked, 0 where it has not."""
        until = self._held_until.get(target.source)
        if until is None:
            return 0.0
        seconds = until - self._clock.monotonic()
        if seconds <= 0:
            del self._held_until[target.source]
        return max(0.0, seconds)

    def find_stretch(self, target: Target) -> float:
        """Return how many times as long as usual to wait between two polls of a target."""
        return self._sources[target.source].tempo.stretch

    async def note_tempo(self) -> None:
        """Say which sources are asked less often than usual, and which are asked as usual again."""
        for name, source in self._sources.items():
            tempo, subject = source.tempo, name_pace(name, self._asker)
            if tempo.stretch > 1:
                sentence = f"{tempo.reason}: it is asked {tempo.stretch:.1f} times less often than usual"
                # By no poll is this worse than parts that cannot be read: everything is read, and later.
                await self._book.remember(subject, sentence, TroubleKind.PARTIAL, "asks less often")
            elif not self._book.is_empty:
                await self._book.settle(subject, "asks as usual again")

    async def forget_gone(self) -> None:
        """Clear what is said of the pace of workers that are no more. Raises StoreError."""
        await self._book.forget_gone()

    def _hold(self, target: Target, error: SourceError) -> None:
        """Ask nothing of a source for as long as it has asked for."""
        if isinstance(error, SourceRateLimited) and error.retry_after_seconds:
            seconds = min(error.retry_after_seconds, _LONGEST_HOLD_SECONDS)
            self._held_until[target.source] = self._clock.monotonic() + seconds

    async def poll(self, target: Target) -> bool:
        """Read a target once, keep what is new, and return `is_pending` of it. Raises no NotifierError."""
        self._verifier.tally.polls += 1
        try:
            problems = await self._read(target)
        except Exception as error:  # noqa: BLE001 - one answer must not stop the others from being read
            await self._fail(target, error)
        else:
            if problems or self._unkept or self._unread or not self._book.is_empty:
                await self._settle(target, problems)
        return self.is_pending(target)

    async def _fail(self, target: Target, error: Exception) -> None:
        """Remember why a target could not be read, or what was read could not be kept."""
        self.tally.failed += 1
        match error:
            case SourceError():
                self._hold(target, error)
                await self._book.remember(str(target), str(error), find_kind(error))
            case StoreError():
                self._unkept.add(target)
                _log.debug("store failed", target=str(target), error=str(error))
                self._book.sentences[STORE] = str(error)
            case _:
                _log.error("a fault of the notifier's own", target=str(target), exc_info=error)
                sentence = (
                    f"{target}: a fault of the notifier's own ({type(error).__name__}): please report it"
                )
                await self._book.remember(str(target), sentence)

    async def _settle(self, target: Target, problems: tuple[str, ...] | None) -> None:
        """Remember what of an answer could not be understood, and that all else is well again."""
        self._note_kept(target)
        if problems is None:
            return
        if problems:
            await self._book.remember(str(target), join(problems), TroubleKind.PARTIAL)
            return
        if not self._book.is_empty:
            await self._book.settle(str(target))
        if self._unread:
            await self._count_off(target)

    def _note_kept(self, target: Target) -> None:
        if self._unkept:
            self._unkept.discard(target)
            if not self._unkept:
                self._book.sentences.pop(STORE, None)

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

    async def _read(self, target: Target) -> tuple[str, ...] | None:
        """Read a target and return what of it could not be understood, a sentence each.

        None where what is wrong with it is what was wrong with it before.
        """
        if isinstance(target, PartnerTarget):
            return await self._walker.read(target)
        source = self._sources[target.source]
        try:
            seen = self.memory.find_seen(target)
            early = self._take_early(target) if seen is None else None
            reading = await (source.read(target, seen) if early is None else early)
        except SourceNotFound:
            return await self._miss(target)
        if reading is None:
            self.tally.unchanged += 1
            return self.memory.find_problems(target)
        reach(Waypoint.READ)
        names = target.names if isinstance(target, AccountTarget) else frozenset[str]()
        # It may be kept although it fails: then an answer like the one before would be news again.
        self.memory.forget(target)
        pending, doubtful = await self._verifier.record([reading.snapshot], target, names)
        self.memory.note_seen(
            target,
            # What an answer does not show may be gone all the same: then the same one is looked at again.
            None if doubtful else reading.fingerprint,
            is_pending=bool(pending),
            problems=reading.snapshot.problems,
        )
        return reading.snapshot.problems

    async def _miss(self, target: ConnectionTarget | AccountTarget) -> tuple[str, ...]:
        """Dintero says that the target is not there: normal for a connection, a problem for an account."""
        source = self._sources[target.source]
        is_absent = self.memory.is_absent(target)
        self.memory.note_missing(target, is_absent=is_absent)
        if isinstance(target, AccountTarget):
            is_there = await source.confirm_account(target.account_id) is not None
            if not is_there:
                await self._lose_account(target.account_id, target)
            return ()
        if not is_absent:
            has_account = await self._has_account(target)
            is_gone = True
            if await self._recorder.record_absence(target.key, target.source):
                is_gone = not await self._verifier.confirm((target.key,), target)
            if not has_account:
                # Its other connections speak for themselves: these credentials may see no more than those.
                raise _make_unknown(target.key.account_id)
            if is_gone:
                self.memory.note_missing(target, is_absent=True)
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
        self._verifier.report(await self._recorder.record_account_gone(account_id, str(target)))
        raise _make_unknown(account_id)


def _make_unknown(account_id: str) -> SourceNotFound:
    return SourceNotFound(f"account {account_id} is unknown to Dintero: check its id and the credentials")
