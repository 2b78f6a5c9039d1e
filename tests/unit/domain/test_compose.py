"""What a message says: the values that a receiver turns into a message, in their order."""

from dataclasses import replace
from datetime import timedelta

import pytest

from notifier.domain.compose import Dossier, House, compose
from notifier.domain.detect import Watch, detect_account, unwatch, withdraw
from notifier.domain.message import Fact, Link, Message, Moment, Mood, Outside, RefusedLink
from notifier.domain.model import ConnectionSnapshot
from tests.unit.domain.builders import (
    LINK,
    LIVE,
    NOW,
    SOURCE,
    TEST,
    make_event,
    make_request,
    make_signup,
    minute,
    play,
    show,
    show_account,
    write,
)

SIGNUP = [make_signup("S1", -60, expires=600)]


def say(*snapshots: ConnectionSnapshot, is_live: bool = True) -> Message:
    """Compose the message for the last thing that the last snapshot tells."""
    played = play(*snapshots)
    told = [change for change in played.steps[-1] if change.is_told]
    return write(played, told[-1], account=LIVE if is_live else TEST)


def test_request_says_all_in_its_order() -> None:
    """What happened, to whom, what to do, since when and until when, what else, and where to look."""
    message = say(show("pending", make_request("e1", at=-5), signups=SIGNUP))
    assert message == Message(
        notification_id="n1",
        topic="signature_required",
        mood=Mood.ACTION,
        headline="Signature needed",
        account_id="P12345678",
        connection=Outside("vipps"),
        is_test=False,
        merchant=Outside("Fjordbris Sport AS"),
        advice=message.advice,
        action=Link(LINK, "Open the signature link"),
        moments=(Moment("Since", minute(-5)), Moment("Sign before", minute(600))),
        facts=(Fact("Dintero says", Outside("Vipps awaiting signature")),),
        backoffice=Link("https://backoffice.dintero.com/P12345678", "Backoffice"),
        event_id=Outside("e1"),
        case_id=message.case_id,
        status=Outside("pending"),
        cause=Outside("e1"),
        opened_at=minute(-60),
        expires_at=minute(600),
    )
    assert "sign" in message.advice


def test_case_id_is_the_changes() -> None:
    """A message must name the case that its change is about, also when another one has begun."""
    played = play(
        show("pending", make_request()),
        show("pending", signups=[make_signup("S1", -60), make_signup("S2", 10)]),
    )
    change = played.steps[0][0]
    assert write(played, change).case_id == change.case_id != played.case.case_id


def test_account_that_is_no_live_one_is_marked() -> None:
    """A test account must be marked in every message."""
    assert say(show("pending", make_request()), is_live=False).is_test
    assert not say(show("pending", make_request())).is_test


@pytest.mark.parametrize("status", ["failed", "declined"])
def test_mention_belongs_to_failures_of_live_accounts_alone(status: str) -> None:
    """A failure or refusal must call somebody, never for a test account."""
    for snapshot in (show(status), show(status, make_event("e1", status, "rejected_by_bank", link=LINK))):
        assert say(snapshot).wants_mention
        assert say(snapshot).mood is Mood.BAD
        assert not say(snapshot, is_live=False).wants_mention


@pytest.mark.parametrize(
    "snapshot",
    [
        show("pending"),
        show("pending", make_request()),
        show("enabled"),
        show("under_review"),
        show("pending", make_event("e1", "pending", "failed")),
        show("pending", make_event("e1", None, "")),
    ],
)
def test_nothing_else_calls_anybody(snapshot: ConnectionSnapshot) -> None:
    """No other message may want a mention."""
    played = play(snapshot)
    assert not any(write(played, change).wants_mention for change in played.changes)


def test_enabled_after_a_request_is_signed() -> None:
    """A connection must be said to be signed only where a signature was asked for."""
    signed = say(show("pending", make_request()), show("enabled", make_request()))
    assert (signed.headline, signed.mood) == ("Signed: the connection is enabled", Mood.GOOD)
    assert signed.action is None
    assert say(show("pending"), show("enabled")).headline == "The connection is enabled"


@pytest.mark.parametrize("status", ["failed", "declined", "enabled"])
def test_end_that_bears_a_link_asks_for_nothing(status: str) -> None:
    """A link in the record of an end must not turn it into a request, whatever the status says so far."""
    ended = make_event("e2", status, "signature_required", at=1, link=LINK)
    for shown in (show("pending", make_request(), ended), show(status, make_request(), ended)):
        played = play(shown)
        change = next(one for one in played.changes if one.status == status)
        message = write(played, change)
        assert message.action is None
        assert message.headline in {
            "The connection failed",
            "The application was declined",
            "Signed: the connection is enabled",
        }


def test_request_without_a_link_says_where_to_find_it() -> None:
    """A missing link must be said to be missing."""
    message = say(show("pending", make_request(link=None)))
    assert message.mood is Mood.ACTION
    assert message.action is None
    assert "Backoffice" in message.advice


@pytest.mark.parametrize("url", ["javascript:alert(1)", "https://a.example/x y", '["https://a.example"]'])
def test_refused_link_is_shown_as_text_with_the_reason(url: str) -> None:
    """A link that must not be clicked must be shown as what it is, with a warning."""
    message = say(show("pending", make_request(link=url)))
    assert isinstance(message.action, RefusedLink)
    assert message.action.text == url
    assert message.action.reason
    assert message.advice == "Do not open this link."


