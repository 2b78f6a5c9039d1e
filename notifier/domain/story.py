"""The story of one event, case, change or message, as values: what was seen, decided, kept back and sent.

No signature link is ever in it, only whether there was one; nor what somebody typed about an event.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar


class Kind(StrEnum):
    """What a story is about."""

    EVENT = "event"
    CASE = "case"
    CHANGE = "change"
    MESSAGE = "message"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that there is a story of; `key` is its name in the store, `whose` a connection or ""."""

    kind: Kind
    key: str
    whose: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.key}{f' of {self.whose}' if self.whose else ''}"


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event of Dintero's; `has_link` says whether it bore a signature link, `link_version` which one."""

    event_key: str
    event_id: str | None
    name: str
    status: str | None
    created_at: datetime | None
    seen_at: datetime
    has_link: bool
    link_version: int


@dataclass(frozen=True, slots=True)
class KeptCase:
    """A case, and who it is of; `status` is the connection's present one."""

    case_id: str
    account_id: str
    connection: str
    merchant: str
    source: str
    status: str | None
    is_present: bool
    signup_id: str | None
    opened_at: datetime
    signup_created_at: datetime | None
    expires_at: datetime | None
    asked_at: datetime | None
    end: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a message stands, and whose it is."""

    receiver: str
    channel: str
    message_ref: str


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt to deliver a message, with the answer."""

    at: datetime
    outcome: str
    error_code: str
    error: str


@dataclass(frozen=True, slots=True)
class Told:
    """A row of the outbox.

    `covered_by` is what stands for it or keeps it back: a message (then `covering` names it and where it
    stands), or a silence or an interval. `permalink` is Slack's address of it, where that was asked for.
    """

    notification_id: str
    change_id: str
    case_id: str
    receiver: str
    topic: str
    purpose: str
    form: str
    rule: str
    state: str
    created_at: datetime
    next_attempt_at: datetime
    settled_at: datetime | None
    channel: str
    message_ref: str
    covered_by: str
    error: str
    covering: str = ""
    tries: tuple[Try, ...] = ()
    permalink: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A change: what detection decided about it and why, what planning made of it, and who was told."""

    change_id: str
    topic: str
    account_id: str
    connection: str
    case_id: str
    event_key: str | None
    status: str | None
    at: datetime | None
    seen_at: datetime
    poll: str
    is_told: bool
    reason: str
    outcome: str
    detail: str
    messages: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Follower:
    """A receiver that follows the case, and where its card stands."""

    receiver: str
    rule: str
    opened_at: datetime
    posted_at: datetime | None
    channel: str
    message_ref: str
    reminders: int
    next_at: datetime | None
    permalink: str = ""


_Standing = TypeVar("_Standing", Told, Follower)


@dataclass(frozen=True, slots=True)
class KeptNotice:
    """What is told that is no change: `stands_for` counts the messages that it covers."""

    notice_id: str
    kind: str
    subject: str
    at: datetime
    stands_for: int


@dataclass(frozen=True, slots=True)
class Story:
    """Everything that is kept about a subject; `loose` are messages whose change is not kept any more."""

    subject: Subject
    case: KeptCase | None = None
    events: tuple[KeptEvent, ...] = ()
    decisions: tuple[Decision, ...] = ()
    followers: tuple[Follower, ...] = ()
    notice: KeptNotice | None = None
    loose: tuple[Told, ...] = ()

    def list_messages(self) -> tuple[Told, ...]:
        """Return all messages of the story."""
        return (*(one for decision in self.decisions for one in decision.messages), *self.loose)

    def list_places(self) -> tuple[Standing, ...]:
        """Return where messages stand, each place once, the newest message first; then where cards do."""
        newest = sorted(self.list_messages(), key=lambda one: one.created_at, reverse=True)
        places = [Standing(one.receiver, one.channel, one.message_ref) for one in newest]
        places += [Standing(one.receiver, one.channel, one.message_ref) for one in self.followers]
        return tuple(dict.fromkeys(one for one in places if one.channel and one.message_ref))

    def add_permalinks(self, links: Mapping[Standing, str]) -> "Story":
        """Return the story with the addresses of its messages."""
        return replace(
            self,
            decisions=tuple(replace(one, messages=_link(one.messages, links)) for one in self.decisions),
            followers=_link(self.followers, links),
            loose=_link(self.loose, links),
        )


def _link(every: Sequence[_Standing], links: Mapping[Standing, str]) -> tuple[_Standing, ...]:
    return tuple(_link_one(one, links) for one in every)


def _link_one(one: _Standing, links: Mapping[Standing, str]) -> _Standing:
    place = Standing(one.receiver, one.channel, one.message_ref)
    return replace(one, permalink=links.get(place, ""))
