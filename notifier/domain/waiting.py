"""What time alone has to say about a case: reminders, its coming end, its end."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from notifier.domain.cards import Card
from notifier.domain.change import ESCALATED, Change, Reason, Topic
from notifier.domain.identity import name_of
from notifier.domain.reminders import Due, DueKind, Schedule, arm, find_due, next_at
from notifier.domain.reminders import Standing as Progress
from notifier.domain.stage import Stage, Standing, assess
from notifier.domain.state import Case, ConnectionState

PUT_OFF: Final = timedelta(minutes=5)
"""When to look again at what is due, and cannot be said now."""
_WAITING: Final = frozenset({Stage.ASKED, Stage.APPLIED, Stage.EXPIRED})


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be said of a case at one destination now, and the card as it is once that is kept.

    `receivers` are to be told beside the card's own: an escalation names them.
    """

    card: Card
    change: Change | None = None
    receivers: tuple[str, ...] = ()


def take_turn(
    card: Card,
    connection: ConnectionState,
    case: Case,
    schedule: Schedule,
    now: datetime,
    *,
    is_silenced: bool = False,
    is_untold: bool = False,
) -> Turn:
    """Return the one thing that is due about a case at the card's destination, and when to look again.

    With `is_untold` earlier news of the case has not arrived there yet: then nobody there is reminded, and
    the end alone is told, or whoever an escalation names.
    """
    standing = assess(connection, case, now)
    progress = _find_progress(card, case, standing, is_untold=is_untold)
    due = find_due(schedule, progress, now, is_silenced=is_silenced)
    if due is not None and is_untold and due.kind is not DueKind.EXPIRED and not due.receivers:
        due = None
    if due is None:
        at = next_at(schedule, progress, now)
        if is_silenced or is_untold:
            at = _put_off(at, progress, now, is_unarmed=standing.awaits_signature)
        return Turn(_keep(card, progress, at))
    told = _keep(card, due.standing, next_at(schedule, due.standing, now))
    if due.kind is DueKind.EXPIRING:
        told = told._replace(warned_for=case.expires_at)
    elif due.kind is DueKind.EXPIRED:
        told = told._replace(ended_for=case.expires_at)
    if due.kind is DueKind.EXPIRED and case.expires_at is not None and case.expires_at <= card.opened_at:
        return Turn(told)  # It was told as expired from the start.
    return Turn(told, _make_change(card, connection, case, due, now), due.receivers)


def _put_off(at: datetime | None, progress: Progress, now: datetime, *, is_unarmed: bool) -> datetime | None:
    """Return when to look again at what must not be said now: soon, but not at once, and at its end."""
    if progress.is_over:
        return None
    later = now + PUT_OFF
    if progress.expires_at is not None:
        later = min(later, progress.expires_at)
    if is_unarmed and progress.armed_at is None:
        return later
    return None if at is None else max(at, later)


def _find_progress(card: Card, case: Case, standing: Standing, *, is_untold: bool) -> Progress:
    """Return how far the reminders are; a newer request than the one they count from begins them anew.

    An end that was announced, or told, counts no more when it was put off since.
    """
    end = case.expires_at
    has_ended = end is not None and card.ended_for is not None and end <= card.ended_for
    is_later = end is not None and card.warned_for is not None and end > card.warned_for
    progress = Progress(
        armed_at=card.armed_at,
        reminders=card.reminders,
        escalations=card.escalations,
        warned_at=None if is_later else card.warned_at,
        expires_at=end,
        is_over=has_ended or standing.stage not in _WAITING,
    )
    if not standing.awaits_signature:
        return progress if standing.stage is not Stage.APPLIED else replace(progress, armed_at=None)
    request = standing.request
    asked_at = (request.created_at or request.seen_at) if request else case.asked_at
    if asked_at is None:
        return progress
    if card.armed_at is None and card.posted_at is None and is_untold:
        return progress
    # What was asked for long before anybody was told is reminded of from then on.
    since = max(asked_at, card.posted_at or card.opened_at) if card.armed_at is None else asked_at
    return arm(progress, since) if card.armed_at is None or since > card.armed_at else progress


def _keep(card: Card, progress: Progress, at: datetime | None) -> Card:
    return card._replace(
        armed_at=progress.armed_at,
        reminders=progress.reminders,
        escalations=progress.escalations,
        warned_at=progress.warned_at,
        next_at=at,
    )


def _make_change(card: Card, connection: ConnectionState, case: Case, due: Due, now: datetime) -> Change:
    topic, reason = _SAID[due.kind]
    if due.kind is DueKind.EXPIRED:
        own: tuple[str | None, ...] = (case.expires_at.isoformat() if case.expires_at else None,)
    elif due.kind is DueKind.ESCALATION:
        # Each card of the case may come to it: whoever it names is told once.
        armed_at = due.standing.armed_at
        which = f"{due.kind} {due.standing.escalations}"
        own = (armed_at.isoformat() if armed_at else None, which, *due.mentions)
    else:
        armed_at = due.standing.armed_at
        which = f"{due.kind} {due.standing.reminders} {due.standing.escalations}"
        own = (card.destination, armed_at.isoformat() if armed_at else None, which)
        own += (case.expires_at.isoformat(),) if due.kind is DueKind.EXPIRING and case.expires_at else ()
    words = [ESCALATED] if due.is_broadcast else []
    words += ["mention"] if due.wants_mention else []
    return Change(
        change_id=name_of(topic, case.case_id, *own),
        topic=topic,
        key=case.key,
        case_id=case.case_id,
        status=connection.status,
        seen_at=now,
        reason=reason,
        is_told=True,
        at=case.expires_at if due.kind is DueKind.EXPIRED else due.standing.armed_at,
        detail=" ".join((*words, *due.mentions)),
    )


_SAID: Final = {
    DueKind.REMINDER: (Topic.REMINDER, Reason.STILL_UNSIGNED),
    DueKind.ESCALATION: (Topic.REMINDER, Reason.STILL_UNSIGNED),
    DueKind.EXPIRING: (Topic.EXPIRES_SOON, Reason.ENDS_SOON),
    DueKind.EXPIRED: (Topic.EXPIRED, Reason.HAS_ENDED),
}
