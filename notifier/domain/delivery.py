"""What a delivery is made of: who is told what, and what the receiver answered."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Notification:
    """One change for one receiver: a row of the outbox.

    `notification_id` is made from the change and the destination, so a destination never gets a change twice.
    `destination` is where the receiver's messages end up (one lane, one pace), without any secret in it.
    """

    notification_id: str
    change_id: str
    case_id: str
    receiver: str
    destination: str
    topic: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A notification that one dispatcher has taken to send now; `attempt` counts from 1.

    `is_repeat` is True when an earlier attempt's outcome is unknown: then `doubt_since` is when the first
    such attempt was made, by the receiver's clock, and `doubt_ends_at` is when a message that does not stand
    there by then counts as not sent, by ours (unless it was set since). `is_plain` is True when the message's
    form was refused and it goes as plain text.
    """

    notification: Notification
    attempt: int
    created_at: datetime
    is_repeat: bool = False
    is_plain: bool = False
    doubt_since: datetime | None = None
    doubt_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receiver's word that it has the message.

    `channel` and `message_ref` (Slack's `ts`) say where it stands; both "" where the receiver does not say.
    """

    channel: str = ""
    message_ref: str = ""


class Level(StrEnum):
    """How a finding is to be read."""

    OK = "ok"
    WARNING = "warning"
    """It works; somebody should know."""
    PROBLEM = "problem"
    """It does not work; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `notifier check`."""

    level: Level
    subject: str
    sentence: str
