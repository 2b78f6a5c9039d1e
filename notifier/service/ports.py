"""What the service needs of the outside: sources, a store, receivers and a clock."""

from asyncio import TimerHandle
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from notifier.domain.blindness import TroubleKind
from notifier.domain.cards import Card
from notifier.domain.compose import Dossier
from notifier.domain.delivery import BY_ITSELF, Finding, Notification, Place, Receipt, Traits, WhenUnsure
from notifier.domain.keeping import LinkSweep
from notifier.domain.message import Message
from notifier.domain.model import Account, AccountSnapshot, ConnectionKey
from notifier.domain.notices import NoticeFile
from notifier.domain.plan import Planned
from notifier.domain.silences import Silence
from notifier.domain.state import AccountState, Case, ConnectionState
from notifier.domain.summary import Week
from notifier.domain.watch import (
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Reading,
    Sighting,
    Target,
    Tempo,
)
from notifier.service.ledgers import Cards, Digests, Errands, Notices, Outbox, Shards, Troubles

_T = TypeVar("_T")


class Clock(Protocol):
    """The time, and waiting for it."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC. It may jump, in both directions."""

    def monotonic(self) -> float:
        """Return seconds that never go back."""

    def call_later(self, seconds: float, callback: Callable[[], None]) -> TimerHandle:
        """Call something in the running loop when so many seconds have passed."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class Source(Protocol):
    """A Dintero, read with one set of credentials. Every method raises SourceError and nothing else."""

    @property
    def name(self) -> str:
        """Its name in the settings (`[sources.<name>]`; "dintero" for the short form)."""

    @property
    def tempo(self) -> Tempo:
        """How much less often than usual it wants to be asked."""

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Read one connection or one account; None when the answer is the one in `seen`.

        A ConnectionTarget gives a snapshot with one connection and `is_complete=False`. Raises
        SourceNotFound when the account, or the connection, is not there.
        """

    def walk(self, target: PartnerTarget, seen: Mapping[str, bytes]) -> AsyncIterator[tuple[Sighting, ...]]:
        """Walk all accounts of a partner, a page at a time, to the end or to the first SourceError.

        `seen` maps account ids to the digests of accounts whose content need not be decoded again.
        """

    def sift(self, target: PartnerTarget, seen: Mapping[str, bytes]) -> AsyncIterator[tuple[Sighting, ...]]:
        """Walk those accounts of a partner that have something pending, where Dintero honours the filter.

        It may show others, or not all of them: whoever asks has to look.
        """

    async def confirm(self, key: ConnectionKey) -> AccountSnapshot | None:
        """Read one connection directly; None when Dintero says that it is not there."""

    async def confirm_account(self, account_id: str) -> AccountSnapshot | None:
        """Read one account directly; None when Dintero says that it is not there."""

    def check(self, targets: tuple[Target, ...]) -> AsyncIterator[Finding]:
        """Say of the token and of each target whether it can be read, and what to do if not."""


