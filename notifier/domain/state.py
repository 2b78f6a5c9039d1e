"""What the store remembers of a connection: the state that detection starts from and leaves behind."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from notifier.domain.model import Account, ConnectionKey, SignatureLink


class CaseEnd(StrEnum):
    """Why a case is over, other than by its status."""

    SUPERSEDED = "superseded"
    """A newer signup has taken its place."""
    WITHDRAWN = "withdrawn"
    """The connection is gone at Dintero."""
    UNWATCHED = "unwatched"
    """Nobody watches the account any more."""


@dataclass(frozen=True, slots=True)
class Case:
    """One signup of one connection: what a salesperson follows from the application to its end.

    `ordinal` counts the cases of a connection from 1. `asked_at` is when a signature was first asked for,
    None while it was not. `end` is None while the case is the connection's present one.
    """

    case_id: str
    key: ConnectionKey
    ordinal: int
    opened_at: datetime
    signup_id: str | None = None
    signup_created_at: datetime | None = None
    expires_at: datetime | None = None
    asked_at: datetime | None = None
    end: CaseEnd | None = None


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event that was seen before.

    `event_key` is this product's own name for it and never changes; `digest` finds it again where Dintero
    gives no id; `link_version` counts the links it has had, 0 for none. `link` is None also where the link is
    known by its `link_digest` alone: it was erased, or cannot be decrypted.
    """

    event_key: str
    case_id: str
    event_id: str | None
    digest: str
    status: str | None
    name: str
    created_at: datetime | None
    seen_at: datetime
    description: str = field(default="", repr=False)
    link: SignatureLink | None = None
    link_digest: str = ""
    link_version: int = 0

    @property
    def has_link(self) -> bool:
        """Whether Dintero gave it a link, be that kept or not."""
        return self.link_digest != ""


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """A connection as the last change left it.

    `status` is None for one that was looked for and was not there. `transitions` counts the changes that have
    no event of their own, so that each has its own identity. `bare` are statuses that were told before an
    event came for them, each behind the ordinal of its case ("2 failed"); `ahead` is the status of the newest
    event of the present case where it was told before the connection took it.
    """

    key: ConnectionKey
    source: str
    first_seen_at: datetime
    status: str | None = None
    updated_at: datetime | None = None
    case: Case | None = None
    earlier_cases: tuple[Case, ...] = ()
    events: tuple[KnownEvent, ...] = ()
    bare: tuple[str, ...] = ()
    ahead: str | None = None
    transitions: int = 0
    gone_at: datetime | None = None
    unwatched_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as the store knows it, with all its connections by name.

    `first_read_at` is when a complete answer first showed it, None while only single connections were read:
    a connection that appears later is new, not merely unseen.
    """

    account: Account
    source: str
    first_seen_at: datetime
    first_read_at: datetime | None = None
    is_arrival: bool = False
    """It appeared under a partner whose accounts were all known: everything about it is news."""
    unwatched_at: datetime | None = None
    connections: dict[str, ConnectionState] = field(default_factory=dict)
