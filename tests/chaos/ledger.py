"""What should stand in Slack by what Dintero recorded, what does stand there, and how the two differ.

Nothing here asks the program or its store: a message is known by the channel it stands in, and by the
account, the connection and the id of Dintero's event in its metadata.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from notifier.sandbox import Message, RecordedEvent, SandboxDintero, SandboxSlack

CHANNELS: Final = ("sales", "oncall")


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """What one message is known by.

    `about` is "event" for an event with an id, otherwise the message's topic, and then `event_id` may be "".
    """

    channel: str
    account_id: str
    connection: str
    about: str
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that has to be told: when it was recorded, of whom, with which status, in which signup."""

    at: datetime
    account_id: str
    connection: str
    about: str
    event_id: str
    status: str
    case: str


@dataclass(frozen=True, slots=True)
class Due:
    """A message that has to stand there: when its cause was recorded, and in which signup."""

    at: datetime
    mark: Mark
    case: str


@dataclass
class Comparison:
    """How what stands in Slack differs from what should; all four are empty when the promise was kept."""

    lost: list[Mark] = field(default_factory=list)
    doubled: list[Mark] = field(default_factory=list)
    invented: list[Mark] = field(default_factory=list)
    disordered: list[Mark] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.doubled or self.invented or self.disordered)


@dataclass
class Ledger:
    """What was done that Dintero's own truth does not hold: links, withdrawals, statuses without an event."""

    dintero: SandboxDintero
    others: list[Cause] = field(default_factory=list)
    resting: list[tuple[str, str]] = field(default_factory=list)
    """Accounts and connections about which nothing more will happen by itself."""

    def note(
        self, account_id: str, connection: str, about: str, event_id: str = "", status: str = ""
    ) -> None:
        """Note something that has to be told and is no event of its own, now."""
        case = self.dintero.record(account_id).signup_ids.get(connection, "")
        at = datetime.now().astimezone()
        self.others.append(Cause(at, account_id, connection, about, event_id, status, case))

    def list_due(self) -> list[Due]:
        """Return every message that should stand in Slack, in the order of what caused them.

        Whoever was told of a signup once is told of it to its end.
        """
        causes = [*map(_read_event, self.dintero.truth()), *self.others]
        told: dict[tuple[str, str, str], dict[str, None]] = {}
        due: list[Due] = []
        for one in sorted(causes, key=lambda cause: cause.at):
            channels = told.setdefault((one.account_id, one.connection, one.case), {})
            channels |= dict.fromkeys(_channels_for(one.status))
            due += [
                Due(one.at, Mark(channel, one.account_id, one.connection, one.about, one.event_id), one.case)
                for channel in channels
            ]
        return due

    def list_due_for(self, account_id: str, connection: str) -> list[Mark]:
        """Return what should stand in Slack about one connection."""
        place = account_id, connection
        return [due.mark for due in self.list_due() if (due.mark.account_id, due.mark.connection) == place]


class Board:
    """What stands in Slack, read as it grows."""

    def __init__(self, slack: SandboxSlack) -> None:
        self._slack = slack
        self._read: Counter[str] = Counter()
        self._version = -1
        self.marks: dict[str, list[Mark]] = {name: [] for name in CHANNELS}
        self.counts: Counter[Mark] = Counter()
        self.notices: Counter[Mark] = Counter()
        """What the notifier says of itself: Dintero's truth holds none of it, and each stands once."""

    def read(self) -> Counter[Mark]:
        """Return how often each message stands there."""
        if self._version == self._slack.version:
            return self.counts
        self._version = self._slack.version
        for name, marks in self.marks.items():
            messages = self._slack.messages(name)
            for message in messages[self._read[name] :]:
                mark = _read_mark(name, message)
                if not mark.account_id:
                    self.notices[_read_notice(name, message)] += 1
                    continue
                marks.append(mark)
                self.counts[mark] += 1
            self._read[name] = len(messages)
        return self.counts


def compare(due: Iterable[Due], board: Board) -> Comparison:
    """Hold what should stand in Slack against what does."""
    expected = list(due)
    wanted = Counter(one.mark for one in expected)
    found = board.read()
    return Comparison(
        lost=sorted((wanted - found).elements()),
        doubled=sorted(
            [mark for mark in (found - wanted).elements() if mark in wanted]
            + [mark for mark, count in board.notices.items() if count > 1]
        ),
        invented=sorted(mark for mark in (found - wanted).elements() if mark not in wanted),
        disordered=list(_find_disorder(expected, board)),
    )


def _find_disorder(expected: list[Due], board: Board) -> Iterator[Mark]:
    """Yield the messages that stand before one of the same signup that was recorded earlier."""
    # Of two that look the same (a link that was replaced twice) the first place counts.
    places = {due.mark: (due.case, place) for place, due in reversed(list(enumerate(expected)))}
    for marks in board.marks.values():
        last: dict[tuple[str, str, str], int] = {}
        for mark in dict.fromkeys(marks):
            if mark not in places:
                continue
            case, place = places[mark]
            key = mark.account_id, mark.connection, case
            if place < last.get(key, -1):
                yield mark
            last[key] = max(place, last.get(key, -1))


def _read_event(event: RecordedEvent) -> Cause:
    return Cause(
        at=event.created_at,
        account_id=event.account_id,
        connection=event.connection,
        about="event" if event.event_id else event.event or event.status,
        event_id=event.event_id or "",
        status=event.status,
        case=event.signup_id or "",
    )


def _channels_for(status: str) -> tuple[str, ...]:
    """Return where the default routes send what has this status."""
    return CHANNELS if status in {"failed", "declined"} else ("sales",)


def _read_mark(channel: str, message: Message) -> Mark:
    """Return what a message was posted for: of a card that has moved on, only the metadata still say so."""
    payload: dict[str, Any] = (message.metadata or {}).get("event_payload", {})
    event_id, topic = str(payload.get("event_id", "")), str(payload.get("topic", ""))
    about = "event" if event_id and topic != "link_replaced" else topic
    account_id, connection = str(payload.get("account_id", "")), str(payload.get("connection", ""))
    return Mark(channel, account_id, connection, about, event_id)


def _read_notice(channel: str, message: Message) -> Mark:
    """Return what a word of the notifier about itself is known by: its own name."""
    payload: dict[str, Any] = (message.metadata or {}).get("event_payload", {})
    return Mark(channel, "", "", str(payload.get("topic", "")), str(payload.get("notification_id", "")))
