"""What is told that is no change of a connection: digests, silences, and the notifier's own troubles."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from notifier.domain.compose import House
from notifier.domain.digest import CaseRef, compose_digest, compose_page
from notifier.domain.message import Fact, Line, Message, Moment, Mood, Outside, Severity
from notifier.domain.model import ConnectionKey
from notifier.domain.state import AccountState


class NoticeKind(StrEnum):
    """What a notice is about."""

    DIGEST = "digest"
    DIGEST_PAGE = "digest_page"
    SILENCE_BEGUN = "silence_begun"
    SILENCE_ENDED = "silence_ended"
    INCIDENT = "incident"
    """Something about the notifier itself does not work: opened, changed, or over."""
    RECOVERED = "recovered"
    """A receiver takes messages again that others have had in the meantime."""
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: `subject` is the matter (a digest, a silence), `body` what it says, as JSON."""

    notice_id: str
    kind: NoticeKind
    subject: str
    at: datetime
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that does not work, from `opened_at` until `ended_at`; `sentence` says what, as of now."""

    incident_id: str
    kind: str
    subject: str
    sentence: str
    opened_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NoticeFile:
    """A notice with all that its message is made from: as things stand now."""

    notice: Notice
    accounts: Mapping[str, AccountState] = field(default_factory=dict)
    incident: Incident | None = None


def list_cases(notice: Notice) -> tuple[CaseRef, ...]:
    """Return the cases that a digest or one of its pages is about."""
    return tuple(CaseRef(ConnectionKey(one[0], one[1]), one[2]) for one in notice.body.get("cases", ()))


def compose_notice(
    notification_id: str, file: NoticeFile, house: House, now: datetime, *, is_reply: bool = False
) -> Message:
    """Return the message for a notice as things stand at `now`."""
    notice = file.notice
    match notice.kind:
        case NoticeKind.DIGEST:
            return compose_digest(notification_id, list_cases(notice), file.accounts, now)
        case NoticeKind.DIGEST_PAGE:
            number, of = notice.body["number"], notice.body["of"]
            refs = list_cases(notice)
            return compose_page(notification_id, refs, file.accounts, house, now, number=number, of=of)
        case NoticeKind.INCIDENT if file.incident is not None:
            return _compose_incident(notification_id, notice, file.incident, is_reply=is_reply)
        case _:
            return _compose_plain(notification_id, notice)


def _compose_incident(notification_id: str, notice: Notice, incident: Incident, *, is_reply: bool) -> Message:
    is_over = incident.ended_at is not None
    headline = _HEADLINES.get(incident.kind, "The notifier needs attention")
    moments = [Moment("Since", incident.opened_at)]
    if incident.ended_at is not None:
        begins_with_name = headline.startswith("Dintero")
        headline = f"Over: {headline if begins_with_name else headline[0].lower() + headline[1:]}"
        moments.append(Moment("Until", incident.ended_at))
    return Message(
        notification_id=notification_id,
        topic=f"incident_{incident.kind}",
        mood=Mood.GOOD if is_over else Mood.BAD,
        headline=headline,
        account_id="",
        connection=Outside(""),
        is_test=False,
        advice="" if is_over else "Nobody is told of what it concerns until it works again; nothing is lost.",
        moments=tuple(moments),
        facts=(Fact("Trouble was" if is_over else "Trouble", Outside(incident.sentence)),),
        case_id=notice.subject,
        wants_mention=not is_over and not is_reply,
        severity=Severity.CRITICAL,
        is_over=is_over,
    )


def _compose_plain(notification_id: str, notice: Notice) -> Message:
    body = notice.body
    return Message(
        notification_id=notification_id,
        topic=notice.kind,
        mood=Mood(body.get("mood", Mood.NEUTRAL)),
        headline=str(body.get("headline", "")),
        account_id="",
        connection=Outside(""),
        is_test=False,
        advice=str(body.get("advice", "")),
        moments=tuple(Moment(label, datetime.fromisoformat(at)) for label, at in body.get("moments", ())),
        facts=tuple(Fact(label, Outside(value)) for label, value in body.get("facts", ())),
        lines=tuple(Line(words) for words in body.get("lines", ())),
        case_id=notice.subject,
        severity=Severity.INFO,
    )


_HEADLINES = {
    "unreadable": "The notifier cannot read Dintero",
    "credentials": "Dintero refuses the notifier's credentials",
    "vanished": "Connections that were there have vanished",
    "shape": "Dintero's answers have a new shape",
    "partial": "Dintero's answers have a new shape",
    "receiver": "A receiver takes no messages",
}