def test_allowed_link_hosts_of_the_house_are_kept_to() -> None:
    """A link to a host that the settings do not allow must be refused."""
    played = play(show("pending", make_request()))
    refused = write(played, played.changes[0], house=House(allowed_link_hosts=("sign.example",)))
    allowed = write(played, played.changes[0], house=House(allowed_link_hosts=("*.vipps.example",)))
    assert isinstance(refused.action, RefusedLink)
    assert isinstance(allowed.action, Link)


def test_backoffice_is_where_the_settings_say() -> None:
    """The address of Backoffice must be the house's, with the account behind one slash."""
    played = play(show("failed"))
    message = write(played, played.changes[0], house=House(backoffice_url="https://bo.example/x/"))
    assert message.backoffice == Link("https://bo.example/x/P12345678", "Backoffice")


def test_new_link_of_a_request_says_so() -> None:
    """A replaced link must be told as the new one, a link that was missing as the request."""
    one, other = make_request("e1", 0, LINK), make_request("e1", 0, LINK + "-new")
    replaced = say(show("pending", one), show("pending", other))
    assert replaced.headline.startswith("New signature link")
    assert replaced.action == Link(LINK + "-new", "Open the signature link")
    added = say(show("pending", replace(one, link=None)), show("pending", one))
    assert added.headline == "Signature needed"
    assert added.action == Link(LINK, "Open the signature link")


def test_change_without_a_date_says_when_it_was_seen() -> None:
    """What Dintero gives no date for must carry ours, and say so."""
    assert say(show("failed")).moments == (Moment("Seen", NOW),)
    assert say(show("failed", updated=-3)).moments == (Moment("Since", minute(-3)),)


def test_unknown_status_is_shown_as_what_it_is() -> None:
    """A status that this version does not know must stand in the message as an outside value."""
    message = say(show("pending"), show("under <!channel> review"))
    assert message.headline == "The connection's status is now:"
    assert message.headline_value == "under <!channel> review"


@pytest.mark.parametrize("name", ["documents_missing", "withdrawn", "applied", "unknown_value", "failed"])
def test_unknown_event_is_shown_as_what_it_is(name: str) -> None:
    """An event must be told by its own name, even one that means something else elsewhere."""
    shown = show("pending", make_event("e1"))
    message = say(shown, show("pending", make_event("e1"), make_event("e2", "pending", name, at=1)))
    assert (message.headline, message.headline_value) == ("Dintero reports:", name)


def test_name_of_an_unknown_event_is_not_lost_beside_a_link_or_an_end() -> None:
    """An event's own name must be told even where its link or its status matters more."""
    asked = say(show("pending", make_event("e1", "pending", "signature_reminder", link=LINK)))
    assert asked.headline == "Signature needed"
    failed = say(show("failed", make_event("e1", "failed", "rejected_by_bank")))
    assert asked.facts[0] == Fact("Event", Outside("signature_reminder"))
    assert failed.facts[0] == Fact("Event", Outside("rejected_by_bank"))


def test_event_that_says_nothing_is_told_with_its_description() -> None:
    """An event without name and status must not be told as an empty status."""
    words = make_event("e1", None, "", description="Call us")
    message = say(show("pending"), show("pending", words))
    assert not message.headline.endswith(":")
    assert message.facts == (Fact("Dintero says", Outside("Call us")),)


def test_unknown_word_is_told_with_its_kind() -> None:
    """A note on an unknown word must hold the word as an outside value."""
    snapshot = show_account(show("frozen <!here>"))
    found = detect_account(None, snapshot, Watch(SOURCE), NOW)
    change = next(one for one in found.changes if one.topic == "unknown_value")
    dossier = Dossier(change, LIVE, found.account.connections["vipps"])
    message = compose("n1", dossier, House(), NOW)
    assert message.headline_value == "status frozen <!here>"
    assert "<!here>" not in message.headline + message.advice


def test_loss_return_and_end_of_watching_are_told_as_such() -> None:
    """Each of the three must have words of its own and offer no link."""
    played = play(show("pending", make_request()))
    gone, lost = withdraw(played.state, NOW)
    back = play(show("pending", make_request()), state=gone)
    left, ended = unwatch(played.state, NOW)
    messages = [
        write(replace(played, state=gone), lost[0]),
        write(back, back.changes[0]),
        write(replace(played, state=left), ended[0]),
    ]
    assert len({message.headline for message in messages}) == 3
    assert all(message.headline and message.action is None for message in messages)


def test_no_outside_text_stands_among_our_own_words() -> None:
    """Everything that somebody outside typed must be kept apart from headline and advice."""
    evil = "<!channel> *x*"
    event = make_event(evil, evil, evil, description=evil, link=evil)
    played = play(show(evil, event), show("pending", event, make_event("e2", "pending", evil, at=1)))
    for change in played.changes:
        message = write(played, change, account=replace(LIVE, merchant=evil))
        ours = [message.headline, message.advice, *(fact.label for fact in message.facts)]
        assert not any(evil in words for words in ours)


def test_message_of_an_old_change_keeps_its_own_date() -> None:
    """A message must be dated by its change, not by when it is sent."""
    played = play(show("pending", make_request("e1", at=-5), signups=SIGNUP))
    late = write(played, played.changes[0], now=NOW + timedelta(hours=1))
    assert late.moments[0] == Moment("Since", minute(-5))
