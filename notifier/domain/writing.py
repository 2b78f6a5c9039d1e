"""Which message leaves for a notification: a card, a reply in its thread, or a message that stands alone."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from notifier.domain.change import Topic
from notifier.domain.compose import Dossier, House, compose, compose_reply
from notifier.domain.compose_card import compose_card
from notifier.domain.delivery import Claim, Form, Purpose, Traits
from notifier.domain.message import Message
from notifier.domain.stage import Stage, assess

_REMINDERS: Final = frozenset({Topic.REMINDER, Topic.EXPIRES_SOON})


def write_message(claim: Claim, dossier: Dossier, traits: Traits, house: House, now: datetime) -> Message:
    """Return the message for a claim as things stand at `now`."""
    notification_id = claim.notification.notification_id
    form, topic = claim.place.form, dossier.change.topic
    is_card = traits.has_threads and form is not Form.REPLY
    is_of_state = is_card or claim.notification.purpose is Purpose.UPDATE or topic in _REMINDERS
    if topic != Topic.UNKNOWN_VALUE and form is not Form.REPLY and is_of_state:
        card = compose_card(notification_id, dossier, house, now)
        if card is not None:
            return card if is_card else replace(card, mark=_mark(dossier))
    message = compose(notification_id, dossier, house, now)
    if form is Form.REPLY:
        return compose_reply(message)
    return message if traits.has_threads else replace(message, mark=_mark(dossier))


def is_needed(dossier: Dossier, now: datetime) -> bool:
    """Whether a message still has something to say: nobody is reminded of what is done."""
    if dossier.change.topic not in {*_REMINDERS, Topic.STALE, Topic.EXPIRED}:
        return True
    case = dossier.case
    stage = assess(dossier.connection, case, now).stage if case is not None else None
    if dossier.change.topic == Topic.EXPIRED:
        return stage is Stage.EXPIRED
    return stage in {Stage.ASKED, Stage.APPLIED}


def _mark(dossier: Dossier) -> str:
    """Return the word that tells a later message of a case from its first, where there are no threads."""
    if dossier.change.topic in _REMINDERS:
        return "Reminder"
    return "" if dossier.card is None or dossier.card.posted_at is None else "Update"
