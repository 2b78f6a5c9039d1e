"""What can happen to merchants in the sandbox's Dintero."""

import pytest

from notifier.sandbox import EventLists
from notifier.sandbox.account_book import AccountBook

from .conftest import ACCOUNT, Time


@pytest.fixture
def book(time: Time) -> AccountBook:
    """Give a book with one account."""
    book = AccountBook("P112", time.clock)
    book.add_account(ACCOUNT)
    return book


def test_truth_keeps_every_event_in_order(book: AccountBook) -> None:
    """Every event stays in the truth, even after its connection and account are gone."""
    book.apply(ACCOUNT, "vipps")
    first = book.require_signature(ACCOUNT, "vipps")
    second = book.set_status(ACCOUNT, "vipps", "enabled")
    book.remove_connection(ACCOUNT, "vipps")
    book.remove_account(ACCOUNT)
    assert [(event.event_id, event.status) for event in book.truth()] == [
        (first, "pending"),
        (second, "enabled"),
    ]


def test_status_without_event(book: AccountBook) -> None:
    """A status can change without an event that says so, and the change is remembered."""
    book.apply(ACCOUNT, "vipps")
    assert book.set_status(ACCOUNT, "vipps", "failed", with_event=False) is None
    assert book.connection(ACCOUNT, "vipps")["status"] == "failed"
    assert book.truth() == ()
    assert [(change.status, change.has_event) for change in book.status_changes()] == [
        ("pending", False),
        ("failed", False),
    ]


def test_replaced_link_is_no_new_event(book: AccountBook) -> None:
    """Replacing a link changes the newest event's link and nothing else."""
    book.apply(ACCOUNT, "vipps")
    book.require_signature(ACCOUNT, "vipps", link="https://a.example/1")
    book.replace_link(ACCOUNT, "vipps", "https://a.example/2")
    (event,) = book.connection(ACCOUNT, "vipps")["events"]
    assert event["metadata"] == {"signature_link": "https://a.example/2"}
    assert len(book.truth()) == 1


def test_restarted_signup_of_vipps_replaces_it(book: AccountBook, time: Time) -> None:
    """Vipps has one signup, whose id, address and expiry change when it starts again."""
    first = book.apply(ACCOUNT, "vipps")
    book.set_status(ACCOUNT, "vipps", "failed")
    time.move(60)
    second = book.restart_signup(ACCOUNT, "vipps")
    connection = book.connection(ACCOUNT, "vipps")
    assert connection["status"] == "pending"
    assert connection["signup"]["id"] == second.id != first.id
    assert connection["signup"]["expires_at"] == "2026-05-26T08:01:00.000Z"
    assert second.expires_at > first.expires_at


@pytest.mark.parametrize(
    ("name", "key", "id_key"),
    [
        ("bambora", "signups", "case_id"),
        ("swish", "direct_signups", "signup_id"),
        ("payex/creditcard", "direct_signups", "signup_id"),
        ("some-new-one", "signups", "case_id"),
    ],
)
def test_other_connections_list_their_signups(book: AccountBook, name: str, key: str, id_key: str) -> None:
    """Connections other than Vipps keep every signup in a list, the newest last."""
    first = book.apply(ACCOUNT, name)
    second = book.restart_signup(ACCOUNT, name)
    assert [signup[id_key] for signup in book.connection(ACCOUNT, name)[key]] == [first.id, second.id]


def test_events_name_their_signup(book: AccountBook) -> None:
    """The truth says to which signup an event belongs."""
    first = book.apply(ACCOUNT, "vipps")
    book.require_signature(ACCOUNT, "vipps")
    second = book.restart_signup(ACCOUNT, "vipps")
    book.require_signature(ACCOUNT, "vipps")
    assert [event.signup_id for event in book.truth()] == [first.id, second.id]


@pytest.mark.parametrize("bad", ["P123", "X12345678", "p12345678", "P123456789", ""])
def test_bad_account_ids_are_refused(book: AccountBook, bad: str) -> None:
    """An account id has a letter for the mode and eight digits."""
    with pytest.raises(ValueError, match="not an account id"):
        book.add_account(bad)


def test_raw_values_stand_as_they_are(book: AccountBook) -> None:
    """A raw value takes the place of a connection; ordinary changes to it are refused."""
    book.put_raw_connection(ACCOUNT, "vipps", ["no", "object"])
    assert book.account(ACCOUNT)["connections"]["vipps"] == ["no", "object"]
    with pytest.raises(TypeError, match="raw value"):
        book.set_status(ACCOUNT, "vipps", "enabled")


def test_event_without_id_and_with_odd_link(book: AccountBook) -> None:
    """Events may lack an id, and a link may be anything or absent."""
    book.apply(ACCOUNT, "vipps")
    book.require_signature(ACCOUNT, "vipps", event_id=None, link=["a", "list"])
    book.require_signature(ACCOUNT, "vipps", link=None)
    first, second = book.connection(ACCOUNT, "vipps")["events"]
    assert "id" not in first
    assert first["metadata"]["signature_link"] == ["a", "list"]
    assert second["metadata"] == {}


def test_event_lists_misbehave_in_a_copy(book: AccountBook) -> None:
    """Repeating, reversing and truncating change what is served and never the truth."""
    for name in ("vipps", "payex/creditcard"):
        book.apply(ACCOUNT, name)
        for status in ("pending", "failed", "enabled"):
            book.set_status(ACCOUNT, name, status)
    lists = EventLists(is_repeated=True, order="newest_first", newest=2)
    served = lists.served(book.account(ACCOUNT), version=1)["connections"]
    for connection in (served["vipps"], served["payex"]["creditcard"]):
        assert [event["status"] for event in connection["events"]] == [
            "enabled",
            "enabled",
            "failed",
            "failed",
        ]
    assert len(book.connection(ACCOUNT, "vipps")["events"]) == 3


def test_shuffled_lists_depend_on_the_seed_only(book: AccountBook) -> None:
    """The same seed and version give the same order; another version gives another one."""
    book.apply(ACCOUNT, "vipps")
    for number in range(20):
        book.set_status(ACCOUNT, "vipps", f"status-{number}")
    account = book.account(ACCOUNT)
    lists = EventLists(order="shuffled", seed=4)
    assert lists.served(account, 1) == lists.served(account, 1)
    assert lists.served(account, 1) != lists.served(account, 2)
