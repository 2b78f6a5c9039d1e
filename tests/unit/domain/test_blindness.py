"""What the notifier cannot do: which incidents there are, when they begin, what they say, when they end."""

from datetime import timedelta

import pytest

from notifier.domain.blindness import (
    EVERYTHING,
    Hold,
    Loss,
    Outlook,
    Problem,
    Step,
    TroubleKind,
    review,
)
from notifier.domain.notices import Incident
from tests.unit.domain.builders import NOW, minute

AFTER = timedelta(minutes=10)
ONE = {"dintero: P1": "dintero"}
TEN = {f"dintero: P{number}": "dintero" for number in range(10)}
TWO_SOURCES = {f"{source}: P{number}": source for source in ("live", "test") for number in range(4)}


def _problem(
    subject: str = "dintero: P1", since: float = 0, kind: TroubleKind = TroubleKind.UNREADABLE
) -> Problem:
    return Problem(subject, minute(since), f"cannot read {subject}", kind)


def _look(outlook: Outlook, at: float, opened: tuple[Incident, ...] = ()) -> list[tuple[Step, str, str]]:
    steps = review(outlook, opened, AFTER, minute(at))
    return [(step, incident.kind, incident.subject) for step, incident in steps]


def _open(outlook: Outlook, at: float) -> tuple[Incident, ...]:
    return tuple(incident for _, incident in review(outlook, (), AFTER, minute(at)))


@pytest.mark.parametrize(
    ("kind", "at", "is_told"),
    [
        (TroubleKind.UNREADABLE, 9.9, False),
        (TroubleKind.UNREADABLE, 10, True),
        (TroubleKind.SHAPE, 9.9, False),
        (TroubleKind.SHAPE, 10, True),
        (TroubleKind.CREDENTIALS, 0, True),
    ],
)
def test_an_account_is_told_of_when_it_was_unreadable_for_long_enough(
    kind: TroubleKind, at: float, is_told: bool
) -> None:
    """A passing trouble is nobody's business; refused credentials do not pass."""
    steps = _look(Outlook(ONE, problems=[_problem(kind=kind)]), at)
    assert steps == ([(Step.OPENED, kind, "dintero: P1")] if is_told else [])


def test_an_incident_is_opened_once_changed_with_its_words_and_ended_once() -> None:
    """Nothing is said again while nothing is different, and the end is said when there is no problem."""
    first = Outlook(ONE, problems=[_problem()])
    opened = _open(first, 10)
    assert opened[0].opened_at == NOW
    assert _look(first, 11, opened) == []
    other = Outlook(ONE, problems=[Problem("dintero: P1", NOW, "something else", TroubleKind.CREDENTIALS)])
    ((step, changed),) = review(other, opened, AFTER, minute(12))
    assert (step, changed.kind, changed.sentence) == (Step.CHANGED, "credentials", "something else")
    assert changed.incident_id == opened[0].incident_id
    ((step, ended),) = review(Outlook(ONE), (changed,), AFTER, minute(13))
    assert (step, ended.ended_at) == (Step.ENDED, minute(13))


def test_a_source_of_which_most_fails_is_one_incident() -> None:
    """When most targets fail there is one incident for all, as soon as the first of them has lasted."""
    problems = [_problem(f"dintero: P{number}", since=number) for number in range(6)]
    ((_, incident),) = review(Outlook(TEN, problems=problems), (), AFTER, minute(10))
    assert incident.subject == "source dintero"
    assert incident.sentence == (
        "Of the 10 targets of source dintero most cannot be read; the first of them: cannot read dintero: P0"
    )


def test_more_than_a_few_accounts_are_told_of_as_one() -> None:
    """Three accounts are three incidents, four of ten are one."""
    problems = [_problem(f"dintero: P{number}") for number in range(4)]
    assert len(_look(Outlook(TEN, problems=problems[:3]), 10)) == 3
    assert _look(Outlook(TEN, problems=problems), 10) == [(Step.OPENED, "unreadable", "source dintero")]


def test_a_source_that_recovers_account_by_account_stays_one_incident() -> None:
    """While one account of a source that was told of cannot be read the source is not over, nor split."""
    problems = [_problem(f"dintero: P{number}") for number in range(10)]
    opened = _open(Outlook(TEN, problems=problems), 10)
    assert opened[0].sentence.startswith("None of the 10 targets of source dintero can be read")
    left = Outlook(TEN, problems=problems[9:])
    assert _look(left, 20, opened) == [(Step.CHANGED, "unreadable", "source dintero")]
    assert _look(Outlook(TEN), 21, opened) == [(Step.ENDED, "unreadable", "source dintero")]


