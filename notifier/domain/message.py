"""A message before any receiver has given it a form.

`compose` makes it from the current state; a receiver turns it into blocks, text or JSON. What came from
outside (`Outside`) is kept apart from our own words, so that no receiver can interpret it by mistake.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

Outside = NewType("Outside", str)
"""Text that somebody outside typed: never to be interpreted as markup, and to be cut to a bound."""


class Mood(StrEnum):
    """How a message looks at a glance."""

    ACTION = "action"
    """Somebody has to do something."""
    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"


class Severity(StrEnum):
    """How much a message matters to whoever is on call; the words are PagerDuty's and Alertmanager's."""

    CRITICAL = "critical"
    """The notifier is blind: nobody is told of anything."""
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Link:
    """An address that was found fit to be opened by a click, and the words it stands under."""

    url: str = field(repr=False)
    label: str


@dataclass(frozen=True, slots=True)
class RefusedLink:
    """An address that must not be clickable, to be shown as code with the reason (our words)."""

    text: Outside = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant with the words before it: ("Asked for", 2026-11-22T10:00Z)."""

    label: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """A short word of ours and a text from outside that goes with it: ("Dintero says", …)."""

    label: str
    value: Outside


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a signup's time line: our words, whether it has been taken, and when."""

    label: str
    is_done: bool
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a digest: whose it is, our words about it, what to open, and until when."""

    label: str
    value: Outside = Outside("")
    action: Link | None = None
    until: datetime | None = None


class Message(NamedTuple):
    """One message, in the order in which it is read.

    Each is made anew a few times while it is composed, so it is a tuple: a frozen dataclass of so many fields
    takes ten times as long to make.

    What happened (`headline`, our words; `headline_value` is an outside value that ends it, such as an
    unknown status), to whom (`merchant`, `account_id`, `connection`, `is_test`), what to do (`action` or
    `advice`), since when and until when (`moments`), what else Dintero says (`facts`), and where to look
    (`backoffice`). `event_id` is the event's id at Dintero, "" where there is none. `wants_mention` says
    whether the receiver's mention belongs in it; `mentions` are further ones, in Slack's form. `cause` is the
    id at Dintero of the event that made it leave: on a card, `event_id` moves on.

    `case_id` names the matter: a signup, or a trouble of the notifier's own; `status` is the connection's,
    `severity` how much it matters, and `is_over` whether nothing is to be done about the matter any more.
    `mark` ("Update", "Reminder") tells a later message of a matter from its first one, where the receiver
    has no threads. `steps` are a card's time line, `note` is a line from the settings, `lines` are those of
    a digest. Where the settings have texts of their own, `headline` and `note` may hold values from outside:
    receivers treat both like any text from outside.

    `stage` is where a card's case stands, "" where the message is no card; `opened_at` and `expires_at` are
    when the application was made and when it ends, None where that is not known.
    """

    notification_id: str
    topic: str
    mood: Mood
    headline: str
    account_id: str
    connection: Outside
    is_test: bool
    headline_value: Outside = Outside("")
    merchant: Outside = Outside("")
    advice: str = ""
    action: Link | RefusedLink | None = None
    moments: tuple[Moment, ...] = ()
    facts: tuple[Fact, ...] = ()
    backoffice: Link | None = None
    event_id: Outside = Outside("")
    case_id: str = ""
    wants_mention: bool = False
    mentions: tuple[str, ...] = ()
    cause: Outside = Outside("")
    status: Outside = Outside("")
    severity: Severity = Severity.INFO
    is_over: bool = False
    mark: str = ""
    steps: tuple[Step, ...] = ()
    note: str = ""
    lines: tuple[Line, ...] = ()
    stage: str = ""
    opened_at: datetime | None = None
    expires_at: datetime | None = None