class Receiver(Protocol):
    """Something that takes messages: a Slack channel by bot token, a Slack webhook."""

    @property
    def name(self) -> str:
        """Its name in the settings (`[receivers.<name>]`)."""

    @property
    def destination(self) -> str:
        """Where its messages end up, as a digest that holds no secret: equal means the same place."""

    @property
    def traits(self) -> Traits:
        """What it can do."""

    @property
    def pace_seconds(self) -> float:
        """The shortest time between two messages for its destination."""

    @property
    def timeout_seconds(self) -> float:
        """The longest that one request to it takes: after that, what it has not taken it will not take."""

    @property
    def when_unsure(self) -> WhenUnsure:
        """What to do after an unclear answer where it cannot be asked."""

    def now_there(self) -> datetime | None:
        """Return the time by its own clock, None where that is not known."""

    async def prepare(self) -> None:
        """Learn what has to be known before the first message. Raises DeliveryError."""

    async def find(self, notification_id: str, since: datetime, place: Place = BY_ITSELF) -> Receipt | None:
        """Return where a message stands, None where it does not; `since` is by its own clock.

        `place` is where it was sent to. Raises LookupImpossible where it can never be asked, another
        DeliveryError where it could not now.
        """

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Send one message; `is_plain` asks for the plainest form. Raises DeliveryError and nothing else.

        A receiver without threads sends every message by itself, whatever `place` says. After `deadline` (of
        time.monotonic()) it does not leave any more: DeliveryUnavailable.
        """

    def check(self, *, sends: bool) -> AsyncIterator[Finding]:
        """Say whether messages can be taken, and what to do if not; with `sends`, send a test message."""


class Books(Protocol):
    """One open transaction of the store; `notifier.store.books` says what each method does.

    What it consists of is in `ledgers`.
    """

    @property
    def outbox(self) -> Outbox: ...
    @property
    def cards(self) -> Cards: ...
    @property
    def digests(self) -> Digests: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def troubles(self) -> Troubles: ...
    @property
    def shards(self) -> Shards: ...
    @property
    def errands(self) -> Errands: ...

    def load_accounts(self, account_ids: Iterable[str]) -> dict[str, AccountState]: ...
    def load_silences(self, now: datetime) -> Sequence[Silence]: ...
    def load_known_values(self) -> set[tuple[str, str]]: ...
    def load_dossiers(self, notifications: Sequence[Notification]) -> dict[str, Dossier]: ...
    def load_cases(
        self, case_ids: Iterable[str]
    ) -> dict[str, tuple[AccountState, ConnectionState, Case]]: ...
    def list_silent(self, after: str, before: datetime, most: int) -> tuple[list[str], str | None]: ...
    def list_unannounced(self, now: datetime) -> list[tuple[Silence, bool]]: ...
    def mark_announced(self, silence_id: str, now: datetime, *, is_end: bool) -> None: ...
    def list_waiting_cards(
        self, now: datetime, after: Card | None, most: int
    ) -> list[tuple[Card, Account, ConnectionKey]]: ...
    def load_notice(self, notice_id: str) -> NoticeFile | None: ...
    def load_problems(self) -> dict[str, str]: ...
    def list_watched(self) -> Iterator[tuple[str, ConnectionKey]]: ...
    def list_accounts(self, source: str, known: Iterable[str]) -> set[str]: ...
    def is_walked(self, source: str, owner_id: str) -> bool: ...
    def mark_walked(self, source: str, owner_id: str, now: datetime) -> None: ...
    def save_accounts(self, accounts: Sequence[AccountState]) -> None: ...
    def save_connections(self, connections: Sequence[ConnectionState]) -> None: ...
    def save_planned(self, planned: Sequence[Planned], now: datetime) -> int: ...
    def save_problem(
        self, subject: str, sentence: str, now: datetime, kind: TroubleKind = TroubleKind.UNREADABLE
    ) -> None: ...
    def clear_problem(self, subject: str) -> None: ...
    def load_week(self, since: datetime, until: datetime) -> Week: ...
    def find_beginning(self) -> datetime | None: ...
    def tend_links(self, after: str, now: datetime, grace: timedelta) -> LinkSweep: ...
    def take_over_copy(self, now: datetime, ends_at: datetime) -> datetime | None: ...
    def settle_copy(self) -> None: ...
    def prune(self, before: datetime, most: int) -> int: ...
    def forget_words(self, after: str, before: datetime, most: int) -> str | None: ...
    def save_beat(self, row: Mapping[str, Any]) -> None: ...
    def list_living(self, now: datetime) -> set[str]: ...
    def forget_gone(self, before: datetime) -> None: ...


class Chore(Protocol):
    """Something that is done now and then, beside polls and deliveries."""

    async def tend(self) -> float:
        """Do it once; return the seconds until it is to be done again. Raises StoreError."""


class Wake(Protocol):
    """Called after every commit that put something into the outbox."""

    def __call__(self, destinations: Collection[str] | None = None) -> None:
        """Have what is due for some destinations sent; None where it is not known for which."""


class Store(Protocol):
    """What is remembered."""

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job inside one transaction: all of it is kept, or none. Raises StoreError only."""
