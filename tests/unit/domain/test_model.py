"""Values of Dintero's: which signup is the present one, and what an event says."""

import pytest

from notifier.domain.model import ConnectionKey, SignatureLink, Signup
from tests.unit.domain.builders import KEY, LINK, make_event, make_request, make_signup, play, show


@pytest.mark.parametrize(
    ("signups", "expected"),
    [
        ([], None),
        ([make_signup("S1", 1), make_signup("S2", 2)], "S2"),
        ([make_signup("S2", 2), make_signup("S1", 1)], "S2"),
        ([make_signup("S1", None), make_signup("S2", None)], "S2"),
        ([make_signup("S1", 1), make_signup("S2", None)], "S1"),
        ([make_signup(None, 2), make_signup("S1", 1)], None),
    ],
)
def test_present_signup_is_the_newest_by_created_at(signups: list[Signup], expected: str | None) -> None:
    """The present signup must be the newest by date, the last where no signup has one."""
    signup = show("pending", signups=signups).signup
    assert (signup.signup_id if signup else None) == expected


def test_signups_of_the_same_instant_do_not_depend_on_luck() -> None:
    """Of two signups created at once, the first in the answer must be taken each time."""
    signups = [make_signup("S1", 1), make_signup("S2", 1)]
    assert {show("pending", signups=signups).signup for _ in range(5)} == {signups[0]}


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        ("failed", "", "failed"),
        (None, "failed", "failed"),
        (None, "enabled", "enabled"),
        ("pending", "failed", "pending"),
        (None, "signature_required", None),
        (None, "documents_missing", None),
        (None, "", None),
    ],
)
def test_event_without_a_status_records_the_one_it_is_named_after(
    status: str | None, name: str, expected: str | None
) -> None:
    """An event that is only named after a status must count as recording it."""
    assert make_event("e1", status, name).recorded_status == expected


@pytest.mark.parametrize(
    ("status", "name", "link", "expected"),
    [
        ("pending", "signature_required", LINK, True),
        ("pending", "signature_required", None, True),
        (None, "signature_required", None, True),
        ("pending", "", LINK, True),
        ("pending", "", None, False),
        ("failed", "", LINK, False),
        (None, "enabled", LINK, False),
        ("declined", "signature_required", LINK, False),
    ],
)
def test_event_that_records_an_end_asks_for_nothing(
    status: str | None, name: str, link: str | None, *, expected: bool
) -> None:
    """An event must ask for a signature by its name or its link, unless it records an end."""
    assert make_event("e1", status, name, link=link).asks_for_signature is expected


def test_link_and_description_never_show_themselves() -> None:
    """No representation of an event may hold its link or what somebody typed."""
    event = make_request()
    known = play(show("pending", event)).state.events[0]
    shown = f"{event!r} {known!r} {SignatureLink(LINK)} {SignatureLink(LINK)!r}"
    assert LINK not in shown
    assert event.description not in shown


def test_connection_key_reads_as_a_path() -> None:
    """A key must be written as account, slash, name."""
    assert str(KEY) == "P12345678/vipps"
    assert str(ConnectionKey("P1", "payex/creditcard")) == "P1/payex/creditcard"
