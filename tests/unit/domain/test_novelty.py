"""Detect: unknown statuses, event names and connection names are notified as what they are."""

import pytest

from notifier.domain.change import Change, Reason, Topic
from notifier.domain.detect import Watch, detect_account
from notifier.domain.first_run import FirstRun
from notifier.domain.model import KNOWN_CONNECTIONS, ConnectionKey, ConnectionSnapshot
from tests.unit.domain.builders import NOW, SOURCE, make_event, make_request, show, show_account

KNOWN = {("status", "frozen"), ("event", "thawed"), ("connection", "newpay")}


def find_notes(
    *connections: ConnectionSnapshot,
    known: set[tuple[str, str]] | None = None,
    policy: FirstRun = FirstRun.OPEN,
) -> list[Change]:
    """Return the notes on unknown values that the first sight of some connections gives."""
    watch = Watch(SOURCE, policy, known_values=known or set())
    changes = detect_account(None, show_account(*connections), watch, NOW).changes
    return [change for change in changes if change.topic == Topic.UNKNOWN_VALUE]


def test_each_unknown_value_gives_one_note() -> None:
    """A status, an event's status, an event's name and a connection's name must each be noted."""
    key = ConnectionKey("P12345678", "newpay")
    events = make_event("e1", "thawing", "thawed"), make_event("e2", "thawing", "thawed", at=2)
    notes = find_notes(show("frozen", *events, key=key))
    assert [note.detail for note in notes] == [
        "status frozen",
        "status thawing",
        "event thawed",
        "connection newpay",
    ]
    assert {note.reason for note in notes} == {Reason.NEW_VALUE}
    assert all(note.is_told for note in notes)


def test_value_that_was_noted_before_gives_none() -> None:
    """A word must be noted once, not for each merchant."""
    snapshot = show("frozen", make_event("e1", "pending", "thawed"), key=ConnectionKey("P1", "newpay"))
    assert find_notes(snapshot, known=KNOWN) == []


def test_value_met_twice_in_one_answer_gives_one_note() -> None:
    """Two connections with the same unknown word must give one note."""
    other = ConnectionKey("P12345678", "swish")
    assert len(find_notes(show("frozen"), show("frozen", key=other))) == 1


def test_same_value_gives_the_same_note_everywhere() -> None:
    """The id of a note must follow from the word alone, so that the store keeps one of them."""
    one = find_notes(show("frozen"))
    other = find_notes(show("frozen", key=ConnectionKey("P87654321", "swish")))
    assert one[0].change_id == other[0].change_id
    assert find_notes(show("pending", make_event("e1", "pending", "frozen")))[0].change_id != one[0].change_id


@pytest.mark.parametrize("name", [*sorted(KNOWN_CONNECTIONS), "payex/creditcard", "payex/anything"])
def test_documented_words_give_no_note(name: str) -> None:
    """What Dintero documents must not be noted, whatever the payment product."""
    events = make_request(), make_event("e2", "failed", "failed"), make_event("e3", None, "")
    assert find_notes(show("failed", *events, key=ConnectionKey("P12345678", name))) == []


def test_unknown_event_of_a_known_connection_is_told_and_noted() -> None:
    """A new event must be told as what it is, beside the note on its name."""
    first = detect_account(None, show_account(show("pending")), Watch(SOURCE), NOW)
    shown = show_account(show("pending", make_event("e1", "pending", "documents_missing")))
    changes = detect_account(first.account, shown, Watch(SOURCE), NOW).changes
    assert [(change.topic, change.is_told) for change in changes] == [
        ("documents_missing", True),
        ("unknown_value", True),
    ]
    again = detect_account(
        first.account, shown, Watch(SOURCE, known_values={("event", "documents_missing")}), NOW
    )
    assert [change.topic for change in again.changes] == ["documents_missing"]


def test_none_notes_silently() -> None:
    """With "none", the words of the first run must be recorded without being told."""
    (note,) = find_notes(show("frozen"), policy=FirstRun.NONE)
    assert not note.is_told
    assert note.reason is Reason.FIRST_SEEN_NONE
