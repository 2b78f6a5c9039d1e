"""Who is told of a change."""

import pytest

from notifier.domain.change import Change, Reason, Topic
from notifier.domain.model import Account, ConnectionKey
from notifier.domain.routes import DEFAULT_ROUTES, Route, resolve_receivers, route_change
from tests.unit.domain.builders import KEY, LIVE, NOW, TEST


def make_change(topic: str, status: str | None = "pending", key: ConnectionKey = KEY) -> Change:
    """Return a change that is to be told."""
    return Change("c1", topic, key, "case", status, NOW, Reason.NEW_EVENT, is_told=True)


def find_default(topic: str, status: str | None) -> tuple[str, ...]:
    """Return whom the default routes tell."""
    return route_change(make_change(topic, status), LIVE, DEFAULT_ROUTES)


@pytest.mark.parametrize(
    ("topic", "status"),
    [
        ("signature_required", "pending"),
        ("signature_required", None),
        ("link_replaced", "pending"),
        ("enabled", "enabled"),
        ("status_changed", "enabled"),
        ("status_changed", "pending"),
        ("status_changed", "under_review"),
        ("status_changed", None),
        ("documents_missing", "pending"),
        ("withdrawn", "pending"),
        ("returned", "pending"),
        ("unwatched", "pending"),
    ],
)
def test_signature_required_and_what_follows_it_goes_to_sales(topic: str, status: str | None) -> None:
    """By default, what concerns a signature or its consequences must go to sales alone."""
    assert find_default(topic, status) == ("sales",)


@pytest.mark.parametrize("status", ["failed", "declined"])
@pytest.mark.parametrize("topic", ["status_changed", "failed", "declined", "rejected_by_bank"])
def test_failed_and_declined_go_to_oncall_and_to_sales(topic: str, status: str) -> None:
    """By default, a failure or refusal must go to both, whatever its event is called."""
    assert find_default(topic, status) == ("oncall", "sales")


def test_application_that_asks_nothing_goes_to_nobody() -> None:
    """By default, what nobody has to do anything about must be told to nobody."""
    assert find_default(Topic.APPLIED, "pending") == ()


@pytest.mark.parametrize("status", ["pending", "failed", None])
def test_unknown_words_go_to_oncall(status: str | None) -> None:
    """By default, a word that this version does not know must go to those who mend things."""
    assert find_default(Topic.UNKNOWN_VALUE, status) == ("oncall",)


@pytest.mark.parametrize("status", ["failed", "declined", "pending"])
def test_withdrawal_of_a_failed_connection_is_no_failure(status: str) -> None:
    """By default, on-call must not be told again of a failure because the connection goes or comes."""
    for topic in (Topic.WITHDRAWN, Topic.RETURNED, Topic.UNWATCHED):
        assert find_default(topic, status) == ("sales",)


def test_without_oncall_its_notifications_go_to_sales() -> None:
    """An alias must stand in for a receiver that does not exist, and name it once."""
    assert resolve_receivers(("oncall", "sales"), {"oncall": "sales"}) == ("sales",)
    assert resolve_receivers(("oncall",), {"oncall": "sales"}) == ("sales",)
    assert resolve_receivers(("oncall", "sales"), {}) == ("oncall", "sales")


def test_first_route_that_matches_decides() -> None:
    """A later route must not be asked when one has matched, even without receivers."""
    routes = Route(receivers=("a",), events=("x",)), Route(receivers=()), Route(receivers=("b",))
    assert route_change(make_change("x"), LIVE, routes) == ("a",)
    assert route_change(make_change("y"), LIVE, routes) == ()
    assert route_change(make_change("y"), LIVE, routes[:1]) == ()
    assert route_change(make_change("y"), LIVE, ()) == ()


def test_route_that_continues_lets_the_next_ones_add_theirs() -> None:
    """Receivers must add up in the order of the routes, each once, until a route does not continue."""
    routes = (
        Route(receivers=("a", "b"), continues=True),
        Route(receivers=("c",), events=("y",), continues=True),
        Route(receivers=("b", "d"), continues=False),
        Route(receivers=("e",)),
    )
    assert route_change(make_change("x"), LIVE, routes) == ("a", "b", "d")
    assert route_change(make_change("y"), LIVE, routes) == ("a", "b", "c", "d")


@pytest.mark.parametrize(
    ("route", "is_match"),
    [
        (Route(("a",), events=("sig*",)), True),
        (Route(("a",), events=("failed", "*_required")), True),
        (Route(("a",), events=("sig",)), False),
        (Route(("a",), events=("SIGNATURE_REQUIRED",)), False),
        (Route(("a",), events=("signature.required",)), False),
        (Route(("a",), statuses=("pend?ng",)), True),
        (Route(("a",), statuses=("[!p]*",)), False),
        (Route(("a",), connections=("payex/*",)), True),
        (Route(("a",), connections=("payex",)), False),
        (Route(("a",), accounts=("P1*",)), True),
        (Route(("a",), accounts=("T*", "P9*")), False),
        (Route(("a",), livemode=True), True),
        (Route(("a",), livemode=False), False),
        (Route(("a",), events=("sig*",), statuses=("failed",)), False),
    ],
)
def test_fields_are_globs_and_all_have_to_match(route: Route, *, is_match: bool) -> None:
    """A field must match by any of its globs as a whole, case and all, and every field must match."""
    key = ConnectionKey("P12345678", "payex/creditcard")
    assert route.matches(make_change("signature_required", key=key), LIVE) is is_match


@pytest.mark.parametrize(("livemode", "account"), [(True, LIVE), (False, TEST)])
def test_livemode_is_the_accounts(livemode: bool, account: Account) -> None:
    """The account must decide whether a change is live."""
    other = TEST if account is LIVE else LIVE
    assert Route(("a",), livemode=livemode).matches(make_change("x"), account)
    assert not Route(("a",), livemode=livemode).matches(make_change("x"), other)


def test_missing_status_is_matched_as_an_empty_text() -> None:
    """A change without a status must match "*", and no status by name."""
    assert Route(("a",), statuses=("*",)).matches(make_change("x", None), LIVE)
    assert not Route(("a",), statuses=("pending",)).matches(make_change("x", None), LIVE)
