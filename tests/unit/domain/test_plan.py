"""Changes in, notifications out."""

from dataclasses import replace

from notifier.domain.change import Change
from notifier.domain.model import Account
from notifier.domain.plan import Directory, Guide, Outcome, Planned, plan
from notifier.domain.routes import DEFAULT_ROUTES, Route
from tests.unit.domain.builders import LIVE, TEST, make_event, make_request, play, show

TWO = Directory({"sales": "slack C1", "oncall": "slack C2"}, {"sales": "sales", "oncall": "oncall"})
ONE = Directory({"sales": "slack C1"}, {"sales": "sales", "oncall": "sales"})
SAME = Directory({"sales": "slack C1", "oncall": "slack C1"}, {})

ASKED = play(show("pending", make_request())).steps[0][0]
FAILED = play(show("failed", make_event("e2", "failed", "failed"))).steps[0][0]


def send(
    change: Change,
    directory: Directory,
    routes: tuple[Route, ...] = DEFAULT_ROUTES,
    account: Account = LIVE,
) -> Planned:
    """Plan one change."""
    (planned,) = plan([change], account, Guide(routes, directory))
    return planned


def list_receivers(planned: Planned) -> list[tuple[str, str]]:
    """Return receiver and destination of each notification."""
    return [(one.receiver, one.destination) for one in planned.notifications]


def test_each_receiver_gets_one_notification() -> None:
    """A failure must give a notification for on-call and one for sales, each with what it is about."""
    planned = send(FAILED, TWO)
    assert planned.outcome is Outcome.PLANNED
    assert list_receivers(planned) == [("oncall", "slack C2"), ("sales", "slack C1")]
    for one in planned.notifications:
        assert (one.change_id, one.case_id, one.topic) == (FAILED.change_id, FAILED.case_id, FAILED.topic)


def test_without_oncall_a_failure_goes_to_sales_once() -> None:
    """Where sales stands in for on-call, sales must be told once."""
    assert list_receivers(send(FAILED, ONE)) == [("sales", "slack C1")]


def test_destination_never_gets_the_same_notification_twice() -> None:
    """Two receivers with one destination must be one notification, for the one that is named first."""
    assert list_receivers(send(FAILED, SAME)) == [("oncall", "slack C1")]
    again = Route(receivers=("sales",), continues=True), Route(receivers=("oncall", "sales"))
    assert list_receivers(send(FAILED, SAME, again)) == [("sales", "slack C1")]


def test_notification_ids_are_made_from_change_and_destination() -> None:
    """A change for a destination must be one notification, by whatever name it gets there."""
    renamed = Directory({"team": "slack C1"}, {"sales": "team"})
    same = send(ASKED, TWO), send(ASKED, ONE), send(ASKED, renamed)
    assert len({one.notifications[0].notification_id for one in same}) == 1
    others = *send(FAILED, TWO).notifications, *send(ASKED, TWO).notifications
    assert len({one.notification_id for one in others}) == 3


def test_change_that_is_not_told_is_recorded_only() -> None:
    """Planning must not tell what detection decided not to tell."""
    planned = send(replace(FAILED, is_told=False), TWO)
    assert (planned.outcome, planned.notifications) == (Outcome.RECORDED, ())


def test_change_without_a_route_is_named_so() -> None:
    """A change that no route is for must be kept with that outcome."""
    applied = play(show("pending")).steps[0][0]
    assert send(applied, TWO).outcome is Outcome.NO_ROUTE
    live = (Route(receivers=("sales",), livemode=True),)
    assert send(ASKED, TWO, live, TEST).outcome is Outcome.NO_ROUTE
    assert send(ASKED, TWO, live, LIVE).outcome is Outcome.PLANNED


def test_changes_are_planned_in_their_order() -> None:
    """Planning must lose no change and keep their order."""
    planned = plan(iter([ASKED, FAILED, ASKED]), LIVE, Guide(DEFAULT_ROUTES, TWO))
    assert [one.change for one in planned] == [ASKED, FAILED, ASKED]
    assert plan([], LIVE, Guide(DEFAULT_ROUTES, TWO)) == ()