def test_an_account_that_was_told_of_keeps_its_incident_when_its_source_fails() -> None:
    """A wider trouble does not make a narrower one look mended."""
    first = [_problem("dintero: P0")]
    opened = _open(Outlook(TEN, problems=first), 10)
    every = first + [_problem(f"dintero: P{number}", since=10) for number in range(1, 10)]
    assert _look(Outlook(TEN, problems=every), 20, opened) == [(Step.OPENED, "unreadable", "source dintero")]


def test_all_of_dintero_is_one_incident_whatever_the_number_of_sources() -> None:
    """When most of several sources cannot be read, that is told once; a source's credentials are its own."""
    problems = [_problem(subject) for subject in TWO_SOURCES]
    assert _look(Outlook(TWO_SOURCES, problems=problems), 10) == [(Step.OPENED, "unreadable", EVERYTHING)]
    assert _look(Outlook(TWO_SOURCES, problems=problems[:4]), 10) == [
        (Step.OPENED, "unreadable", "source live")
    ]
    refused = [_problem(subject, kind=TroubleKind.CREDENTIALS) for subject in TWO_SOURCES]
    assert _look(Outlook(TWO_SOURCES, problems=refused), 0) == [
        (Step.OPENED, "credentials", "source live"),
        (Step.OPENED, "credentials", "source test"),
    ]


def test_a_problem_of_what_is_not_watched_is_none() -> None:
    """The store also remembers problems that are no target's."""
    assert _look(Outlook(ONE, problems=[_problem("signature links")]), 60) == []


def test_a_problem_from_the_future_does_not_wait_for_it() -> None:
    """A clock that was set back delays no alarm."""
    assert len(_look(Outlook(ONE, problems=[_problem(since=600)]), 0)) == 1


def test_a_receiver_that_takes_nothing_is_told_of_after_five_minutes() -> None:
    """A receiver may be slow for a while."""
    held = Outlook(ONE, holds=[Hold("sales", NOW, "not_in_channel")])
    assert _look(held, 4.9) == []
    ((_, incident),) = review(held, (), AFTER, minute(5))
    assert (incident.kind, incident.subject) == ("receiver", "receiver sales")
    assert incident.sentence == "Receiver sales: not_in_channel"


def _loss(account_id: str = "P1", **changed: int) -> Loss:
    known = {"count": 5, "unlisted": 0, "left": 0, "left_in_source": 40} | changed
    return Loss("dintero", account_id, last_at=NOW, **known)


@pytest.mark.parametrize(
    ("loss", "is_told"),
    [(_loss(), True), (_loss(count=2), False), (_loss(left=1), False), (_loss(count=0, unlisted=9), False)],
    ids=["all of many", "all of few", "some", "no longer watched"],
)
def test_an_account_without_any_of_its_many_connections_is_told_of(loss: Loss, is_told: bool) -> None:
    """One withdrawn connection is a merchant's business; all of many at once is somebody's mistake."""
    assert bool(_look(Outlook(ONE, losses=[loss]), 10)) is is_told
    assert _look(Outlook(ONE, losses=[loss]), 9) == []


def test_a_partner_without_any_connection_is_told_of_once() -> None:
    """When a walk shows nothing at all there is one incident, also if its accounts still exist elsewhere."""
    losses = [_loss(f"P{number}", count=0, unlisted=2, left_in_source=0) for number in range(9)]
    walked = frozenset({"dintero"})
    assert _look(Outlook(ONE, walked, losses=losses), 10) == [
        (Step.OPENED, "vanished", "source dintero: connections")
    ]
    assert _look(Outlook(ONE, losses=losses), 10) == []


def test_many_empty_accounts_are_told_of_as_one_until_the_last_is_back() -> None:
    """Four accounts that lose all they had are one incident, which is not split when some come back."""
    losses = [_loss(f"P{number}") for number in range(4)]
    opened = _open(Outlook(ONE, losses=losses), 10)
    assert [one.subject for one in opened] == ["source dintero: connections"]
    back = [*losses[:1], *(_loss(f"P{number}", left=5) for number in range(1, 4))]
    assert _look(Outlook(ONE, losses=back), 20, opened) == []


def test_connections_that_come_back_end_the_incident_and_those_that_do_not_are_taken_as_gone() -> None:
    """The end of the incident says which of the two it was."""
    opened = _open(Outlook(ONE, losses=[_loss()]), 10)
    ((_, back),) = review(Outlook(ONE, losses=[_loss(left=5)]), opened, AFTER, minute(20))
    assert (back.ended_at, back.sentence) == (minute(20), opened[0].sentence)
    ((_, gone),) = review(Outlook(ONE), opened, AFTER, minute(1500))
    assert gone.ended_at is not None
    assert gone.sentence.endswith("Nothing has come back since: from now on that is taken as it is")
