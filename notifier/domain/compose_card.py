"""What a card shows: where its signup stands now, from the application to the signature.

A card is made from the state alone, never from the change that moved it: so a late or a repeated update shows
the same, and the link is there only while somebody can use it.
"""

from datetime import datetime, timedelta
from typing import Final

from notifier.domain.compose import Dossier, House
from notifier.domain.link import assess_link
from notifier.domain.message import Fact, Link, Message, Moment, Mood, Outside, RefusedLink, Step
from notifier.domain.severity import assess_severity
from notifier.domain.stage import Stage, Standing, assess
from notifier.domain.state import Case, KnownEvent

_SIGN: Final = "Open the link and sign, or send it to whoever signs for the company."
_NO_LINK: Final = "Dintero gave no signature link. Open the account in Backoffice to find it."
_LOST_LINK: Final = "The signature link is not at hand just now. Open the account in Backoffice to find it."
_URGENT: Final = timedelta(hours=48)


def compose_card(notification_id: str, dossier: Dossier, house: House, now: datetime) -> Message | None:
    """Return the card of a dossier's case as things stand at `now`; None where the case is not known."""
    case = dossier.case
    if case is None:
        return None
    standing = assess(dossier.connection, case, now)
    mood, headline, advice = _FACES[standing.stage]
    request = standing.request
    if standing.stage is Stage.ENABLED and (request is not None or case.asked_at is not None):
        headline = "Signed: the connection is enabled"
    described = request if standing.awaits_signature else _find_last(dossier, case)
    advice, action = _offer_link(request, house) if standing.has_use_for_link else (advice, None)
    return Message(
        notification_id=notification_id,
        topic=dossier.change.topic,
        mood=mood,
        headline=headline,
        headline_value=Outside(standing.status) if standing.stage is Stage.OTHER else Outside(""),
        account_id=case.key.account_id,
        connection=Outside(case.key.name),
        is_test=not dossier.account.is_live,
        merchant=Outside(dossier.account.merchant),
        advice=advice,
        action=action,
        moments=_list_moments(case, standing, now),
        facts=(Fact("Dintero says", Outside(described.description)),) if described else (),
        backoffice=Link(f"{house.backoffice_url.rstrip('/')}/{case.key.account_id}", "Backoffice"),
        event_id=Outside((described.event_id if described else None) or ""),
        cause=Outside(_find_cause(dossier)),
        case_id=case.case_id,
        wants_mention=standing.stage in {Stage.FAILED, Stage.DECLINED} and dossier.account.is_live,
        status=Outside(standing.status),
        severity=assess_severity(dossier.change.topic, standing.status, dossier.account.is_live),
        is_over=standing.is_over,
        steps=_list_steps(dossier, case, standing),
        stage=standing.stage,
        opened_at=case.signup_created_at or case.opened_at,
        expires_at=case.expires_at,
    )


def _offer_link(request: KnownEvent | None, house: House) -> tuple[str, Link | RefusedLink | None]:
    """Return what to advise, and the link of a request as far as there is one."""
    if request is None or request.link is None:
        return _LOST_LINK if request is not None and request.has_link else _NO_LINK, None
    action = assess_link(request.link, "Open the signature link", house.allowed_link_hosts)
    return _SIGN if isinstance(action, Link) else "Do not open this link.", action


def _list_moments(case: Case, standing: Standing, now: datetime) -> tuple[Moment, ...]:
    moments = [Moment("Open since", case.signup_created_at or case.opened_at)]
    if case.expires_at is not None and standing.stage in {Stage.APPLIED, Stage.ASKED, Stage.EXPIRED}:
        is_near = now < case.expires_at <= now + _URGENT
        usual = "Sign before" if standing.awaits_signature else "Expires"
        words = "Expired" if case.expires_at <= now else "Expires soon:" if is_near else usual
        moments.append(Moment(words, case.expires_at))
    return tuple(moments)


def _list_steps(dossier: Dossier, case: Case, standing: Standing) -> tuple[Step, ...]:
    """Return the way from the application to the signature, each step with when it was taken."""
    request, card = standing.request, dossier.card
    is_asked = request is not None or case.asked_at is not None
    asked_at = (request.created_at or request.seen_at) if request else case.asked_at
    steps = [
        Step("Applied", is_done=True, at=case.signup_created_at or case.opened_at),
        Step("Signature asked for", is_done=is_asked, at=asked_at),
    ]
    if card is not None and card.reminders:
        times = "once" if card.reminders == 1 else f"{card.reminders} times"
        steps.append(Step(f"Reminded {times}", is_done=True))
    is_signed = standing.stage is Stage.ENABLED
    last = _find_last(dossier, case) if standing.is_over or standing.stage in _ENDS else None
    ended_at = (last.created_at or last.seen_at) if last else None
    if standing.stage in _ENDS:
        if standing.stage not in {Stage.FAILED, Stage.DECLINED}:
            # Of these no event tells when it was.
            ended_at = case.expires_at if standing.stage is Stage.EXPIRED else None
        steps = steps if is_asked else steps[:1]
        steps.append(Step(_ENDS[standing.stage], is_done=True, at=ended_at))
    else:
        steps = steps[:1] if is_signed and not is_asked else steps
        steps.append(
            Step("Signed" if is_asked else "Enabled", is_done=is_signed, at=ended_at if is_signed else None)
        )
    return tuple(steps)


def _find_cause(dossier: Dossier) -> str:
    """Return the id of the event that the change is about, "" where it has none."""
    wanted = dossier.change.event_key
    found = (event.event_id for event in dossier.connection.events if event.event_key == wanted)
    return next(found, None) or ""


def _find_last(dossier: Dossier, case: Case) -> KnownEvent | None:
    """Return the event that was seen last in a case."""
    events = [event for event in dossier.connection.events if event.case_id == case.case_id]
    return max(events, key=lambda one: (one.seen_at, one.created_at or one.seen_at), default=None)


_ENDS: Final = {
    Stage.EXPIRED: "Expired unsigned",
    Stage.FAILED: "Failed",
    Stage.DECLINED: "Declined",
    Stage.SUPERSEDED: "Replaced by a newer application",
    Stage.WITHDRAWN: "Withdrawn",
    Stage.UNWATCHED: "No longer watched",
}

_FACES: Final = {
    Stage.APPLIED: (Mood.NEUTRAL, "An application has begun", "Nobody has to sign anything yet."),
    Stage.ASKED: (Mood.ACTION, "Signature needed", _SIGN),
    Stage.EXPIRED: (
        Mood.BAD,
        "The application expired unsigned",
        "The link is of no more use. Apply again, or ask Dintero.",
    ),
    Stage.ENABLED: (Mood.GOOD, "The connection is enabled", ""),
    Stage.FAILED: (
        Mood.BAD,
        "The connection failed",
        "Look in Backoffice for the cause, and mend it or apply again.",
    ),
    Stage.DECLINED: (
        Mood.BAD,
        "The application was declined",
        "Tell the merchant, before they find out by themselves.",
    ),
    Stage.SUPERSEDED: (
        Mood.NEUTRAL,
        "A newer application has taken its place",
        "There is nothing to sign here now.",
    ),
    Stage.WITHDRAWN: (Mood.NEUTRAL, "The connection was withdrawn", "It is no longer at Dintero."),
    Stage.UNWATCHED: (
        Mood.NEUTRAL,
        "The account is no longer watched",
        "Nothing more will be said about this application.",
    ),
    Stage.OTHER: (Mood.NEUTRAL, "The connection's status is now:", ""),
}
