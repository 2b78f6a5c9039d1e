"""Takes the next message of a destination, and finds out where it goes and what it is about.

All of it happens inside one transaction: what is claimed when that is committed is to be sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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

OTHERS_WITHIN: Final = timedelta(seconds=15)
"""What this process cannot send is left to others for so long at a time; the next start gives it up."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that was taken from the outbox, and what it is about.

    Without `has_to_be_sent` it was settled, or kept back, in the transaction that took it.
    """

    claim: Claim
    matter: Matter | None = None
    has_to_be_sent: bool = True


class Claims:
    """Claims messages for all lanes; `receivers` are those of the settings, by name.

    Without `is_alone` another process, whose settings are newer, may know a receiver that this one does not.
    """

    def __init__(self, receivers: Mapping[str, Receiver], storms: Storms, *, is_alone: bool = True) -> None:
        self._is_alone = is_alone
        self._receivers = receivers
        self._storms = storms

    def take(self, books: Books, wants: Mapping[str, datetime], now: datetime) -> dict[str, Taken]:
        """Claim the next message for each of some destinations; where there is none now, none is in it.

        `wants` maps each to the time by its receiver's clock, or an instant that is surely before it.
        """
        claims = books.outbox.claim_all(wants, now) if wants else {}
        if not claims:
            return {}
        notifications = [claim.notification for claim in claims.values()]
        cards = books.cards.find_all((one.case_id, one.destination) for one in notifications)
        dossiers = books.load_dossiers([one for one in notifications if not _is_notice(one)])
        taken: dict[str, Taken] = {}
        for destination, claim in claims.items():
            one = claim.notification
            card = cards.get((one.case_id, one.destination))
            matter: Matter | None = dossiers.get(one.notification_id)
            if _is_notice(one):
                matter = books.load_notice(one.change_id)
            elif isinstance(matter, Dossier):
                matter = matter._replace(card=card)
            taken[destination] = self._prepare(books, claim, card, matter, now)
        books.outbox.cover_updates([one.claim for one in taken.values() if _covers_updates(one)], now)
        return taken

    def _prepare(
        self, books: Books, claim: Claim, card: Card | None, matter: Matter | None, now: datetime
    ) -> Taken:
        """Find out where a message goes, or why it does not go now."""
        one = claim.notification
        receiver = self._receivers.get(one.receiver)
        if receiver is None:
            self._refuse(books, claim, now)
            return Taken(claim, has_to_be_sent=False)
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
        claim = claim._replace(place=place)
        is_guarded = receiver.traits.is_read_by_people and is_card(claim, card)
        if is_guarded and not self._storms.lets_pass(books, claim, now):
            return Taken(claim, matter, has_to_be_sent=False)
        return Taken(claim, matter)

    def _refuse(self, books: Books, claim: Claim, now: datetime) -> None:
        """Give up what is for a receiver that is not known, or leave it to somebody who knows it."""
        said = {"error_code": "no_receiver", "error": NO_RECEIVER}
        if self._is_alone:
            books.outbox.record_dead(claim, now, **said)
            return
        later, attempts = now + OTHERS_WITHIN, claim.attempt - 1
        books.outbox.record_retry(claim, later, now=now, is_repeat=False, attempts=attempts, **said)


def _find_silence(books: Books, matter: Matter | None, now: datetime) -> Silence | None:
    """Return the silence that has begun since a reminder was made; what has happened is not taken back."""
    if not isinstance(matter, Dossier) or not is_made_by_time(matter):
        return None
    return find_silence(books.load_silences(now), matter.change, matter.account, now)


def _is_notice(notification: Notification) -> bool:
    return notification.purpose is Purpose.NOTICE or notification.topic == NoticeKind.INCIDENT


def _covers_updates(taken: Taken) -> bool:
    """Whether a message stands for the updates of its card that wait."""
    claim = taken.claim
    is_reply = claim.place.form is Form.REPLY
    # What may stand there already shows the state of then: its updates are still needed.
    return taken.has_to_be_sent and not is_reply and (not claim.is_repeat or claim.can_be_repeated)
