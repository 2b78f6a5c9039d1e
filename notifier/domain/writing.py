"""Which message leaves for a notification: a card, a reply in its thread, or a message that stands alone."""

from datetime import datetime
from typing import Final, TypeAlias

from notifier.domain.cards import Card
from notifier.domain.change import ESCALATED, Topic
from notifier.domain.compose import Dossier, House, compose, compose_reply
from notifier.domain.compose_card import compose_card
from notifier.domain.delivery import Claim, Form, Purpose, Traits
from notifier.domain.message import Message
from notifier.domain.model import TERMINAL_STATUSES
from notifier.domain.notices import NoticeFile, NoticeKind, compose_notice
from notifier.domain.stage import Stage, assess

_REMINDERS: Final = frozenset({Topic.REMINDER, Topic.EXPIRES_SOON})
_BY_TIME: Final = frozenset({*_REMINDERS, Topic.EXPIRED, Topic.STALE})
_LOUD: Final = frozenset({Topic.EXPIRED, Topic.WITHDRAWN})


Matter: TypeAlias = Dossier | NoticeFile
"""What a notification is about: a change of a connection, or a notice."""


def write_message(claim: Claim, matter: Matter, traits: Traits, house: House, now: datetime) -> Message:
    """Return the message for a claim as things stand at `now`."""
    notification_id, form = claim.notification.notification_id, claim.place.form
    if isinstance(matter, NoticeFile):
        return compose_notice(notification_id, matter, house, now, is_reply=form is Form.REPLY)
    topic = matter.change.topic
    is_card = traits.has_threads and form is not Form.REPLY
    is_of_state = is_card or claim.notification.purpose is Purpose.UPDATE or topic in _REMINDERS
    if topic != Topic.UNKNOWN_VALUE and form is not Form.REPLY and is_of_state:
        card = compose_card(notification_id, matter, house, now)
        if card is not None:
            card = _mention(card, claim, matter, house, now)
            return card if is_card else card._replace(mark=_mark(matter))
    message = compose(notification_id, matter, house, now)
    if form is Form.REPLY:
        return compose_reply(message)
    return message if traits.has_threads else message._replace(mark=_mark(matter))


def _mention(card: Message, claim: Claim, dossier: Dossier, house: House, now: datetime) -> Message:
    """Return a card that reminds with whom its reminder mentions."""
    if dossier.change.topic not in _REMINDERS or claim.notification.purpose is not Purpose.TELL:
        return card
    said = compose(card.notification_id, dossier, house, now)
    return card._replace(wants_mention=said.wants_mention, mentions=said.mentions)


def is_for_channel(matter: Matter | None) -> bool:
    """Whether the reply about a matter is shown in the channel as well: an end is, and an escalation."""
    if isinstance(matter, NoticeFile):
        return matter.notice.kind in {NoticeKind.INCIDENT, NoticeKind.SILENCE_ENDED}
    if matter is None:
        return False
    change = matter.change
    is_end = change.status in TERMINAL_STATUSES and change.topic != Topic.LINK_REPLACED
    return is_end or change.topic in _LOUD or change.detail.startswith(ESCALATED)


def is_made_by_time(matter: Matter | None) -> bool:
    """Whether nothing has happened at Dintero: it is only late."""
    return isinstance(matter, Dossier) and matter.change.topic in _BY_TIME


def is_shown(matter: Matter | None, card: Card | None) -> bool:
    """Whether the channel has seen it already: the card was posted after it, and shows it."""
    if not isinstance(matter, Dossier) or card is None or card.posted_at is None:
        return False
    return card.posted_at > matter.change.seen_at


def is_needed(matter: Matter | None, now: datetime) -> bool:
    """Whether a message still has something to say: nobody is reminded of what is done."""
    if not isinstance(matter, Dossier) or matter.change.topic not in _BY_TIME:
        return True
    case = matter.case
    stage = assess(matter.connection, case, now).stage if case is not None else None
    if matter.change.topic == Topic.EXPIRED:
        return stage is Stage.EXPIRED
    return stage in {Stage.ASKED, Stage.APPLIED}


def _mark(dossier: Dossier) -> str:
    """Return the word that tells a later message of a case from its first, where there are no threads."""
    if dossier.change.topic in _REMINDERS:
        return "Reminder"
    return "" if dossier.card is None or dossier.card.posted_at is None else "Update"
