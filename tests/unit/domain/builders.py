"""Short ways to say what Dintero showed and what the store remembers; minutes count from `NOW`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from notifier.domain.change import Change, Reason
from notifier.domain.compose import Dossier, House, compose
from notifier.domain.detect import detect_connection
from notifier.domain.first_run import FirstRun
from notifier.domain.message import Message
from notifier.domain.model import (
    PENDING,
    SIGNATURE_REQUIRED,
    Account,
    AccountSnapshot,
    ConnectionKey,
    ConnectionSnapshot,
    Event,
    SignatureLink,
    Signup,
)
from notifier.domain.state import Case, ConnectionState

NOW: Final = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
KEY: Final = ConnectionKey("P12345678", "vipps")
LIVE: Final = Account("P12345678", "Fjordbris Sport AS")
TEST: Final = Account("T12345678", "Fjordbris Test AS", is_live=False)
LINK: Final = "https://sign.vipps.example/s/1"
SOURCE: Final = "dintero"


def minute(number: float) -> datetime:
    """Return the instant `number` minutes after NOW."""
    return NOW + timedelta(minutes=number)


def make_event(
    event_id: str | None = "e1",
    status: str | None = PENDING,
    name: str = "",
    at: float | None = 0,
    link: str | None = None,
    description: str = "",
) -> Event:
    """Return an event that was created at minute `at`."""
    return Event(
        event_id=event_id,
        status=status,
        name=name,
        created_at=None if at is None else minute(at),
        description=description,
        link=None if link is None else SignatureLink(link),
    )


def make_request(event_id: str | None = "e1", at: float | None = 0, link: str | None = LINK) -> Event:
    """Return an event that asks for a signature."""
    return make_event(event_id, PENDING, SIGNATURE_REQUIRED, at, link, "Vipps awaiting signature")


def make_signup(signup_id: str | None = "S1", at: float | None = -60, expires: float | None = None) -> Signup:
    """Return a signup that began at minute `at` and ends at minute `expires`."""
    return Signup(
        signup_id,
        created_at=None if at is None else minute(at),
        expires_at=None if expires is None else minute(expires),
    )


def show(
    status: str | None,
    *events: Event,
    signups: Iterable[Signup] = (make_signup(),),
    updated: float | None = None,
    key: ConnectionKey = KEY,
) -> ConnectionSnapshot:
    """Return the connection as an answer shows it, by default in the signup S1."""
    return ConnectionSnapshot(
        key=key,
        status=status,
        updated_at=None if updated is None else minute(updated),
        signups=tuple(signups),
        events=events,
    )


def show_bare(status: str | None, *events: Event, updated: float | None = None) -> ConnectionSnapshot:
    """Return a connection of a kind that has no signup ids."""
    return show(status, *events, signups=(), updated=updated)


def show_account(
    *connections: ConnectionSnapshot,
    account: Account = LIVE,
    is_complete: bool = True,
    unreadable: Iterable[str] = (),
) -> AccountSnapshot:
    """Return an account as an answer shows it."""
    return AccountSnapshot(account, connections, is_complete, unreadable=frozenset(unreadable))


@dataclass(frozen=True, slots=True)
class Played:
    """What came of some snapshots: the state at the end, and each snapshot's changes."""

    state: ConnectionState
    steps: tuple[tuple[Change, ...], ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        """All changes in their order."""
        return tuple(change for step in self.steps for change in step)

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """Topic and status of what was told, in its order."""
        return tell(self.changes)

    @property
    def told_last(self) -> list[tuple[str, str | None]]:
        """Topic and status of what the last snapshot told."""
        return tell(self.steps[-1])

    @property
    def case(self) -> Case:
        """The present case."""
        assert self.state.case is not None
        return self.state.case


def tell(changes: Iterable[Change]) -> list[tuple[str, str | None]]:
    """Return topic and status of the changes that are told."""
    return [(str(change.topic), change.status) for change in changes if change.is_told]


def reasons(changes: Iterable[Change]) -> list[Reason]:
    """Return the reasons of all changes, told or not."""
    return [change.reason for change in changes]


def play(
    *snapshots: ConnectionSnapshot,
    state: ConnectionState | None = None,
    policy: FirstRun | None = None,
    start: float = 0,
) -> Played:
    """Show snapshots one after the other, a minute apart; everything about the connection is news.

    `policy` decides about the first one; `start` is the minute at which it is read.
    """
    steps: list[tuple[Change, ...]] = []
    for number, snapshot in enumerate(snapshots):
        state, changes = detect_connection(state, snapshot, SOURCE, policy, minute(start + number))
        steps.append(changes)
    assert state is not None
    return Played(state, tuple(steps))


def write(
    played: Played,
    change: Change,
    *,
    account: Account = LIVE,
    house: House | None = None,
    now: datetime = NOW,
) -> Message:
    """Compose the message for a change as things stand at the end of what was played."""
    return compose("n1", Dossier(change, account, played.state), house or House(), now)
