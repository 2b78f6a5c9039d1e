"""What a message says, made from the state at the moment it is sent.

A message that leaves late tells what has become of the matter since: it never asks for a signature that was
given, and never offers a link that is of no more use.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from notifier.domain.cards import Card
from notifier.domain.change import Change, Topic
from notifier.domain.link import assess_link
from notifier.domain.message import Fact, Link, Message, Moment, Mood, Outside
from notifier.domain.model import (
    DECLINED,
    ENABLED,
    FAILED,
    KNOWN_EVENTS,
    KNOWN_STATUSES,
    PENDING,
    SIGNATURE_REQUIRED,
    TERMINAL_STATUSES,
    Account,
)
from notifier.domain.severity import assess_severity
from notifier.domain.stage import assess
from notifier.domain.state import Case, CaseEnd, ConnectionState, KnownEvent

_MISSING_LINK = "Dintero gave no signature link. Open the account in Backoffice to find it."
_LOST_LINK = "The signature link is not at hand just now. Open the account in Backoffice to find it."
_ABOVE = "The signature link stands at the top of this thread."
_SIGN = "Open the link and sign, or send it to whoever signs for the company."


class Dossier(NamedTuple):
    """Everything that is known about a change when its message is composed; a tuple, as each is made twice.

    `case_id` is the case that is told of: the change's own, or an earlier one that the change has ended.
    """

    change: Change
    account: Account
    connection: ConnectionState
    case_id: str = ""
    card: Card | None = None

    @property
    def case(self) -> Case | None:
        """The case that is told of, None where it is not in the store any more."""
        connection = self.connection
        cases = (*connection.earlier_cases, *((connection.case,) if connection.case else ()))
        wanted = self.case_id or self.change.case_id
        return next((case for case in cases if case.case_id == wanted), None)


@dataclass(frozen=True, slots=True)
class House:
    """The settings that show in a message: which link hosts may be clicked, and where Backoffice is."""

    allowed_link_hosts: tuple[str, ...] = ()
    backoffice_url: str = "https://backoffice.dintero.com"


def compose(notification_id: str, dossier: Dossier, house: House, now: datetime) -> Message:
    """Return the message for a change as things stand at `now`."""
    change, connection = dossier.change, dossier.connection
    event = next((one for one in connection.events if one.event_key == change.event_key), None)
    case = dossier.case
    bare = Message(
        notification_id=notification_id,
        topic=change.topic,
        mood=Mood.NEUTRAL,
        headline="",
        account_id=change.key.account_id,
        connection=Outside(change.key.name),
        is_test=not dossier.account.is_live,
        merchant=Outside(dossier.account.merchant),
        case_id=dossier.case_id or change.case_id,
        event_id=Outside(event.event_id or "") if event else Outside(""),
        cause=Outside(event.event_id or "") if event else Outside(""),
        status=Outside(change.status or ""),
        severity=assess_severity(change.topic, change.status, dossier.account.is_live),
        is_over=_is_over(dossier, now),
        backoffice=Link(f"{house.backoffice_url.rstrip('/')}/{change.key.account_id}", "Backoffice"),
        moments=(Moment("Since" if change.at else "Seen", change.at or change.seen_at),),
        facts=(Fact("Dintero says", Outside(event.description)),) if event and event.description else (),
        opened_at=(case.signup_created_at or case.opened_at) if case else None,
        expires_at=case.expires_at if case else None,
    )
    if _is_request(change, event):
        return _ask(bare, dossier, event, house, now)
    return _report(bare, dossier, event)


def _is_over(dossier: Dossier, now: datetime) -> bool:
    case = dossier.case
    return case is not None and assess(dossier.connection, case, now).is_over


def compose_reply(message: Message) -> Message:
    """Return a message as it stands in the thread of its card, which has the link."""
    if isinstance(message.action, Link):
        message = message._replace(action=None, advice=_ABOVE)
    return message._replace(backoffice=None)


def lacks_link(dossier: Dossier, now: datetime) -> bool:
    """Whether a message would offer a link that the store cannot give now, but may after the next poll."""
    change = dossier.change
    event = next((one for one in dossier.connection.events if one.event_key == change.event_key), None)
    if event is None or event.link is not None or not event.has_link or not _is_request(change, event):
        return False
    return not _find_settlement(dossier, dossier.case, event, now)


def _is_request(change: Change, event: KnownEvent | None) -> bool:
    """Whether somebody is asked to sign."""
    is_request = change.topic == SIGNATURE_REQUIRED or (event is not None and event.has_link)
    if change.topic in _BY_TIME:
        return False
    return change.topic == Topic.LINK_REPLACED or (is_request and change.status not in TERMINAL_STATUSES)


def _ask(
    message: Message, dossier: Dossier, event: KnownEvent | None, house: House, now: datetime
) -> Message:
    case = dossier.case
    settled = _find_settlement(dossier, case, event, now)
    if event is not None and event.name and event.name not in KNOWN_EVENTS:
        message = message._replace(facts=(Fact("Event", Outside(event.name)), *message.facts))
    if settled:
        mood = Mood.GOOD if settled == _OUTCOMES[ENABLED] else Mood.NEUTRAL
        headline = f"A signature was asked for; {settled}"
        return message._replace(mood=mood, headline=headline, advice="There is nothing to sign here now.")
    is_new_link = dossier.change.topic == Topic.LINK_REPLACED and not dossier.change.detail
    expires_at = case.expires_at if case else None
    moments = (*message.moments, Moment("Sign before", expires_at)) if expires_at else message.moments
    asked = message._replace(
        mood=Mood.ACTION,
        headline="New signature link: the earlier one may no longer work"
        if is_new_link
        else "Signature needed",
        moments=moments,
    )
    if event is None or event.link is None:
        is_lost = event is not None and event.has_link
        return asked._replace(advice=_LOST_LINK if is_lost else _MISSING_LINK)
    action = assess_link(event.link, "Open the signature link", house.allowed_link_hosts)
    return asked._replace(
        advice=_SIGN if isinstance(action, Link) else "Do not open this link.", action=action
    )


def _find_settlement(dossier: Dossier, case: Case | None, event: KnownEvent | None, now: datetime) -> str:
    """Return what has made a request for a signature pointless, "" while somebody can still sign."""
    connection = dossier.connection
    ends = {
        CaseEnd.SUPERSEDED: "a newer application has taken its place",
        CaseEnd.WITHDRAWN: "the connection has since been withdrawn",
        CaseEnd.UNWATCHED: "the account is no longer watched",
    }
    if case is not None and case.end is not None:
        return ends[case.end]
    for status in (connection.status, connection.ahead):
        if status in _OUTCOMES:
            return _OUTCOMES[status]
    if case is not None and case.expires_at is not None and case.expires_at <= now:
        return "the application has since expired"
    if event is not None and any(_replaces(one, event, dossier.change) for one in connection.events):
        return "a newer request has replaced it"
    return ""


def _replaces(one: KnownEvent, event: KnownEvent, change: Change) -> bool:
    """Whether an event is a newer request than the one that a change is about, or than its new link."""
    if one.case_id != change.case_id or not one.has_link or one.status in TERMINAL_STATUSES:
        return False
    if change.topic == Topic.LINK_REPLACED and one.seen_at <= change.seen_at:
        return False
    return one.created_at is not None and event.created_at is not None and one.created_at > event.created_at


def _report(message: Message, dossier: Dossier, event: KnownEvent | None) -> Message:
    change = dossier.change
    if change.topic in _TOPICS:
        mood, headline, advice = _TOPICS[Topic(change.topic)]
        value = Outside(change.detail) if change.topic == Topic.UNKNOWN_VALUE else Outside("")
        said = message._replace(mood=mood, headline=headline, advice=advice, headline_value=value)
        return _remind(said, dossier) if change.topic in _BY_TIME else said
    status = change.status or ""
    if event is not None and event.name not in {"", status, SIGNATURE_REQUIRED}:
        if status not in TERMINAL_STATUSES:
            return _close(
                message._replace(headline="Dintero reports:", headline_value=Outside(event.name)), dossier
            )
        message = message._replace(facts=(Fact("Event", Outside(event.name)), *message.facts))
    if not status:
        return message._replace(headline="Dintero recorded an event that has neither a name nor a status")
    if status not in KNOWN_STATUSES:
        named = message._replace(headline="The connection's status is now:", headline_value=Outside(status))
        return _close(named, dossier)
    mood, headline, advice = _STATUSES[status]
    case = dossier.case
    if status == ENABLED and case is not None and case.asked_at is not None:
        headline = "Signed: the connection is enabled"
    wants_mention = status in {FAILED, DECLINED} and dossier.account.is_live
    said = message._replace(mood=mood, headline=headline, advice=advice, wants_mention=wants_mention)
    return _close(said, dossier)


def _remind(message: Message, dossier: Dossier) -> Message:
    """Add whom a reminder mentions, and since when and until when."""
    words = dossier.change.detail.split()
    expires_at = dossier.case.expires_at if dossier.case else None
    since = "Asked for" if dossier.change.topic != Topic.STALE else "Last heard of"
    moments = [Moment(since, dossier.change.at)] if dossier.change.at else []
    if expires_at is not None:
        moments.append(
            Moment("Expired" if dossier.change.topic == Topic.EXPIRED else "Sign before", expires_at)
        )
    return message._replace(
        moments=tuple(
            one for one in moments if dossier.change.topic != Topic.EXPIRED or one.label == "Expired"
        ),
        wants_mention="mention" in words and dossier.account.is_live,
        mentions=tuple(word for word in words if word.startswith("<")) if dossier.account.is_live else (),
    )


def _close(message: Message, dossier: Dossier) -> Message:
    """Add what has become of the connection since, where that is another status."""
    case = dossier.case
    now_at, then = dossier.connection.status, dossier.change.status
    if case is not None and case.end is not None:
        return message._replace(
            facts=(*message.facts, Fact("Since then", Outside(f"the case is {case.end}")))
        )
    if now_at and then and now_at != then:
        return message._replace(facts=(*message.facts, Fact("Status now", Outside(now_at))))
    return message


_OUTCOMES = {
    ENABLED: "the connection has since been enabled",
    FAILED: "the connection has since failed",
    DECLINED: "the application has since been declined",
}

_STATUSES = {
    PENDING: (Mood.NEUTRAL, "The connection is pending again", ""),
    ENABLED: (Mood.GOOD, "The connection is enabled", ""),
    FAILED: (
        Mood.BAD,
        "The connection failed",
        "Look in Backoffice for the cause, and mend it or apply again.",
    ),
    DECLINED: (
        Mood.BAD,
        "The application was declined",
        "Tell the merchant, before they find out by themselves.",
    ),
}

_BY_TIME = frozenset({Topic.REMINDER, Topic.EXPIRES_SOON, Topic.EXPIRED, Topic.STALE})
"""Changes that only time has made."""

_TOPICS = {
    Topic.REMINDER: (Mood.ACTION, "Reminder: the signature is still missing", _ABOVE),
    Topic.EXPIRES_SOON: (Mood.ACTION, "The application expires soon, and is not signed", _ABOVE),
    Topic.EXPIRED: (
        Mood.BAD,
        "The application expired unsigned",
        "The link is of no more use. Apply again, or ask Dintero.",
    ),
    Topic.STALE: (
        Mood.NEUTRAL,
        "Dintero has said nothing about this application for long",
        "Ask Dintero, or look in Backoffice.",
    ),
    Topic.APPLIED: (Mood.NEUTRAL, "An application has begun", ""),
    Topic.WITHDRAWN: (
        Mood.NEUTRAL,
        "The connection was withdrawn",
        "It is no longer at Dintero; a signature link is of no more use.",
    ),
    Topic.RETURNED: (Mood.NEUTRAL, "The connection is back, with the same application", ""),
    Topic.UNWATCHED: (
        Mood.NEUTRAL,
        "The account is no longer watched",
        "Nothing more will be said about this application.",
    ),
    Topic.UNKNOWN_VALUE: (
        Mood.NEUTRAL,
        "Dintero used a word that this version does not know:",
        "It is passed on as it is. A newer version of the notifier may know it.",
    ),
}
