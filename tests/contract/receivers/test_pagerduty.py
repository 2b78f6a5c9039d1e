"""What PagerDuty gets, and what its refusals mean."""

from typing import Any

import aiohttp
import pytest

from notifier.domain.delivery import Level, WhenUnsure
from notifier.domain.message import Fact, Line, Link, Message, Outside, Severity
from notifier.errors import DeliveryRejected
from notifier.receivers.pagerduty.events import MAX_EVENT_BYTES, name_alert, render
from notifier.receivers.pagerduty.receiver import PagerDutyReceiver
from notifier.sandbox import answer
from tests.contract.receivers.conftest import LINK, ROUTING_KEY
from tests.contract.receivers.inbox import Inbox
from tests.property.test_outside_text import NASTY
from tests.unit.receivers.test_golden_messages import MESSAGES


def make(inbox: Inbox, session: aiohttp.ClientSession) -> PagerDutyReceiver:
    """Return a PagerDuty receiver for the inbox."""
    return PagerDutyReceiver("duty", ROUTING_KEY, inbox.url, session, key_setting="THE_KEY_SETTING")


async def post(
    inbox: Inbox, session: aiohttp.ClientSession, message: Message, *, is_plain: bool = False
) -> Any:
    """Send a message and return the event that arrived."""
    await make(inbox, session).send(message, is_plain=is_plain)
    return inbox.taken[-1].json


async def test_trigger_says_what_whom_and_how_bad(
    inbox: Inbox, session: aiohttp.ClientSession, message: Message
) -> None:
    """A trigger must hold PagerDuty's fields, the case as its key, and no signature link anywhere."""
    event = await post(inbox, session, message._replace(severity=Severity.ERROR, status=Outside("failed")))
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == (
        ROUTING_KEY,
        "trigger",
        "case_1",
    )
    payload = event["payload"]
    assert payload["summary"] == "Signature needed · Canary canarymerchant AS · P12345678 · vipps"
    assert (payload["source"], payload["severity"]) == ("P12345678/vipps", "error")
    assert payload["custom_details"]["status"] == "failed"
    assert payload["custom_details"]["facts"] == ["Dintero says: canarydescription"]
    assert event["links"] == [{"href": "https://backoffice.dintero.com/P12345678", "text": "Backoffice"}]
    assert LINK.encode() not in inbox.taken[0].body


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("is_plain", [False, True])
def test_no_message_carries_its_link(name: str, is_plain: bool) -> None:
    """Neither a good nor a refused link may stand in an event."""
    event = render(MESSAGES[name], ROUTING_KEY, is_plain=is_plain).decode()
    assert "sign.vippsmobilepay" not in event
    assert "javascript:" not in event


async def test_what_is_over_resolves_its_alert(
    inbox: Inbox, session: aiohttp.ClientSession, message: Message
) -> None:
    """The alert of a case must be resolved under the key that it was triggered under."""
    first = await post(inbox, session, message)
    last = await post(inbox, session, message._replace(notification_id="ntf_2", is_over=True))
    assert last == {"routing_key": ROUTING_KEY, "event_action": "resolve", "dedup_key": first["dedup_key"]}


@pytest.mark.parametrize("severity", Severity)
async def test_declined_is_at_most_a_warning(
    inbox: Inbox, session: aiohttp.ClientSession, message: Message, severity: Severity
) -> None:
    """An application that was declined must wake nobody, by its status and by its topic."""
    at_most = {Severity.CRITICAL: "warning", Severity.ERROR: "warning"}
    for declined in (message._replace(status=Outside("declined")), message._replace(topic="declined")):
        event = await post(inbox, session, declined._replace(severity=severity))
        assert event["payload"]["severity"] == at_most.get(severity, severity.value)
    other = await post(inbox, session, message._replace(severity=severity))
    assert other["payload"]["severity"] == severity.value


async def test_plain_form_holds_what_is_needed_alone(
    inbox: Inbox, session: aiohttp.ClientSession, message: Message
) -> None:
    """Where an event was refused, a poorer one must be sent."""
    event = await post(inbox, session, message, is_plain=True)
    assert set(event["payload"]) == {"summary", "source", "severity"}
    assert "links" not in event


