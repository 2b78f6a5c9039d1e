"""What a delivery is made of: who is told what, and what the receiver answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple


class WhenUnsure(StrEnum):
    """What to do after an unclear answer of a receiver that cannot be asked."""

    RESEND = "resend"
    """Send the message again: it may stand twice."""
    HOLD = "hold"
    """Leave it to somebody: `notifier outbox` shows it."""


class DeliveryState(StrEnum):
    """Where a row of the outbox stands."""

    DUE = "due"
    """To be sent at `next_attempt_at`."""
    SENDING = "sending"
    """A request may be on its way: what becomes of it is not known."""
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up: `notifier outbox retry` or `drop` decides."""
    HELD = "held"
    """May have arrived, and nobody can be asked: `notifier outbox retry` or `drop` decides."""
    DROPPED = "dropped"
    """Somebody decided that it is not to be sent."""
    MUTED = "muted"
    """Kept back by a silence or a time interval: what is true when that ends is told then."""
    COVERED = "covered"
    """Told by another message: a digest, a newer state of the card, or the word after a silence."""


class AttemptOutcome(StrEnum):
    """What an attempt came to; it stands beside its message in the store."""

    DELIVERED = "delivered"
    FOUND = "found"
    """An earlier attempt had put the message there."""
    NOT_FOUND = "not_found"
    """It was looked for, and does not stand there yet."""
    RETRY = "retry"
    """It failed, and is made again."""
    DEAD = "dead"
    HELD = "held"
    COVERED = "covered"
    """Nothing was sent, or nothing more: another message says it, or nobody needs it any more."""


class Purpose(StrEnum):
    """What a row of the outbox is for."""

    TELL = "tell"
    """To tell a change: the first of a case becomes its card, the others replies in its thread."""
    UPDATE = "update"
    """To bring a card up to date; the newest state stands for all before it."""
    NOTICE = "notice"
    """To tell what is no change of a connection: of the notifier itself, of silences, a digest."""


class Form(StrEnum):
    """How a message stands at a receiver."""

    MESSAGE = "message"
    """By itself: the card of a case, and whatever goes to a receiver without threads."""
    REPLY = "reply"
    """In the thread of a message."""
    UPDATE = "update"
    """In the place of a message."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: `channel` and `root` (Slack's `ts`) name the message it belongs to.

    With `is_broadcast` a reply is shown in the channel as well.
    """

    form: Form = Form.MESSAGE
    channel: str = ""
    root: str = ""
    is_broadcast: bool = False


BY_ITSELF: Final = Place()


@dataclass(frozen=True, slots=True)
class Traits:
    """What a receiver can do.

    `has_threads`: messages can be updated, and replied to in a thread. `is_read_by_people`: many messages at
    once are better one digest; a machine wants each of them.
    """

    has_threads: bool = False
    is_read_by_people: bool = True


@dataclass(frozen=True, slots=True)
class Notification:
    """One change for one receiver: a row of the outbox.

    `notification_id` is made from the change and the destination, so a destination never gets a change twice.
    `destination` is where the receiver's messages end up (one lane, one pace), without any secret in it.
    `change_id` is the change's, or the notice's. `rule` is the route that decided, for `notifier explain`;
    `muted_by` is what keeps it back, "" where it may be sent.
    """

    notification_id: str
    change_id: str
    case_id: str
    receiver: str
    destination: str
    topic: str
    purpose: Purpose = Purpose.TELL
    rule: str = ""
    muted_by: str = ""


class Claim(NamedTuple):
    """A notification that one dispatcher has taken to send now; `attempt` counts from 1.

    It is a tuple, since one is made twice for every message: a frozen dataclass takes several times as long.

    `is_repeat` is True when an earlier attempt's outcome is unknown: then `doubt_since` is when the first
    such attempt was made, by the receiver's clock, and `doubt_ends_at` is when a message that does not stand
    there by then counts as not sent, by ours (unless it was set since). `is_plain` is True when the message's
    form was refused and it goes as plain text. `place` is where it goes.
    """

    notification: Notification
    attempt: int
    created_at: datetime
    is_repeat: bool = False
    is_plain: bool = False
    doubt_since: datetime | None = None
    doubt_ends_at: datetime | None = None
    place: Place = BY_ITSELF

    @property
    def can_be_repeated(self) -> bool:
        """Whether sending it twice changes nothing: the same update can be made any number of times."""
        return self.place.form is Form.UPDATE


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receiver's word that it has the message.

    `channel` and `message_ref` (Slack's `ts`) say where it stands; both "" where the receiver does not say.
    """

    channel: str = ""
    message_ref: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A claim whose message its receiver has; with `is_adopted` an earlier attempt had put it there."""

    claim: Claim
    receipt: Receipt
    at: datetime
    is_adopted: bool = False


class Level(StrEnum):
    """How a finding is to be read."""

    OK = "ok"
    WARNING = "warning"
    """It works; somebody should know."""
    PROBLEM = "problem"
    """It does not work; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `notifier check`; `place` is where messages go, where the receiver has seen that."""

    level: Level
    subject: str
    sentence: str
    place: str = ""
