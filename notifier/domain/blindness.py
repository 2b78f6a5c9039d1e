"""What the notifier cannot do, as incidents: each is opened once, kept true, and ended when it is over.

Pure: what does not work now and what is open already in, the incidents that are different out.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from notifier.domain.identity import name_of
from notifier.domain.notices import Incident

MOST_SINGLE: Final = 3
"""When more accounts of a source than these cannot be read, the source is what cannot be read."""
MANY: Final = 3
"""So many connections do not go in one day without a reason that somebody should know."""
VANISHED_WITHIN: Final = timedelta(days=1)
"""What has not come back after that is taken as it is."""
RECEIVER_AFTER: Final = timedelta(minutes=5)
EVERYTHING: Final = "Dintero"
"""The subject of the one incident that stands for most of several sources."""


class TroubleKind(StrEnum):
    """What does not work."""

    UNREADABLE = "unreadable"
    CREDENTIALS = "credentials"
    SHAPE = "shape"
    """Dintero answers, and what it answers cannot be understood."""
    PARTIAL = "partial"
    """Some of an answer cannot be understood; the rest of it was read."""
    VANISHED = "vanished"
    RECEIVER = "receiver"
    FALLBACK = "fallback"
    """What is for a receiver goes elsewhere too; nobody is told of this by itself."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A target that cannot be read, by the words that name it in the store."""

    subject: str
    since: datetime
    sentence: str
    kind: TroubleKind = TroubleKind.UNREADABLE


@dataclass(frozen=True, slots=True)
class Hold:
    """A receiver that takes nothing although something waits for it."""

    receiver: str
    since: datetime
    error: str


@dataclass(frozen=True, slots=True)
class Loss:
    """An account that has lost connections lately: how many, the last one when, how many are left.

    `count` are those that Dintero says are gone, `unlisted` those of accounts that a partner's list does not
    show any more. `left_in_source` counts those that its whole source still has.
    """

    source: str
    account_id: str
    count: int
    unlisted: int
    last_at: datetime
    left: int
    left_in_source: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """All that is known at one instant.

    `targets` maps each target's words to its source; of the sources in `walked` a partner's list is read.
    """

    targets: Mapping[str, str]
    walked: frozenset[str] = frozenset()
    problems: Sequence[Problem] = ()
    holds: Sequence[Hold] = ()
    losses: Sequence[Loss] = ()


class Step(StrEnum):
    """What has become of an incident."""

    OPENED = "opened"
    CHANGED = "changed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What an incident should say now."""

    kind: TroubleKind
    sentence: str
    since: datetime


@dataclass(slots=True)
class _Group:
    """The targets of one source: how many there are, which fail, and which have failed for long enough."""

    source: str
    total: int = 0
    failing: list[Problem] = field(default_factory=list)
    due: list[Problem] = field(default_factory=list)

    @property
    def is_blind(self) -> bool:
        return 2 * len(self.failing) > self.total


def review(
    outlook: Outlook, opened: Iterable[Incident], blind_after: timedelta, now: datetime
) -> tuple[tuple[Step, Incident], ...]:
    """Return the incidents that begin, say something else, or are over; `opened` are those not over yet."""
    known = {one.subject: one for one in opened}
    troubles = find_troubles(outlook, frozenset(known), blind_after, now)
    steps: list[tuple[Step, Incident]] = []
    for subject, trouble in troubles.items():
        incident = known.get(subject)
        if incident is None:
            incident_id = name_of("incident", subject, now.isoformat())
            made = Incident(incident_id, trouble.kind, subject, trouble.sentence, min(trouble.since, now))
            steps.append((Step.OPENED, made))
        elif (incident.kind, incident.sentence) != (trouble.kind, trouble.sentence):
            changed = replace(incident, kind=trouble.kind, sentence=trouble.sentence)
            steps.append((Step.CHANGED, changed))
    steps += [
        (Step.ENDED, _end(incident, outlook, now))
        for subject, incident in known.items()
        if subject not in troubles
    ]
    return tuple(steps)


def find_troubles(
    outlook: Outlook, opened: frozenset[str], blind_after: timedelta, now: datetime
) -> dict[str, Trouble]:
    """Return what there should be an incident about, by subject; `opened` are the subjects that have one.

    Whoever was told of an account is told when that account is read again, and whoever was told of a source
    is not told of each of its accounts on top: so what has an incident keeps it.
    """
    groups = _group(outlook, blind_after, now)
    blind = [one for one in groups if one.is_blind]
    is_everywhere = EVERYTHING in opened or (len(groups) > 1 and 2 * len(blind) > len(groups))
    troubles: dict[str, Trouble] = {}
    everywhere: list[Problem] = []
    for group in groups:
        rest = [one for one in group.due if one.subject not in opened]
        single = [one for one in group.due if one.subject in opened]
        subject = name_source(group.source)
        is_known = subject in opened
        is_of_all = all(one.kind is not TroubleKind.CREDENTIALS for one in rest)
        is_wide = group.total > 1 and (group.is_blind or len(rest) > MOST_SINGLE)
        if rest and is_everywhere and not is_known and is_of_all and (group in blind or EVERYTHING in opened):
            everywhere += rest
        elif rest and (is_known or is_wide):
            troubles[subject] = _sum_up(rest, _count_group(group))
        else:
            single += rest
        troubles |= {one.subject: Trouble(one.kind, one.sentence, one.since) for one in single}
    if everywhere:
        troubles[EVERYTHING] = _sum_up(everywhere, f"Of {len(groups)} sources most cannot be read")
    troubles |= _find_held(outlook.holds, blind_after, now)
    return troubles | _find_vanished(outlook, opened, blind_after, now)


