"""What Dintero says, as values.

Everything here is frozen. Instants are aware and in UTC; None stands for what Dintero did not say.
Text that somebody outside typed (names, descriptions, links) is kept as it came: whoever shows it cleans it.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

PENDING: Final = "pending"
ENABLED: Final = "enabled"
FAILED: Final = "failed"
DECLINED: Final = "declined"

KNOWN_STATUSES: Final = frozenset({PENDING, ENABLED, FAILED, DECLINED})
TERMINAL_STATUSES: Final = frozenset({ENABLED, FAILED, DECLINED})

SIGNATURE_REQUIRED: Final = "signature_required"
KNOWN_EVENTS: Final = frozenset({SIGNATURE_REQUIRED, *KNOWN_STATUSES})
"""An event that only records a status may bear the status as its name."""

# docs.dintero.com, management API and partner guides, read 2026-08: the names in use there.
KNOWN_CONNECTIONS: Final = frozenset(
    {
        "bambora",
        "bambora-payfac",
        "collector",
        "common",
        "instabank",
        "klarna",
        "payex",
        "seitatech",
        "swish",
        "swish-payfac",
        "two",
        "vipps",
        "vipps-psp",
    }
)


class ConnectionKey(NamedTuple):
    r"""One connection of one account; a tuple, since it is a key everywhere, and so is hashed in C.

    `account_id` is Dintero's (`^[PT]\d{8}$`); `name` is the connection's, with the payment product behind a
    slash where there is one ("vipps", "payex/creditcard").
    """

    account_id: str
    name: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.name}"


@dataclass(frozen=True, slots=True)
class SignatureLink:
    """The address where a merchant signs: whoever holds it can sign, so it never shows itself."""

    url: str

    def __repr__(self) -> str:
        return "SignatureLink(…)"

    __str__ = __repr__


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of a connection's `events[]`.

    `name` is the entry's `event` ("" where it has none), `description` what somebody typed ("" likewise).
    `link` is `metadata.signature_link`; a value that is no text stands there as its JSON.
    """

    event_id: str | None
    status: str | None
    name: str
    created_at: datetime | None
    description: str = field(default="", repr=False)
    link: SignatureLink | None = None

    @property
    def recorded_status(self) -> str | None:
        """The status that it records: its own, else the one that it is named after."""
        return self.status or (self.name if self.name in KNOWN_STATUSES else None)

    @property
    def asks_for_signature(self) -> bool:
        """Whether somebody has something to sign; what records an end may bear the link, but asks nothing."""
        is_about_signing = self.name == SIGNATURE_REQUIRED or self.link is not None
        return is_about_signing and self.recorded_status not in TERMINAL_STATUSES


@dataclass(frozen=True, slots=True)
class Signup:
    """One application for a connection: `signup`, or an element of `signups[]` or `direct_signups[]`."""

    signup_id: str | None
    created_at: datetime | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConnectionSnapshot:
    """A connection as one answer showed it; `signups` and `events` in the order of the answer."""

    key: ConnectionKey
    status: str | None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    signups: tuple[Signup, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def signup(self) -> Signup | None:
        """The current application: the newest by `created_at`, the last of those that have none."""
        if not self.signups:
            return None
        dated = [(signup.created_at, signup) for signup in self.signups if signup.created_at is not None]
        if not dated:
            return self.signups[-1]
        return max(dated, key=lambda pair: pair[0])[1]


@dataclass(frozen=True, slots=True)
class Account:
    """Whose connections these are. `merchant` is "" until an answer named it.

    `is_live` is `livemode` where the answer has it, else what the account id says (`P` production, `T` test).
    """

    account_id: str
    merchant: str = ""
    is_live: bool = True


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """What one answer showed of one account.

    `is_complete` is True when every connection that the account has is among `connections`: only then does
    the absence of one mean anything. `problems` names, one sentence each, the parts that could not be read;
    `unreadable` are the connections among them, which are there but are not in `connections`.
    """

    account: Account
    connections: tuple[ConnectionSnapshot, ...]
    is_complete: bool
    problems: tuple[str, ...] = ()
    unreadable: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        """Whether the answer was about the whole account, even if a part of it could not be read."""
        return self.is_complete or bool(self.unreadable)
