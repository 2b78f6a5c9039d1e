"""Detect: a change of status is told once, by its event or by itself, whichever is seen first."""

import pytest

from notifier.domain.change import Reason
from tests.unit.domain.builders import (
    LINK,
    make_event,
    make_request,
    make_signup,
    play,
    reasons,
    show,
    show_bare,
)

APPLIED = make_event("e1", "pending", at=0)
FAILED = make_event("e2", "failed", "failed", at=2)
AGAIN = make_event("e3", "pending", "pending", at=4)
FAILED_AGAIN = make_event("e4", "failed", "failed", at=6)


@pytest.mark.parametrize("status", ["enabled", "failed", "declined", "under_review"])
def test_status_that_changed_without_an_event_is_a_change(status: str) -> None:
    """A new status must be told although no event came with it, and only once."""
    played = play(show("pending", APPLIED), show(status, APPLIED), show(status, APPLIED))
    assert played.told_last == []
    assert reasons(played.steps[1]) == [Reason.STATUS_WITHOUT_EVENT]
    assert played.steps[1][0].detail == "pending"


def test_matching_event_that_comes_later_is_folded_into_it() -> None:
    """The event of a status that was told must be recorded silently."""
    played = play(show("pending", APPLIED), show("failed", APPLIED), show("failed", APPLIED, FAILED))
    assert played.told == [("applied", "pending"), ("status_changed", "failed")]
    assert reasons(played.steps[2]) == [Reason.TOLD_BY_STATUS]


def test_matching_event_in_the_same_snapshot_tells_the_status() -> None:
    """Of a status and its event in one answer, the event must be told and the status recorded."""
    played = play(show("pending", APPLIED), show("failed", APPLIED, FAILED))
    assert played.told_last == [("failed", "failed")]
    assert reasons(played.steps[1]) == [Reason.NEW_EVENT, Reason.TOLD_BY_EVENT]


@pytest.mark.parametrize("link", [None, LINK])
@pytest.mark.parametrize("name", ["", "failed", "rejected_by_bank"])
def test_matching_event_is_folded_whatever_it_carries(name: str, link: str | None) -> None:
    """The event of a failure that was told must be folded in, even if it bears another name or a link."""
    late = make_event("e2", "failed", name, at=2, link=link)
    assert play(show("pending"), show("failed"), show("failed", late)).told_last == []


def test_event_of_a_pending_connection_that_says_more_is_not_folded() -> None:
    """What Dintero wants of a pending applicant must be told although "pending" was told before."""
    wanted = make_event("e2", "pending", "documents_missing", at=2)
    played = play(show("pending"), show("pending", wanted))
    assert played.told_last == [("documents_missing", "pending")]


def test_request_is_never_folded() -> None:
    """A request for a signature must be told although its status was told before."""
    played = play(show("pending"), show("pending", make_request("e2")))
    assert played.told_last == [("signature_required", "pending")]


def test_event_named_after_the_status_but_without_one_tells_it() -> None:
    """An event that has only a name must tell the status of that name, once."""
    played = play(show("pending", APPLIED), show("failed", APPLIED, make_event("e2", None, "failed", at=2)))
    assert played.told_last == [("failed", "failed")]


def test_failing_a_second_time_is_told_a_second_time() -> None:
    """Each failure must be told, whether an event comes with it or not."""
    with_events = play(
        show("pending", APPLIED),
        show("failed", APPLIED, FAILED),
        show("pending", APPLIED, FAILED, AGAIN),
        show("failed", APPLIED, FAILED, AGAIN, FAILED_AGAIN),
    )
    assert [status for _, status in with_events.told] == ["pending", "failed", "pending", "failed"]
    without = play(show("pending"), show("failed"), show("pending"), show("failed"))
    assert [status for _, status in without.told] == ["pending", "failed", "pending", "failed"]
    assert len({change.change_id for change in without.changes}) == 4


def test_failing_again_between_two_polls_is_told_by_its_event() -> None:
    """A second failure must be told even if the status seemed to stay the same."""
    played = play(show("failed", FAILED), show("failed", FAILED, AGAIN, FAILED_AGAIN))
    assert played.told_last == [("status_changed", "pending"), ("failed", "failed")]


def test_failing_again_while_the_event_of_the_first_failure_comes_late_is_told_twice() -> None:
    """Two failures must be told twice, and not three times, however late the first one's event is."""
    played = play(
        show("pending"),
        show("failed"),
        show("pending"),
        show("failed", FAILED),
        show("failed", FAILED, FAILED_AGAIN),
    )
    assert [status for _, status in played.told] == ["pending", "failed", "pending", "failed"]


def test_event_ahead_of_the_status_tells_it() -> None:
    """A status whose event was told before must not be told again."""
    played = play(show("pending", APPLIED), show("pending", APPLIED, FAILED), show("failed", APPLIED, FAILED))
    assert played.told == [("applied", "pending"), ("failed", "failed")]
    assert reasons(played.steps[2]) == [Reason.TOLD_BY_EVENT]


def test_event_ahead_of_the_status_tells_it_although_pending_had_no_event() -> None:
    """An application that nobody recorded must not make what follows be told twice."""
    asked = make_request("e2", at=1)
    enabled = make_event("e3", "enabled", at=2)
    played = play(
        show("pending"),
        show("pending", asked),
        show("pending", asked, enabled),
        show("enabled", asked, enabled),
    )
    assert played.told == [
        ("applied", "pending"),
        ("signature_required", "pending"),
        ("status_changed", "enabled"),
    ]


