"""What the sandbox's Dintero remembers of everything that ever happened in it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Signup:
    """An application of a merchant: `id`, `url`, and when it was made and ends (aware UTC)."""

    id: str
    url: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """An event as it was recorded.

    Attributes:
        account_id: such as `P12345678`.
        connection: name; a product of `payex` is `payex/creditcard`.
        event_id: None where the event carries none.
        status: the event's status.
        event: the event's name, or None.
        created_at: the event's own time.
        link: its `signature_link` when recorded, whatever its type; None if absent.
        signup_id: the newest signup of the connection then, or None.
    """

    account_id: str
    connection: str
    event_id: str | None
    status: str
    event: str | None
    created_at: datetime
    link: object
    signup_id: str | None


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A status that a connection took, with or without an event that says so."""

    account_id: str
    connection: str
    status: str
    changed_at: datetime
    has_event: bool
