"""The card of a case at one destination: where it stands, and how far its reminders are."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, TypeAlias

from notifier.domain.delivery import BY_ITSELF, Claim, Form, Notification, Place, Purpose, Traits


class Card(NamedTuple):
    """What a destination has of a case; a tuple, since every message reads one.

    It is there from the moment at which somebody is to be told: so the receivers of a case are fixed when it
    opens. `channel` and `message_ref` name the message, "" while none stands (it is still to be sent, or the
    case was told in a digest); `posted_at` is when the destination got its first word of the case. With
    `is_fixed` the message was lost once and posted anew: it is not posted a third time. `receiver` is ""
    where the card was left behind by a receiver that has moved: another card of the case is there for it.

    `armed_at` is when the present wait for a signature began, None while nobody waits; `reminders` and
    `escalations` count those that were due since. `warned_at` is when it was said that the signup expires
    soon. `next_at` is when there is something to be said again.

    What is said once is remembered here, because messages are forgotten: `warned_for` and `ended_for` are the
    ends of the signup that were announced and told, `stale_for` is the last sign of life after which nothing
    was heard for long. With `is_escalated` an escalation has opened it: whoever has it hears what becomes of
    the case, and is not reminded once more.
    """

    case_id: str
    destination: str
    receiver: str
    rule: str
    opened_at: datetime
    channel: str = ""
    message_ref: str = ""
    posted_at: datetime | None = None
    is_fixed: bool = False
    armed_at: datetime | None = None
    reminders: int = 0
    escalations: int = 0
    warned_at: datetime | None = None
    next_at: datetime | None = None
    warned_for: datetime | None = None
    ended_for: datetime | None = None
    stale_for: datetime | None = None
    is_escalated: bool = False

    @property
    def stands(self) -> bool:
        """Whether there is a message that can be updated and replied to."""
        return self.message_ref != ""


Followers: TypeAlias = Mapping[str, Iterable[Card]]
"""The cards of some cases, by case."""


def find_place(
    notification: Notification, card: Card | None, traits: Traits, *, is_broadcast: bool
) -> Place | None:
    """Return where a notification goes; None for an update of a card that does not stand.

    A card that cannot be updated or replied to any more (`is_fixed` without a message) is posted anew.
    """
    stands = card is not None and card.stands and traits.has_threads
    is_update = notification.purpose is Purpose.UPDATE
    if card is not None and stands:
        form = Form.UPDATE if is_update else Form.REPLY
        return Place(form, card.channel, card.message_ref, is_broadcast and form is Form.REPLY)
    if is_update and traits.has_threads and not (card is not None and card.is_fixed):
        return None
    return BY_ITSELF


def is_card(claim: Claim, card: Card | None) -> bool:
    """Whether a claim is for a message of its own about a case, and was never tried before."""
    is_tell = claim.notification.purpose is Purpose.TELL and claim.place.form is Form.MESSAGE
    return is_tell and not claim.is_repeat and card is not None