def name_source(source: str) -> str:
    """Return the subject of an incident about a whole source."""
    return f"source {source}"


def name_receiver(receiver: str) -> str:
    """Return the subject of an incident about a receiver."""
    return f"receiver {receiver}"


def is_due(since: datetime, after: timedelta, now: datetime) -> bool:
    """Whether something has lasted for long enough; an instant from the future was a clock set back."""
    return not now - after < since <= now


def _group(outlook: Outlook, blind_after: timedelta, now: datetime) -> list[_Group]:
    groups: dict[str, _Group] = {}
    for source, total in Counter(outlook.targets.values()).items():
        groups[source] = _Group(source, total)
    for problem in outlook.problems:
        source_of = outlook.targets.get(problem.subject)
        if source_of is None:
            continue
        groups[source_of].failing.append(problem)
        if problem.kind is TroubleKind.CREDENTIALS or is_due(problem.since, blind_after, now):
            groups[source_of].due.append(problem)
    return list(groups.values())


def _count_group(group: _Group) -> str:
    """Say coarsely how many fail: a figure would be another one at every poll."""
    if len(group.failing) == group.total:
        return f"None of the {group.total} targets of source {group.source} can be read"
    share = "most" if group.is_blind else "some"
    return f"Of the {group.total} targets of source {group.source} {share} cannot be read"


def _sum_up(problems: Sequence[Problem], beginning: str) -> Trouble:
    kinds = Counter(one.kind for one in problems)
    order = list(TroubleKind)
    kind = max(kinds, key=lambda one: (kinds[one], -order.index(one)))
    first = min((one for one in problems if one.kind is kind), key=lambda one: (one.since, one.subject))
    since = min(one.since for one in problems)
    return Trouble(kind, f"{beginning}; the first of them: {first.sentence}", since)


def _find_held(holds: Iterable[Hold], blind_after: timedelta, now: datetime) -> dict[str, Trouble]:
    after = min(RECEIVER_AFTER, blind_after)
    return {
        name_receiver(one.receiver): Trouble(TroubleKind.RECEIVER, _name_trouble(one), one.since)
        for one in holds
        if is_due(one.since, after, now)
    }


def _name_trouble(hold: Hold) -> str:
    said = hold.error
    return said if said.startswith("Receiver ") else f"Receiver {hold.receiver}: {said}"


def _find_vanished(
    outlook: Outlook, opened: frozenset[str], blind_after: timedelta, now: datetime
) -> dict[str, Trouble]:
    troubles: dict[str, Trouble] = {}
    by_source: dict[str, list[Loss]] = {}
    for loss in outlook.losses:
        if is_due(loss.last_at, blind_after, now):
            by_source.setdefault(loss.source, []).append(loss)
    for source, losses in by_source.items():
        empty = [one for one in losses if one.count >= MANY and not one.left]
        lost = sum(one.count + (one.unlisted if source in outlook.walked else 0) for one in losses)
        is_bare = len(losses) > 1 and lost >= MANY and not losses[0].left_in_source
        subject = _name_lost_source(source)
        if is_bare or (empty and (subject in opened or len(empty) > MOST_SINGLE)):
            what = "no connection at all" if is_bare else "no connection of many accounts"
            sentence = f"Source {source} shows {what}, and did so a day ago"
            troubles[subject] = Trouble(TroubleKind.VANISHED, sentence, max(one.last_at for one in losses))
            continue
        troubles |= {
            _name_lost_account(one.account_id): Trouble(
                TroubleKind.VANISHED,
                f"Account {one.account_id} shows no connection at all, and showed {one.count} a day ago",
                one.last_at,
            )
            for one in empty
        }
    return troubles


def _name_lost_source(source: str) -> str:
    return f"{name_source(source)}: connections"


def _name_lost_account(account_id: str) -> str:
    return f"account {account_id}: connections"


def _end(incident: Incident, outlook: Outlook, now: datetime) -> Incident:
    if incident.kind != TroubleKind.VANISHED or _has_come_back(incident, outlook.losses):
        return replace(incident, ended_at=now)
    sentence = f"{incident.sentence}. Nothing has come back since: from now on that is taken as it is"
    return replace(incident, sentence=sentence, ended_at=now)


def _has_come_back(incident: Incident, losses: Iterable[Loss]) -> bool:
    """Whether something is there again: what has gone is remembered for a day, and so is where from."""
    return any(
        incident.subject in {_name_lost_account(one.account_id), _name_lost_source(one.source)}
        for one in losses
    )
