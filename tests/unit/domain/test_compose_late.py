"""A message that leaves late tells what has become of the matter since."""

from dataclasses import replace

import pytest

from notifier.domain.change import Topic
from notifier.domain.detect import unwatch, withdraw
from notifier.domain.message import Fact, Link, Message, Mood, Outside
from notifier.domain.model import ConnectionSnapshot
from tests.unit.domain.builders import (
    LINK,
    make_event,
    make_request,
    make_signup,
    minute,
    play,
    show,
    show_bare,
    write,
)

ASKED = make_request("e1", at=0)
FIRST = [make_signup("S1", -60, expires=60)]
BOTH = [*FIRST, make_signup("S2", 10)]


def write_late(*later: ConnectionSnapshot, now: float = 30) -> Message:
    """Compose the message for the first request at minute `now`, when later snapshots are known."""
    played = play(show("pending", ASKED, signups=FIRST), *later)
    return write(played, played.steps[0][0], now=minute(now))


def assert_settled(message: Message, word: str) -> None:
    """Assert that a message asks for nothing and says why."""
    assert message.action is None
    assert message.mood is not Mood.ACTION
    assert word in message.headline
    assert message.advice == "There is nothing to sign here now."


@pytest.mark.parametrize("status", ["enabled", "failed", "declined"])
def test_late_message_never_asks_for_a_signature_already_given(status: str) -> None:
    """A request must be told as settled once the connection has ended, with or without an event."""
    event = make_event("e2", status, at=5)
    assert_settled(write_late(show(status, ASKED, signups=FIRST)), status)
    assert_settled(write_late(show(status, ASKED, event, signups=FIRST)), status)


@pytest.mark.parametrize("status", ["enabled", "failed", "declined"])
def test_late_message_believes_an_event_before_the_status(status: str) -> None:
    """A request must be told as settled as soon as an event says so, even if the status is behind."""
    event = make_event("e2", status, at=5)
    message = write_late(show("pending", ASKED, event, signups=FIRST))
    assert_settled(message, status)
    assert (message.mood is Mood.GOOD) == (status == "enabled")


def test_late_message_asks_again_when_the_application_is_open_again() -> None:
    """An end that was taken back must not keep a request settled."""
    events = ASKED, make_event("e2", "failed", at=5), make_event("e3", "pending", at=6)
    assert write_late(show("pending", *events, signups=FIRST)).mood is Mood.ACTION


def test_late_message_of_a_superseded_signup_offers_no_link() -> None:
    """The request of an old signup must be told as settled, whatever the new one's status."""
    for status in ("pending", "failed", "enabled"):
        assert_settled(write_late(show(status, ASKED, signups=BOTH)), "newer application")


def test_late_message_after_leaving_a_terminal_state_offers_no_link() -> None:
    """Without signup ids, a request from before the end must stay settled when all begins anew."""
    played = play(show_bare("pending", ASKED), show_bare("failed", ASKED), show_bare("pending", ASKED))
    assert_settled(write(played, played.steps[0][0]), "newer application")


def test_late_message_after_the_expiry_offers_no_link() -> None:
    """A request must be told as settled from the instant at which its signup expires."""
    assert write_late(now=59.9).mood is Mood.ACTION
    assert_settled(write_late(now=60), "expired")


def test_late_message_of_what_is_gone_offers_no_link() -> None:
    """A request must be told as settled when the connection is gone or nobody watches it any more."""
    played = play(show("pending", ASKED))
    for end, word in ((withdraw, "withdrawn"), (unwatch, "no longer watched")):
        state, _ = end(played.state, minute(1))
        assert_settled(write(replace(played, state=state), played.steps[0][0]), word)


def test_late_message_of_what_came_back_asks_again() -> None:
    """A request must be asked again when the connection is back with the same signup."""
    gone, _ = withdraw(play(show("pending", ASKED)).state, minute(1))
    played = play(show("pending", ASKED))
    back = play(show("pending", ASKED), state=gone)
    assert write(back, played.steps[0][0]).mood is Mood.ACTION


def test_newer_request_replaces_an_older_one() -> None:
    """Of several requests, the newest alone must be asked, in whatever order they were seen."""
    first, second, third = (make_request(f"e{n}", n, f"{LINK}{n}") for n in (1, 2, 3))
    played = play(show("pending", second), show("pending", second, third), show("pending", first))
    requests = [step[0] for step in played.steps]
    messages = [write(played, change) for change in requests]
    assert [message.mood is Mood.ACTION for message in messages] == [False, True, False]
    assert messages[1].action == Link(f"{LINK}3", "Open the signature link")
    assert "newer request" in messages[0].headline


def test_request_without_a_link_is_replaced_by_one_with_a_link() -> None:
    """A request whose link was missing must be settled by a newer one that has it."""
    played = play(show("pending", make_request("e1", 0, None)), show("pending", make_request("e2", 5)))
    assert_settled(write(played, played.steps[0][0]), "newer request")


def test_request_is_told_with_the_link_it_has_now() -> None:
    """A late request must carry the link of the moment at which it leaves."""
    played = play(show("pending", ASKED), show("pending", make_request("e1", 0, LINK + "-new")))
    assert write(played, played.steps[0][0]).action == Link(LINK + "-new", "Open the signature link")


def test_link_replaced_in_an_older_request_is_offered() -> None:
    """A link that changes after a newer request was seen must be offered, until another one comes."""
    newer, newest = make_request("e2", 5), make_request("e3", 9)
    changed = make_request("e1", 0, LINK + "-new")
    played = play(show("pending", ASKED, newer), show("pending", changed, newer))
    (change,) = played.steps[1]
    assert change.topic == Topic.LINK_REPLACED
    assert write(played, change).action == Link(LINK + "-new", "Open the signature link")
    after = play(show("pending", changed, newer, newest), state=played.state, start=5)
    assert_settled(write(after, change), "newer request")


def test_replaced_link_of_what_has_ended_is_not_offered() -> None:
    """A replaced link must be told as settled when its message leaves after the end."""
    changed = make_request("e1", 0, LINK + "-new")
    played = play(show("pending", ASKED), show("pending", changed), show("enabled", changed))
    assert_settled(write(played, played.steps[1][0]), "enabled")


def test_late_report_says_what_the_status_is_now() -> None:
    """A failure that is told late must say what has become of it."""
    played = play(show("pending"), show("failed"), show("enabled"))
    assert Fact("Status now", Outside("enabled")) in write(played, played.steps[1][0]).facts
    assert all(fact.label != "Status now" for fact in write(played, played.steps[2][0]).facts)


def test_late_report_of_an_old_signup_says_that_it_is_over() -> None:
    """A failure of an old signup must say that another one has begun."""
    played = play(show("failed", signups=FIRST), show("pending", signups=BOTH))
    assert write(played, played.steps[0][0]).facts[-1].label == "Since then"