def test_key_is_the_case_and_fits() -> None:
    """The key must tell cases apart within 255 characters; without a case the notification is one."""
    message = MESSAGES["enabled"]
    assert name_alert(message._replace(case_id="")) == message.notification_id
    long_ones = {name_alert(message._replace(case_id="c" * 255 + last)) for last in "ab"}
    assert len(long_ones) == 2
    assert max(map(len, long_ones)) <= 255
    assert name_alert(message._replace(case_id="c" * 255)) == "c" * 255


def test_no_event_is_beyond_the_limits(message: Message) -> None:
    """Whatever is typed outside, summary and event must stay within PagerDuty's bounds."""
    text = Outside("".join(NASTY) * 400)
    facts = tuple(Fact("Says" * 100, text) for _ in range(300))
    evil = message._replace(
        merchant=text,
        connection=text,
        headline_value=text,
        facts=facts,
        lines=tuple(Line(fact.label, fact.value, Link(LINK, "Open")) for fact in facts),
        status=text,
    )
    event = render(evil, ROUTING_KEY, is_plain=False)
    assert len(event) <= MAX_EVENT_BYTES
    assert event.count(b"and 275 more") == 2
    assert LINK.encode() not in event


@pytest.mark.parametrize(
    ("body", "meaning", "words"),
    [
        (
            {
                "status": "invalid event",
                "message": "Event object is invalid",
                "errors": ["'payload.severity' is bad"],
            },
            ("message", "invalid_event"),
            "(severity)",
        ),
        (
            {"status": "invalid event", "errors": ["Length of 'routing_key' is incorrect: " + ROUTING_KEY]},
            ("receiver", "invalid_routing_key"),
            "THE_KEY_SETTING",
        ),
        ({"message": "Invalid routing key"}, ("receiver", "invalid_routing_key"), "THE_KEY_SETTING"),
        ({"errors": [LINK, 7, None, {"x": ROUTING_KEY}]}, ("message", "invalid_event"), "refused the event"),
        ({"errors": "canary"}, ("message", "invalid_event"), "refused the event"),
        (["canary"], ("message", "invalid_event"), "refused the event"),
    ],
)
async def test_refusal_says_what_it_is_about_in_our_words(
    inbox: Inbox,
    session: aiohttp.ClientSession,
    message: Message,
    body: object,
    meaning: tuple[str, str],
    words: str,
) -> None:
    """A wrong key must hold the receiver, a wrong event only itself, and nothing be quoted."""
    inbox.faults.add(answer(400, body=body).on("*", ""))
    with pytest.raises(DeliveryRejected) as caught:
        await make(inbox, session).send(message, is_plain=False)
    assert (caught.value.scope, caught.value.code) == meaning
    assert words in str(caught.value)
    assert "canary" not in str(caught.value)


async def test_check_triggers_and_resolves(inbox: Inbox, session: aiohttp.ClientSession) -> None:
    """`--send` must leave no alert open, and looking must post nothing."""
    receiver = make(inbox, session)
    looked = [one async for one in receiver.check(sends=False)]
    assert {one.level for one in looked} == {Level.OK}
    assert inbox.taken == []
    sent = [one.sentence async for one in receiver.check(sends=True)]
    assert any("resolved again" in sentence for sentence in sent)
    first, second = (taken.json for taken in inbox.taken)
    assert (first["event_action"], second["event_action"]) == ("trigger", "resolve")
    assert first["dedup_key"] == second["dedup_key"]
    assert first["payload"]["severity"] == "info"


async def test_check_tells_what_was_refused(inbox: Inbox, session: aiohttp.ClientSession) -> None:
    """A test that PagerDuty does not take must be a problem with its remedy."""
    inbox.faults.add(answer(400, body={"errors": ["Invalid routing key"]}).on("*", ""))
    findings = [one async for one in make(inbox, session).check(sends=True)]
    assert findings[-1].level is Level.PROBLEM
    assert "THE_KEY_SETTING" in findings[-1].sentence


async def test_held_messages_are_said_to_be_held(inbox: Inbox, session: aiohttp.ClientSession) -> None:
    """`when_unsure = "hold"` gives another guarantee, and check must say so."""
    receiver = PagerDutyReceiver("duty", ROUTING_KEY, inbox.url, session, when_unsure=WhenUnsure.HOLD)
    assert any("at most once" in one.sentence for one in [one async for one in receiver.check(sends=False)])
