"""Who is told of a change."""

import pytest

from notifier.domain.change import Change, Reason, Topic
from notifier.domain.message import Severity
from notifier.domain.model import Account, ConnectionKey
from notifier.domain.routes import (
    DEFAULT_ROUTES,
    Match,
    Route,
    list_matches,
    resolve_receivers,
    route_change,
    trace_change,
)
from tests.unit.domain.builders import KEY, LIVE, NOW, TEST


def make_change(topic: str, status: str | None = "pending", key: ConnectionKey = KEY) -> Change:
    """Return a change that is to be told."""
    return Change("c1", topic, key, "case", status, NOW, Reason.NEW_EVENT, is_told=True)


def list_told(topic: str, routes: tuple[Route, ...], status: str | None = "pending") -> tuple[str, ...]:
    """Return whom routes tell, each once."""
    matches = route_change(make_change(topic, status), LIVE, routes)
    return tuple(dict.fromkeys(name for match in matches for name in match.receivers))


def list_rules(topic: str, routes: tuple[Route, ...], status: str | None = "pending") -> list[str]:
    """Return the rules that decide."""
    return [match.rule for match in route_change(make_change(topic, status), LIVE, routes)]


def find_default(topic: str, status: str | None) -> tuple[str, ...]:
    """Return whom the default routes tell."""
    return list_told(topic, DEFAULT_ROUTES, status)


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
    assert list_told("x", routes) == ("a",)
    assert list_told("y", routes) == ()
    assert list_told("y", routes[:1]) == ()
    assert list_told("y", ()) == ()


def test_route_that_continues_lets_the_next_ones_add_theirs() -> None:
    """Receivers must add up in the order of the routes, each once, until a route does not continue."""
    routes = (
        Route(receivers=("a", "b"), continues=True),
        Route(receivers=("c",), events=("y",), continues=True),
        Route(receivers=("b", "d"), continues=False),
        Route(receivers=("e",)),
    )
    assert list_told("x", routes) == ("a", "b", "d")
    assert list_told("y", routes) == ("a", "b", "c", "d")


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


TREE = (
    Route(("audit",), accounts=("P9*",)),
    Route(
        ("sales",),
        mute_intervals=("nights",),
        reminders="slow",
        routes=(
            Route(events=("a",), name="the one with a name"),
            Route(("oncall",), events=("b*",), continues=True, mute_intervals=()),
            Route(
                events=("bb",), active_intervals=("office",), routes=(Route(("c",), statuses=("failed",)),)
            ),
            Route(("never",), events=("bb",)),
        ),
    ),
    Route(("after",)),
)


def test_the_deepest_match_decides_and_inherits_what_it_does_not_set() -> None:
    """A child must decide for its parent, and have from it what it has not itself."""
    (named,) = route_change(make_change("a"), LIVE, TREE)
    assert named == Match(("sales",), "the one with a name", ("nights",), (), "slow")
    (parent,) = route_change(make_change("x"), LIVE, TREE)
    assert parent == Match(("sales",), "routes#2", ("nights",), (), "slow")
    (first, second) = route_change(make_change("bb", "failed"), LIVE, TREE)
    assert first == Match(("oncall",), "routes#2.routes#2", (), (), "slow")
    assert second == Match(("c",), "routes#2.routes#3.routes#1", ("nights",), ("office",), "slow")


def test_children_continue_among_themselves_only() -> None:
    """What a child says of continuing must hold for its own brothers, and the parent's for the parent's."""
    assert list_rules("bb", TREE) == ["routes#2.routes#2", "routes#2.routes#3"]
    assert list_rules("b", TREE) == ["routes#2.routes#2"]
    going_on = (Route(("p",), continues=True, routes=(Route(("q",), events=("a",)),)), Route(("r",)))
    assert list_told("a", going_on) == ("q", "r")
    assert list_told("x", going_on) == ("p", "r")


def test_what_a_parent_does_not_match_its_children_do_not_see() -> None:
    """A change must not come to children past their parent."""
    routes = (Route(("a",), events=("x",), routes=(Route(("b",), events=("y",)),)),)
    assert list_told("y", routes) == ()


def test_merchants_match_whatever_their_case_and_severities_exactly() -> None:
    """Typed names must match without regard to case; a severity is the change's own unless given."""
    merchant, grave = Route(("a",), merchants=("fjordBRIS *",)), Route(("a",), severities=("error",))
    assert merchant.matches(make_change("x"), LIVE)
    assert not merchant.matches(make_change("x"), Account("P12345678", "Havgull"))
    assert not merchant.matches(make_change("x"), Account("P12345678"))
    assert grave.matches(make_change("x", "failed"), LIVE)
    assert not grave.matches(make_change("x", "failed"), TEST)
    assert route_change(make_change("x"), LIVE, (grave,), Severity.ERROR)


def test_trace_says_of_each_route_why_it_did_not_match() -> None:
    """Every route that was looked at must be there, with its obstacle, and those that decide marked."""
    looks = trace_change(make_change("bb"), LIVE, TREE)
    assert [(look.place, look.depth, look.obstacle, look.is_decisive) for look in looks] == [
        ("routes#1", 0, "accounts", False),
        ("routes#2", 0, None, False),
        ("routes#2.routes#1", 1, "events", False),
        ("routes#2.routes#2", 1, None, True),
        ("routes#2.routes#3", 1, None, True),
        ("routes#2.routes#3.routes#1", 2, "statuses", False),
    ]


def test_a_tree_is_listed_with_what_each_route_comes_to() -> None:
    """Every route must be listed in its place with what it inherits."""
    listed = [(depth, place, match.receivers) for depth, place, _, match in list_matches(TREE)]
    assert listed[1:4] == [
        (0, "routes#2", ("sales",)),
        (1, "routes#2.routes#1", ("sales",)),
        (1, "routes#2.routes#2", ("oncall",)),
    ]
    assert len(listed) == 8


def test_every_default_route_says_that_it_is_one() -> None:
    """The rule of a default route must name it as such, each by a name of its own."""
    names = [route.name for route in DEFAULT_ROUTES]
    assert all(name.startswith("default: ") for name in names)
    assert len(set(names)) == len(names)


def test_conditions_are_written_as_in_the_settings() -> None:
    """What a route asks for must read like its section."""
    route = Route(("a",), events=("a", "b*"), severities=("error",), livemode=True)
    assert route.list_conditions() == ("events = a | b*", "severities = error", "livemode = true")
    assert Route(("a",)).list_conditions() == ()
