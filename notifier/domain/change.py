"""What detection finds: changes, each with the decision taken and the reason for it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from notifier.domain.model import ConnectionKey

ESCALATED: Final = "escalated"
"""The detail of a reminder that is for more than the thread begins so; "mention" and mentions follow."""


class Topic(StrEnum):
    """What a change is about, where Dintero has no event name for it.

    Routes match it by the same field as Dintero's own event names (`events = [...]`).
    """

    APPLIED = "applied"
    """An application that asks nothing of anybody yet."""
    STATUS_CHANGED = "status_changed"
    """The connection's status is another one."""
    LINK_REPLACED = "link_replaced"
    """The same event, another signature link."""
    WITHDRAWN = "withdrawn"
    """The connection is gone at Dintero."""
    RETURNED = "returned"
    """It is there again, with the same signup."""
    UNWATCHED = "unwatched"
    """The account is no longer watched."""
    REMINDER = "reminder"
    """A signature was asked for, and is still missing."""
    EXPIRES_SOON = "expires_soon"
    """A signup that waits for a signature ends before long."""
    EXPIRED = "expired"
    """It has ended without one."""
    STALE = "stale"
    """A pending connection about which Dintero has said nothing for long."""
    UNKNOWN_VALUE = "unknown_value"
    """Dintero used a status, event or connection name that this version does not know."""


class Reason(StrEnum):
    """Why a change is told, or only recorded. `notifier explain` and the tests speak these words."""

    NEW_EVENT = "new_event"
    STATUS_WITHOUT_EVENT = "status_without_event"
    NEW_APPLICATION = "new_application"
    LINK_CHANGED = "link_changed"
    NEW_VALUE = "new_value"
    GONE = "gone"
    CAME_BACK = "came_back"
    NO_LONGER_WATCHED = "no_longer_watched"
    STILL_UNSIGNED = "still_unsigned"
    ENDS_SOON = "ends_soon"
    HAS_ENDED = "has_ended"
    NO_NEWS = "no_news"
    FIRST_SEEN_OPEN = "first_seen_open"
    FIRST_SEEN_RECENT = "first_seen_recent"
    FIRST_SEEN_ALL = "first_seen_all"
    FIRST_SEEN_SETTLED = "first_seen_settled"
    """Nobody can act on it any more, so the first run records it silently."""
    FIRST_SEEN_NONE = "first_seen_none"
    TOLD_BY_EVENT = "told_by_event"
    """The status is the one that an event has told."""
    TOLD_BY_STATUS = "told_by_status"
    """The event is the one that a change of status has told."""
    LINK_OF_NO_USE = "link_of_no_use"
    """The link belongs to a case that is over."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different at Dintero.

    `change_id` is made from what changed, so that the same change has the same id in every process.
    `topic` is Dintero's event name, or a `Topic`. `status` is the one that the change is about. `at` is when
    Dintero says it happened, None where it does not. `detail` is a short word to go with it (the earlier
    status, the unknown value).
    """

    change_id: str
    topic: str
    key: ConnectionKey
    case_id: str
    status: str | None
    seen_at: datetime
    reason: Reason
    is_told: bool
    at: datetime | None = None
    event_key: str | None = None
    detail: str = ""