def test_event_ahead_of_a_new_application_tells_what_follows() -> None:
    """An end that is recorded before the status of a new signup is taken must be told once."""
    signups = [make_signup("S1", -60), make_signup("S2", 1)]
    enabled = make_event("e3", "enabled", at=2)
    for before in ([], [show("pending", signups=signups[:1])]):
        played = play(
            *before, show("pending", enabled, signups=signups), show("enabled", enabled, signups=signups)
        )
        assert [status for _, status in played.told].count("enabled") == 1


def test_older_event_at_first_sight_announces_nothing() -> None:
    """An event that is older than the first status seen must not silence a return to it."""
    played = play(show("failed", APPLIED), show("pending", APPLIED))
    assert [status for _, status in played.told] == ["pending", "failed", "pending"]


def test_request_after_an_end_is_told_and_so_is_the_status_that_makes_it_valid() -> None:
    """Where a request comes before the status, and so without its link, the status must be told as well."""
    asked = make_request("e3", at=4)
    played = play(
        show("failed", APPLIED, FAILED), show("failed", APPLIED, FAILED, asked), show("pending", asked)
    )
    assert played.told[-2:] == [("signature_required", "pending"), ("status_changed", "pending")]


def test_second_event_ahead_of_the_status_tells_it_too() -> None:
    """With two new events, the status of the newer one must not be told again when it comes."""
    declined = make_event("e3", "declined", at=3)
    played = play(
        show("pending", APPLIED),
        show("failed", APPLIED, FAILED, declined),
        show("declined", APPLIED, FAILED, declined),
    )
    assert played.told == [("applied", "pending"), ("failed", "failed"), ("status_changed", "declined")]


def test_status_told_ahead_awaits_no_second_event() -> None:
    """When a told status is taken while the next event is there already, neither may be told again."""
    played = play(
        show("pending", APPLIED, FAILED),
        show("failed", APPLIED, FAILED, AGAIN),
        show("pending", APPLIED, FAILED, AGAIN),
    )
    assert [status for _, status in played.told] == ["pending", "failed", "pending"]


@pytest.mark.parametrize("is_in_two_polls", [False, True])
def test_failure_that_came_and_went_does_not_silence_the_next_one(*, is_in_two_polls: bool) -> None:
    """A failure between two polls must not count as the announcement of a later one."""
    between = [show("pending", APPLIED, FAILED)] if is_in_two_polls else []
    played = play(
        show("pending", APPLIED),
        *between,
        show("pending", APPLIED, FAILED, AGAIN),
        show("failed", APPLIED, FAILED, AGAIN),
    )
    assert played.told_last == [("status_changed", "failed")]


def test_late_event_of_another_status_announces_nothing() -> None:
    """An event that is older than a status without an event must not silence a later change."""
    played = play(
        show("pending", APPLIED),
        show("declined", APPLIED),
        show("declined", APPLIED, FAILED),
        show("failed", APPLIED, FAILED),
    )
    assert [status for _, status in played.told] == ["pending", "declined", "failed", "failed"]


@pytest.mark.parametrize("is_bare", [False, True])
def test_flapping_status_is_told_each_time(*, is_bare: bool) -> None:
    """Every change between two statuses must be told, each under an id of its own."""
    show_one = show_bare if is_bare else show
    played = play(*(show_one(status) for status in ["enabled", "failed"] * 5))
    assert [status for _, status in played.told] == ["enabled", "failed"] * 5
    assert len({change.change_id for change in played.changes}) == 10


def test_pending_again_in_the_same_signup_is_no_application() -> None:
    """A connection that was told to have failed must be told to be pending again, not to be applied for."""
    assert play(show("pending"), show("failed"), show("pending")).told_last == [("status_changed", "pending")]
    events = play(show("pending", APPLIED), show("failed", APPLIED, FAILED), show("pending", FAILED, AGAIN))
    assert events.told_last == [("status_changed", "pending")]


def test_status_that_is_not_given_changes_nothing() -> None:
    """An answer without a status must neither be told as one nor forget the one that is known."""
    assert play(show(None)).changes == ()
    played = play(show("failed"), show(None), show("failed"))
    assert played.steps[1:] == ((), ())
    assert play(show(None), show("pending")).told == [("applied", "pending")]


def test_late_event_of_the_earlier_signup_is_folded_into_its_status() -> None:
    """The event of a failure that was told must not be told again because a new signup has begun."""
    first, second = make_signup("S1", -60), make_signup("S2", 3)
    played = play(
        show("pending", signups=[first]),
        show("failed", signups=[first]),
        show("pending", FAILED, signups=[first, second]),
    )
    assert played.told == [("applied", "pending"), ("status_changed", "failed"), ("applied", "pending")]


def test_late_event_is_folded_where_a_connection_has_no_signup_ids() -> None:
    """Without signups to tell by, a failure's late event must not be told after the connection was left."""
    played = play(
        show_bare("pending"), show_bare("failed"), show_bare("pending", FAILED), show_bare("failed", FAILED)
    )
    assert [status for _, status in played.told] == ["pending", "failed", "pending", "failed"]


def test_event_of_the_new_signup_is_not_folded_into_the_old_ones_status() -> None:
    """A failure of the new signup must be told although the old one's had no event."""
    first, second = make_signup("S1", -60), make_signup("S2", 3)
    late = make_event("e9", "failed", at=8)
    played = play(
        show("failed", signups=[first]),
        show("pending", signups=[first, second]),
        show("pending", late, signups=[first, second]),
    )
    assert played.told_last == [("status_changed", "failed")]
