"""Detect: which signup a connection is in, and to which one an event belongs."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from notifier.domain.change import Reason
from notifier.domain.model import Signup
from notifier.domain.state import CaseEnd
from tests.unit.domain.builders import (
    LINK,
    make_event,
    make_request,
    make_signup,
    minute,
    play,
    reasons,
    show,
    show_bare,
)

FIRST = make_signup("S1", -60)
SECOND = make_signup("S2", 10)


def test_case_is_a_signup_the_newest_by_created_at() -> None:
    """A newer signup must open a case of its own and end the other, wherever it stands in the list."""
    played = play(show("pending", signups=[FIRST]), show("pending", signups=[SECOND, FIRST]))
    assert played.case.signup_id == "S2"
    assert [case.end for case in played.state.earlier_cases] == [CaseEnd.SUPERSEDED]
    assert played.told == [("applied", "pending")] * 2
    assert reasons(played.steps[1]) == [Reason.NEW_APPLICATION]
    assert played.steps[0][0].case_id != played.steps[1][0].case_id


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param([FIRST], id="the newer one is left out"),
        pytest.param([SECOND, FIRST], id="re-ordered"),
        pytest.param([make_signup(None, 20)], id="without its id"),
        pytest.param([], id="without any"),
        pytest.param([make_signup("S0", -90)], id="an older one that was never seen"),
    ],
)
def test_case_goes_on_when_its_signup_is_shown_otherwise(shown: list[Signup]) -> None:
    """Neither missing ids nor other orders may end a case or go back to an earlier one."""
    full = show("pending", signups=[FIRST, SECOND])
    played = play(show("pending", signups=[FIRST]), full, show("pending", signups=shown), full)
    assert played.steps[2:] == ((), ())
    assert played.case.signup_id == "S2"
    assert played.case.end is None


@pytest.mark.parametrize("status", ["pending", "failed"])
def test_missing_ids_never_end_a_case(status: str) -> None:
    """A signup without its id must not open a case, even when the connection leaves a terminal status."""
    played = play(show("failed", signups=[FIRST]), show(status, signups=[]), show(status, signups=[FIRST]))
    assert played.state.earlier_cases == ()
    assert played.case.signup_id == "S1"


def test_signup_id_that_appears_later_belongs_to_the_case() -> None:
    """A signup that gets its id, or its dates, later must stay the same case."""
    played = play(
        show("pending", signups=[]),
        show("pending", signups=[make_signup("S1", None)]),
        show("pending", signups=[make_signup("S1", -60, expires=90)]),
    )
    assert played.steps[1:] == ((), ())
    assert played.case == replace(
        play(show("pending", signups=[])).case,
        signup_id="S1",
        signup_created_at=minute(-60),
        expires_at=minute(90),
    )


@pytest.mark.parametrize("status", ["enabled", "failed", "declined"])
def test_without_signup_ids_leaving_a_terminal_state_opens_a_new_case(status: str) -> None:
    """A connection without signup ids must begin a case when it leaves an end, and only then."""
    played = play(show_bare("pending"), show_bare(status), show_bare("declined"), show_bare("pending"))
    assert [case.end for case in played.state.earlier_cases] == [CaseEnd.SUPERSEDED]
    assert played.case.ordinal == 2
    assert played.told_last == [("applied", "pending")]


def test_with_signup_ids_leaving_a_terminal_state_opens_none() -> None:
    """A signup that is pending again must stay one case."""
    played = play(show("failed", signups=[FIRST]), show("pending", signups=[FIRST]))
    assert played.state.earlier_cases == ()


def test_signups_of_the_same_instant_are_two_cases() -> None:
    """A signup that was made in the instant of another must open a case, once."""
    twin = make_signup("S2", -60)
    one, other = [FIRST, twin], [twin, FIRST]
    shown = [[FIRST], other, one, other, one]
    played = play(*(show("pending", signups=signups) for signups in shown))
    assert [len(step) for step in played.steps] == [1, 1, 0, 0, 0]
    assert played.case.signup_id == "S2"


def test_signups_without_dates_follow_their_order() -> None:
    """Of signups without dates the last must be the present one, and a case must never be opened twice."""
    one, other = make_signup("S1", None), make_signup("S2", None)
    shown = [[one], [one, other], [other, one], [one, other]]
    played = play(*(show("pending", signups=signups) for signups in shown))
    assert [len(step) for step in played.steps] == [1, 1, 0, 0]
    assert played.case.signup_id == "S2"


def test_events_older_than_the_signup_stay_with_the_old_case() -> None:
    """An event must belong to the signup in whose time it was created, however late it is seen."""
    old, new = make_request("e1", at=-30), make_request("e2", at=20)
    played = play(show("pending", signups=[FIRST]), show("pending", old, new, signups=[FIRST, SECOND]))
    earlier = played.state.earlier_cases[0].case_id
    assert [event.case_id for event in played.state.events] == [earlier, played.case.case_id]
    assert [change.case_id for change in played.steps[1]] == [
        earlier,
        played.case.case_id,
        played.case.case_id,
    ]


def test_event_in_the_second_of_its_signup_is_its_own() -> None:
    """Rounding to whole seconds must not move an event to another case."""
    start = minute(10)
    signup = Signup("S2", created_at=start.replace(microsecond=900_000))
    event = replace(make_request("e2"), created_at=start)
    played = play(show("pending", signups=[FIRST]), show("pending", event, signups=[FIRST, signup]))
    assert played.state.events[0].case_id == played.case.case_id


def test_events_from_before_everything_get_a_case_that_is_over() -> None:
    """Events of a signup that nobody saw must belong to one case, which is over, and be told once."""
    older = [make_request("e1", at=-90), make_event("e2", "failed", at=-80)]
    late = make_event("e3", "declined", at=-70)
    played = play(show("pending", *older), show("pending", *older, late), show("pending"))
    before = played.state.earlier_cases[0]
    assert [case.end for case in played.state.earlier_cases] == [CaseEnd.SUPERSEDED]
    assert {event.case_id for event in played.state.events} == {before.case_id}
    assert [status for _, status in played.told] == ["pending", "failed", "pending", "declined"]


def test_old_event_announces_nothing_of_the_new_signup() -> None:
    """A failure of the old signup must neither tell nor announce one of the new signup."""
    late = make_event("e1", "failed", at=-30)
    both = [FIRST, SECOND]
    played = play(
        show("pending", signups=[FIRST]),
        show("pending", late, signups=both),
        show("failed", late, signups=both),
    )
    assert played.told_last == [("status_changed", "failed")]


def test_link_of_an_old_signup_is_of_no_use() -> None:
    """A link that changes after its signup was superseded must be recorded silently."""
    old = make_request("e1", at=-30)
    changed = make_request("e1", at=-30, link=LINK + "-new")
    played = play(show("pending", old, signups=[FIRST]), show("pending", changed, signups=[FIRST, SECOND]))
    assert Reason.LINK_OF_NO_USE in reasons(played.steps[1])
    assert played.told_last == [("applied", "pending")]


def test_signature_is_remembered_as_asked_from_the_first_request() -> None:
    """A case must know since when somebody has had something to sign, and a new one must not."""
    played = play(show("pending", make_request("e1", 1), make_request("e2", 2), signups=[FIRST]))
    assert played.case.asked_at == minute(1)
    after = play(show("pending", signups=[FIRST, SECOND]), state=played.state)
    assert after.case.asked_at is None


@pytest.mark.parametrize("year", [1, 9999])
def test_dates_at_the_ends_of_time_are_dates(year: int) -> None:
    """A date that some programs write for "none" must not stop detection."""
    strange = datetime(year, 1, 1, tzinfo=UTC)
    event = replace(make_event("e1"), created_at=strange)
    for signup in (Signup("S1", strange, strange), FIRST):
        played = play(show("pending", event, make_event("e2"), signups=[signup]))
        assert len(played.state.events) == 2


def test_expiry_follows_the_signup() -> None:
    """A signup whose end is moved must move its case's, without a change."""
    shown = [make_signup("S1", -60, expires) for expires in (100, 200, None)]
    played = play(*(show("pending", signups=[signup]) for signup in shown))
    assert played.case.expires_at == minute(200)
    assert played.steps[1:] == ((), ())
