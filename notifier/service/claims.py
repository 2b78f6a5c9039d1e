"""Takes the next message of a destination, and finds out where it goes and what it is about.

All of it happens inside one transaction: what is claimed when that is committed is to be sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from notifier.domain.cards import Card, find_place, is_card
from notifier.domain.compose import Dossier
from notifier.domain.delivery import Claim, Form, Notification, Purpose
from notifier.domain.notices import NoticeKind
from notifier.domain.silences import Silence, find_silence
from notifier.domain.writing import Matter, is_for_channel, is_made_by_time, is_needed, is_shown
from notifier.service.ports import Books, Receiver
from notifier.service.storms import Storms

NO_RECEIVER: Final = "its receiver is no longer in the settings: put it back and retry, or drop the message"


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was taken from the outbox, and what it is about.

    Without `has_to_be_sent` it was settled, or kept back, in the transaction that took it.
    """

    claim: Claim
    matter: Matter | None = None
    has_to_be_sent: bool = True


class Claims:
    """Claims messages for all lanes; `receivers` are those of the settings, by name."""

    def __init__(self, receivers: Mapping[str, Receiver], storms: Storms) -> None:
        self._receivers = receivers
        self._storms = storms

    def take(self, books: Books, destination: str, now: datetime, since: datetime) -> Taken | None:
        """Claim the next message for a destination, None when there is none now.

        `since` is the time by the receiver's clock, or an instant that is surely before it.
        """
        claim = books.outbox.claim(destination, now, since)
        return None if claim is None else self._prepare(books, claim, now)

    def _prepare(self, books: Books, claim: Claim, now: datetime) -> Taken:
        one = claim.notification
        receiver = self._receivers.get(one.receiver)
        if receiver is None:
            books.outbox.record_dead(claim, now, error_code="no_receiver", error=NO_RECEIVER)
            return Taken(claim, has_to_be_sent=False)
        card = books.cards.find(one.case_id, one.destination)
        matter = _load_matter(books, one, card)
        is_broadcast = is_for_channel(matter) and not is_shown(matter, card)
        if is_broadcast and is_made_by_time(matter):
            is_broadcast = self._storms.lets_show(books, claim, now)
        place = find_place(one, card, receiver.traits, is_broadcast=is_broadcast)
        if place is None or not is_needed(matter, now):
            books.outbox.record_covered(claim, now)
            return Taken(claim, matter, has_to_be_sent=False)
        silence = _find_silence(books, matter, now)
        if silence is not None:
            books.outbox.record_muted(claim, f"silence {silence.silence_id}")
            return Taken(claim, matter, has_to_be_sent=False)
        claim = replace(claim, place=place)
        is_guarded = receiver.traits.is_read_by_people and is_card(claim, card)
        if is_guarded and not self._storms.lets_pass(books, claim, now):
            return Taken(claim, matter, has_to_be_sent=False)
        # What may stand there already shows the state of then: its updates are still needed.
        if place.form is not Form.REPLY and (not claim.is_repeat or claim.can_be_repeated):
            books.outbox.cover_updates(claim, now)
        return Taken(claim, matter)


def _find_silence(books: Books, matter: Matter | None, now: datetime) -> Silence | None:
    """Return the silence that has begun since a reminder was made; what has happened is not taken back."""
    if not isinstance(matter, Dossier) or not is_made_by_time(matter):
        return None
    return find_silence(books.load_silences(now), matter.change, matter.account, now)


def _load_matter(books: Books, notification: Notification, card: Card | None) -> Matter | None:
    if notification.purpose is Purpose.NOTICE or notification.topic == NoticeKind.INCIDENT:
        return books.load_notice(notification.change_id)
    return books.load_dossier(notification.change_id, card, notification.case_id)
