"""What cannot be read, a sentence for each subject: in memory, and in the store for those who look."""

from collections.abc import Callable, Iterable
from typing import Final

import structlog

from notifier.domain.blindness import TroubleKind
from notifier.domain.ranges import name_whole
from notifier.domain.watch import Target
from notifier.errors import SourceError, SourceMalformed, SourceUnauthorized, StoreError
from notifier.service.ports import Books, Clock, Store

_log = structlog.get_logger("notifier.poll")

_PACE: Final = ": pace"
_ASKER: Final = f"{_PACE} of "

STORE: Final = "store"
"""What a problem of the store is about, among those of targets."""

_MOST_PROBLEMS: Final = 10


class ProblemBook:
    """The problems there are, by subject; each is written once when it comes and once when it is over.

    `sentences` also holds that of the store itself, which the store cannot keep.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._kinds: dict[str, TroubleKind] = {}
        self._unwritten: set[str] = set()
        self.sentences: dict[str, str] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that could be cleared."""
        return not (self.sentences or self._unwritten)

    async def load(self, targets: Iterable[Target]) -> None:
        """Load what earlier runs left, and clear what is about none of the targets. Raises StoreError."""
        found = await self._store.run(lambda books: books.load_problems())
        self.sentences = {subject: said for subject, said in found.items() if not find_asker(subject)}
        if self.sentences:
            known = {str(target) for target in targets}
            for subject in [one for one in self.sentences if name_whole(one) not in known]:
                await self.clear(subject)

    async def forget_gone(self) -> None:
        """Clear what is said of the pace of workers that are no more: they cannot. Raises StoreError."""
        now = self._clock.now()

        def job(books: Books) -> None:
            askers = {subject: find_asker(subject) for subject in books.load_problems()}
            if any(askers.values()):
                living = books.list_living(now)
                for subject, asker in askers.items():
                    if asker and asker not in living:
                        books.clear_problem(subject)

        await self._store.run(job)

    async def recall(self, targets: Iterable[Target]) -> None:
        """Load what is known of some targets, and leave the others alone. Raises StoreError."""
        known = await self._store.run(lambda books: books.load_problems())
        subjects = {str(target) for target in targets} if known else set()
        self.sentences = {subject: said for subject, said in known.items() if subject in subjects}

    async def remember(
        self,
        subject: str,
        sentence: str,
        kind: TroubleKind = TroubleKind.UNREADABLE,
        word: str = "cannot read",
    ) -> None:
        """Keep a problem; one that is known already is not written again. `word` is for the log."""
        is_known = self.sentences.get(subject) == sentence
        if is_known and self._kinds.get(subject) is kind and subject not in self._unwritten:
            return
        self.sentences[subject], self._kinds[subject] = sentence, kind
        if not is_known:
            _log.warning(word, target=subject, error=sentence)
        now = self._clock.now()
        await self._write(subject, lambda books: books.save_problem(subject, sentence, now, kind))

    async def settle(self, subject: str, word: str = "reads again") -> None:
        """Clear a problem if there is one."""
        if subject in self.sentences or subject in self._unwritten:
            await self.clear(subject, word)

    async def clear(self, subject: str, word: str = "reads again") -> None:
        """Clear a problem."""
        self.sentences.pop(subject, None)
        self._kinds.pop(subject, None)
        _log.info(word, target=subject)
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


def name_pace(source: str, asker: str = "") -> str:
    """Return what it is called that a source is asked less often, by one of several workers if it is one."""
    return f"{source}{_ASKER}{asker}" if asker else f"{source}{_PACE}"


def find_asker(subject: str) -> str:
    """Return which worker's pace a subject is, "" where it is anything else."""
    return subject.partition(_ASKER)[2]


def find_kind(error: SourceError) -> TroubleKind:
    """Return what kind of problem an error of the source is."""
    if isinstance(error, SourceUnauthorized):
        return TroubleKind.CREDENTIALS
    return TroubleKind.SHAPE if isinstance(error, SourceMalformed) else TroubleKind.UNREADABLE


def join(problems: tuple[str, ...]) -> str:
    """Make one sentence of what is wrong with the parts of an answer: there may be thousands."""
    rest = len(problems) - _MOST_PROBLEMS
    more = (f"and {rest} more",) if rest > 0 else ()
    return "; ".join((*problems[:_MOST_PROBLEMS], *more))
