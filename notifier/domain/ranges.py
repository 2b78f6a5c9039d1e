"""Ranges of a partner's list, which several workers read: where it may be cut, and what a part is called."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from notifier.domain.blindness import Problem, TroubleKind
from notifier.domain.watch import UP_TO, PartnerTarget, Sighting

RANGE_ACCOUNTS: Final = 3_000
"""A range has so many accounts, and a page more at the most: thirty pages, or some seconds of a worker."""

GROWN: Final = 2
"""A range that has grown to so many times that is cut anew."""

_LONGEST_CURSOR: Final = 1_024


@dataclass(frozen=True, slots=True)
class Range:
    """A part of a partner's list, as a walk through all of it has found it."""

    after: str
    until: str
    account_ids: tuple[str, ...]

    def narrow(self, target: PartnerTarget) -> PartnerTarget:
        """Return the target that reads this part of a target's list."""
        return replace(target, after=self.after, until=self.until)


class Cutter:
    """Cuts a list behind the first page with which a part has `most` accounts, as pages come by."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._after = ""
        self._account_ids: list[str] = []
        self._ranges: list[Range] = []

    def note(self, page: Sequence[Sighting]) -> None:
        """Take a page; it is cut behind it where another page was asked for by a cursor."""
        self._account_ids += [one.account_id for one in page if one.account_id]
        if len(self._account_ids) >= self._most and page and is_cut(page[-1]):
            self._cut(page[-1].account_id)
            self._after = page[-1].cursor or ""

    def finish(self) -> tuple[Range, ...]:
        """Return the parts of the whole list, none where it is not worth while to divide it.

        The last part runs to the end of the list, whoever will stand there.
        """
        if self._ranges and 2 * len(self._account_ids) < self._most:
            # A small rest, or none, goes with the part before it.
            last = self._ranges.pop()
            self._after, self._account_ids = last.after, [*last.account_ids, *self._account_ids]
        self._cut("")
        return tuple(self._ranges) if len(self._ranges) > 1 else ()

    def _cut(self, until: str) -> None:
        self._ranges.append(Range(self._after, until, tuple(self._account_ids)))
        self._account_ids = []


def is_cut(sighting: Sighting) -> bool:
    """Whether the list may be cut behind an account: it must be known again, and its cursor be kept."""
    name, cursor = sighting.account_id, sighting.cursor
    is_name = name.isascii() and name.isalnum()
    return is_name and cursor is not None and 0 < len(cursor) <= _LONGEST_CURSOR and cursor.isprintable()


def fold(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems with those of a list's ranges as one of the whole list, of the worst kind."""
    folded: dict[str, Problem] = {}
    for one in problems:
        subject = name_whole(one.subject)
        before = folded.get(subject)
        if before is None:
            folded[subject] = replace(one, subject=subject)
        elif before.kind is TroubleKind.PARTIAL and one.kind is not TroubleKind.PARTIAL:
            folded[subject] = replace(one, subject=subject, since=min(before.since, one.since))
    return list(folded.values())


def name_whole(subject: str) -> str:
    """Return what the whole list is called of which a subject may be a range."""
    return subject.partition(UP_TO)[0]
