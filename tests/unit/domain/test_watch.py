"""What is watched: the requests that cover it."""

from itertools import permutations

import pytest

from notifier.domain.model import ConnectionKey
from notifier.domain.watch import (
    AccountTarget,
    ConnectionTarget,
    Coverage,
    PartnerTarget,
    Target,
    covers,
    is_asked_for,
    plan_targets,
)

A, B, C = "P11111111", "P22222222", "P33333333"
NAMES = ("vipps", "swish", "payex/creditcard")


def test_accounts_with_a_list_of_names_are_read_a_connection_at_a_time() -> None:
    """Each named connection of each account must be one request."""
    targets = plan_targets([Coverage("one", A, (A, B), ("vipps", "swish"))])
    assert targets == tuple(
        ConnectionTarget("one", ConnectionKey(account, name))
        for account in (A, B)
        for name in ("vipps", "swish")
    )


def test_accounts_without_names_are_read_whole() -> None:
    """An account whose connections are all watched must be one request."""
    assert plan_targets([Coverage("one", A, (A, B))]) == (AccountTarget("one", A), AccountTarget("one", B))


def test_partner_is_walked_except_what_is_read_by_name() -> None:
    """Accounts that are named must be left out of the walk."""
    targets = plan_targets([Coverage("one", "P112", (A,), (), discovers=True)])
    assert targets == (AccountTarget("one", A), PartnerTarget("one", "P112", frozenset(), frozenset({A})))


def test_walk_looks_for_the_names_that_are_watched() -> None:
    """A walk must be for the connections that its source asks for."""
    (walk,) = plan_targets([Coverage("one", "P112", (), ("vipps",), discovers=True)])
    assert walk == PartnerTarget("one", "P112", frozenset({"vipps"}))


def test_nothing_watched_is_no_request() -> None:
    """No coverage must give no target."""
    assert plan_targets([]) == ()
    assert plan_targets([Coverage("one", A)]) == ()


COVERAGES = (
    Coverage("single", A, (A, A), ("vipps", "vipps")),
    Coverage("other", B, (A, B), ("vipps", "swish")),
    Coverage("whole", B, (B,)),
    Coverage("partner", "P112", (C,), (), discovers=True),
)


@pytest.mark.parametrize("order", list(permutations(COVERAGES)))
def test_connection_reached_in_two_ways_is_read_by_one_of_them(order: tuple[Coverage, ...]) -> None:
    """Whatever the order of the sources, each connection must be read by exactly one target."""
    targets = plan_targets(order)
    assert len(set(targets)) == len(targets)
    for key in [
        ConnectionKey(A, "vipps"),
        ConnectionKey(A, "swish"),
        *(ConnectionKey(account, name) for account in (B, C, "P99999999") for name in NAMES),
    ]:
        assert len([target for target in targets if covers(target, key)]) == 1, key


def test_between_equals_the_source_that_comes_first_reads() -> None:
    """Two sources that ask for the same must not both read it."""
    first, second = Coverage("first", A, (A,), ("vipps",)), Coverage("second", B, (A,), ("vipps",))
    assert [target.source for target in plan_targets([first, second])] == ["first"]
    assert [target.source for target in plan_targets([second, first])] == ["second"]


@pytest.mark.parametrize(
    ("target", "key", "expected"),
    [
        (ConnectionTarget("s", ConnectionKey(A, "vipps")), ConnectionKey(A, "vipps"), True),
        (ConnectionTarget("s", ConnectionKey(A, "vipps")), ConnectionKey(A, "swish"), False),
        (ConnectionTarget("s", ConnectionKey(A, "vipps")), ConnectionKey(B, "vipps"), False),
        (ConnectionTarget("s", ConnectionKey(A, "vipps")), ConnectionKey(A, ""), True),
        (AccountTarget("s", A), ConnectionKey(A, "anything"), True),
        (AccountTarget("s", A), ConnectionKey(B, "vipps"), False),
        (AccountTarget("s", A, frozenset({"vipps"})), ConnectionKey(A, "swish"), False),
        (AccountTarget("s", A, frozenset({"vipps"})), ConnectionKey(A, ""), True),
        (AccountTarget("s", A, frozenset({"payex"})), ConnectionKey(A, "payex/creditcard"), True),
        (PartnerTarget("s", "P112"), ConnectionKey(A, "vipps"), True),
        (PartnerTarget("s", "P112"), ConnectionKey(A, ""), True),
        (PartnerTarget("s", "P112", except_accounts=frozenset({A})), ConnectionKey(A, "vipps"), False),
        (PartnerTarget("s", "P112", except_accounts=frozenset({A})), ConnectionKey(A, ""), False),
        (PartnerTarget("s", "P112", frozenset({"vipps"})), ConnectionKey(A, "swish"), False),
        (PartnerTarget("s", "P112", frozenset({"payex"})), ConnectionKey(A, "payex/creditcard"), True),
        (PartnerTarget("s", "P112", frozenset({"payex"})), ConnectionKey(A, "payexx"), False),
        (PartnerTarget("s", "P112", frozenset({"payex/swish"})), ConnectionKey(A, "payex/creditcard"), False),
    ],
)
def test_target_covers_what_it_may_show(target: Target, key: ConnectionKey, *, expected: bool) -> None:
    """A target must cover its own connections, and the account itself, and nothing else."""
    assert covers(target, key) is expected


def test_no_names_ask_for_every_connection() -> None:
    """An empty set of names must mean all."""
    assert is_asked_for("anything", frozenset())
    assert not is_asked_for("anything", frozenset({"vipps"}))


def test_targets_have_names_to_be_known_by() -> None:
    """Each target must read as its source and what it reads, since problems are kept under that name."""
    assert [str(target) for target in plan_targets(COVERAGES)] == [
        f"whole: {B}",
        f"partner: {C}",
        f"single: {A}/vipps",
        f"other: {A}/swish",
        "partner: accounts of P112",
    ]
