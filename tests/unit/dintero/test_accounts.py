"""Accounts with all their connections, and pages of them."""

import json

import pytest

from notifier.dintero.wire.accounts import decode_account, decode_page, read_element
from notifier.domain.model import Account, AccountSnapshot
from notifier.errors import SourceMalformed
from tests.unit.dintero.samples import PLACE, load

ALL: frozenset[str] = frozenset()


def read(value: object, names: frozenset[str] = ALL) -> AccountSnapshot:
    """Decode one account."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return decode_account(body, "P12345678", names, PLACE)


def states(snapshot: AccountSnapshot) -> dict[str, str | None]:
    """Each connection's status by its name."""
    return {connection.key.name: connection.status for connection in snapshot.connections}


def test_an_account_is_read_with_all_its_connections() -> None:
    """Known and unknown names arrive, and each payment product of payex under its own."""
    snapshot = read(load("account"))
    assert snapshot.account == Account("P12345678", "Fjordbris", is_live=True)
    assert snapshot.is_complete
    assert snapshot.problems == ()
    assert states(snapshot) == {
        "vipps": "enabled",
        "swish": "pending",
        "bambora-payfac": "declined",
        "payex/creditcard": "failed",
        "payex/mobilepay": "pending",
        "something-new": "under_review",
    }
    swish = next(item for item in snapshot.connections if item.key.name == "swish")
    assert swish.signup is not None
    assert swish.signup.signup_id == "case-2"


def test_personal_data_and_secrets_become_no_value() -> None:
    """Applicant, configuration and organization number are nowhere in the decoded value."""
    assert "CANARY" not in repr(read(load("account")))


def test_only_watched_names_are_kept() -> None:
    """`names` filters the connections, and `payex` stands for all its products."""
    assert set(states(read(load("account"), frozenset({"vipps", "payex/creditcard"})))) == {
        "vipps",
        "payex/creditcard",
    }
    assert set(states(read(load("account"), frozenset({"payex"})))) == {"payex/creditcard", "payex/mobilepay"}


def test_payex_may_itself_be_a_connection() -> None:
    """A payex with a status of its own is a connection called payex."""
    assert states(read({"connections": {"payex": {"status": "pending", "events": []}}})) == {
        "payex": "pending"
    }


def test_one_bad_connection_costs_only_itself() -> None:
    """It is named in `problems` and `unreadable`, the account is not complete, the others work."""
    snapshot = read(
        {"connections": {"vipps": {"status": "enabled"}, "swish": 5, "payex": {"a": [], "b": {}}}}
    )
    assert states(snapshot) == {"vipps": "enabled", "payex/b": None}
    assert snapshot.unreadable == {"swish", "payex/a"}
    assert not snapshot.is_complete
    assert "P12345678/swish" in snapshot.problems[0]


@pytest.mark.parametrize(
    ("company", "merchant"),
    [
        ({"display_name": "", "business_name": "B"}, "B"),
        ({"display_name": 3, "business_name": "B"}, "B"),
        ({"display_name": "D", "business_name": "B"}, "D"),
        ({}, ""),
        (None, ""),
        ("text", ""),
    ],
)
def test_the_merchant_is_the_first_name_there_is(company: object, merchant: str) -> None:
    """The display name, else the business name, else nothing."""
    assert read({"account_id": "P12345678", "company": company}).account.merchant == merchant


@pytest.mark.parametrize(("livemode", "is_live"), [(True, True), (False, False), (None, True), ("no", True)])
def test_livemode_falls_back_to_the_account_id(livemode: object, is_live: bool) -> None:
    """A livemode that is no boolean leaves the account id to say it."""
    assert read({"account_id": "P12345678", "livemode": livemode}).account.is_live is is_live


def test_another_accounts_answer_is_named() -> None:
    """An answer with another account's id is kept for the one asked for, and says so."""
    snapshot = read({"account_id": "P99999999", "connections": {}})
    assert snapshot.account.account_id == "P12345678"
    assert "another account" in snapshot.problems[0]


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b"<html>", b'{"account_id": "P12345678", "connections": [1]}']
)
def test_a_wholly_wrong_account_is_malformed(body: bytes) -> None:
    """What is no account is SourceMalformed."""
    with pytest.raises(SourceMalformed):
        read(body)


def test_a_page_is_split_into_accounts() -> None:
    """Each element has its id and its digest; the cursor is the last one's token, or else its id."""
    page = decode_page(load("page"), PLACE)
    assert [element.account_id for element in page.elements] == ["P00000001", "T00000002", "P00000003"]
    assert page.cursor == "P00000003"
    assert len({element.digest for element in page.elements}) == 3
    assert {len(element.digest) for element in page.elements} == {16}
    snapshots = [read_element(element, ALL) for element in page.elements]
    assert [snapshot.account for snapshot in snapshots] == [
        Account("P00000001", "Første AS"),
        Account("T00000002", "Andre AS", is_live=False),
        Account("P00000003"),
    ]
    assert "CANARY" not in repr(page) + repr(snapshots)


def test_a_digest_is_of_the_account_alone() -> None:
    """An account that moved to another place of the page keeps its digest."""
    one, two = b'{"account_id": "P1"}', b'{"account_id": "P2"}'
    first = decode_page(b"[%b,%b]" % (one, two), PLACE).elements
    second = decode_page(b"[ %b , %b ]" % (two, one), PLACE).elements
    assert {item.account_id: item.digest for item in first} == {
        item.account_id: item.digest for item in second
    }


def test_bad_accounts_on_a_page_cost_only_themselves() -> None:
    """One without an id, one that is no object and one with wrong connections are named."""
    body = b'[{"x": 1}, 5, {"account_id": "P1", "connections": 5}, {"account_id": "P2"}]'
    page = decode_page(body, PLACE)
    snapshots = [read_element(element, ALL) for element in page.elements]
    assert [snapshot.account.account_id for snapshot in snapshots] == ["", "", "P1", "P2"]
    assert [len(snapshot.problems) for snapshot in snapshots] == [1, 1, 1, 0]
    assert [snapshot.is_complete for snapshot in snapshots] == [False, False, False, True]


@pytest.mark.parametrize("body", [b"{}", b"", b"<!doctype html>", b'{"error": {}}'])
def test_a_page_that_is_no_list_is_malformed(body: bytes) -> None:
    """What is no list is SourceMalformed."""
    with pytest.raises(SourceMalformed):
        decode_page(body, PLACE)
