"""First run: what is said of a connection that is seen for the first time."""

import pytest

from notifier.domain.change import Reason
from notifier.domain.first_run import FirstRun
from notifier.domain.model import ConnectionSnapshot
from tests.unit.domain.builders import (
    LINK,
    Played,
    make_event,
    make_request,
    make_signup,
    play,
    reasons,
    show,
    show_bare,
)

DAY = 24 * 60
LONG_AGO = [make_signup("S1", -9 * DAY)]


def start(
    snapshot: ConnectionSnapshot, *later: ConnectionSnapshot, policy: FirstRun = FirstRun.OPEN
) -> Played:
    """Play snapshots of which the first is the first sight."""
    return play(snapshot, *later, policy=policy)


def test_open_reports_a_pending_connection_with_a_link() -> None:
    """The newest request that can still be signed must be told, and nothing else."""
    events = make_event("e1", at=-9), make_request("e2", at=-8), make_request("e3", at=-7)
    played = start(show("pending", *events))
    assert played.told == [("signature_required", "pending")]
    assert played.changes[2].reason is Reason.FIRST_SEEN_OPEN
    assert played.changes[2].event_key == played.state.events[2].event_key


@pytest.mark.parametrize(("expires", "count"), [(None, 1), (1, 1), (0, 0), (-1, 0)])
def test_open_reports_a_link_only_until_it_has_expired(expires: float | None, count: int) -> None:
    """A signup that is over by its date must be recorded silently."""
    played = start(show("pending", make_request(at=-8), signups=[make_signup("S1", -60, expires)]))
    assert len(played.told) == count


@pytest.mark.parametrize(
    "snapshot",
    [
        pytest.param(show("pending"), id="pending without an event"),
        pytest.param(show("pending", make_event("e1")), id="pending without a request"),
        pytest.param(show("pending", make_request(link=None)), id="a request without a link"),
        pytest.param(show("enabled", make_request()), id="signed"),
        pytest.param(show("enabled", updated=-1), id="enabled just now"),
        pytest.param(show("under_review", make_request()), id="an unknown status"),
        pytest.param(show("pending", make_request("e1", at=-70)), id="a link of an older signup"),
        pytest.param(
            show_bare("pending", make_request("e1", at=-9), make_event("e2", "failed", at=-8)),
            id="a link from before a failure",
        ),
        pytest.param(
            show("pending", make_request("e1", at=-9), make_event("e2", "enabled", at=-8)),
            id="signed, and the status is behind",
        ),
        pytest.param(show("pending", make_event("e1", "enabled", link=LINK)), id="a link that is signed"),
        pytest.param(
            show("failed", make_event("e1", "failed", at=-DAY - 1), signups=LONG_AGO), id="failed long ago"
        ),
        pytest.param(show("declined", updated=-DAY - 1), id="declined long ago, without an event"),
        pytest.param(show(None), id="no status"),
    ],
)
def test_open_records_the_rest_silently(snapshot: ConnectionSnapshot) -> None:
    """What nobody can act on any more must be recorded, and not told now or at the next poll."""
    played = start(snapshot, snapshot)
    assert played.told == []
    assert set(reasons(played.changes)) <= {Reason.FIRST_SEEN_SETTLED}


@pytest.mark.parametrize("status", ["failed", "declined"])
@pytest.mark.parametrize("age", [0, 60, DAY])
def test_open_reports_what_failed_or_was_declined_within_24_hours(status: str, age: int) -> None:
    """A recent end must be told once, by its event or by its status."""
    events = make_request("e1", -age - 5), make_event("e2", status, status, at=-age)
    by_event = start(show(status, *events, signups=LONG_AGO))
    assert by_event.told == [(status, status)]
    by_status = start(show(status, updated=-age))
    assert by_status.told == [("status_changed", status)]
    assert Reason.FIRST_SEEN_RECENT in reasons(by_event.changes)


def test_all_reports_everything() -> None:
    """With "all", the first sight must tell each event, and the status where no event does."""
    played = start(show("failed", make_request("e1", at=-9 * DAY)), policy=FirstRun.ALL)
    assert played.told == [("signature_required", "pending"), ("status_changed", "failed")]
    assert set(reasons(played.changes)) == {Reason.FIRST_SEEN_ALL}


def test_none_reports_nothing() -> None:
    """With "none", the first sight must record everything silently."""
    played = start(show("pending", make_request()), policy=FirstRun.NONE)
    assert played.told == []
    assert len(played.state.events) == 1
    assert set(reasons(played.changes)) == {Reason.FIRST_SEEN_NONE}


@pytest.mark.parametrize("policy", FirstRun)
def test_what_comes_after_the_first_sight_is_told(policy: FirstRun) -> None:
    """However a connection was first seen, what is new afterwards must be told once."""
    old, failed = make_event("e1", at=-9), make_event("e2", "failed", "failed", at=1)
    asked = make_request("e3", at=2)
    played = start(
        show("pending", old),
        show("failed", old, failed),
        show("pending", old, failed, asked),
        show("enabled", old, failed, asked),
        policy=policy,
    )
    assert [change for step in played.steps[1:] for change in step if change.is_told] == [
        played.steps[1][0],
        played.steps[2][0],
        played.steps[3][0],
    ]


@pytest.mark.parametrize("policy", [FirstRun.OPEN, FirstRun.NONE])
def test_status_behind_its_event_at_first_sight_is_told_when_it_comes(policy: FirstRun) -> None:
    """An event that was recorded silently must not silence the status that follows it."""
    events = make_request("e1", at=-9), make_event("e2", "enabled", at=-8)
    played = start(show("pending", *events), show("enabled", *events), policy=policy)
    assert played.told == [("status_changed", "enabled")]


def test_status_behind_its_event_is_told_once_by_all() -> None:
    """With "all", the event has told the status already."""
    events = make_request("e1", at=-9), make_event("e2", "enabled", at=-8)
    played = start(show("pending", *events), show("enabled", *events), policy=FirstRun.ALL)
    assert [status for _, status in played.told] == ["pending", "enabled"]


def test_late_event_of_what_was_recorded_silently_stays_silent() -> None:
    """The event of a status that the first run recorded must not be told when it comes."""
    late = make_event("e1", "failed", at=-2 * DAY)
    assert start(show("failed", updated=-2 * DAY), show("failed", late)).told == []
