"""The world around the model's service: a Dintero that lives, two channels that fail, and a store that dies.

`Story` is the model itself: what must be told of one connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from notifier.dintero.wire.accounts import digest_bytes
from notifier.domain.change import Topic
from notifier.domain.delivery import BY_ITSELF, Place, Receipt
from notifier.domain.identity import name_case
from notifier.domain.message import Message
from notifier.domain.model import (
    DECLINED,
    ENABLED,
    FAILED,
    PENDING,
    SIGNATURE_REQUIRED,
    TERMINAL_STATUSES,
    AccountSnapshot,
    ConnectionKey,
    ConnectionSnapshot,
    Event,
    SignatureLink,
    Signup,
)
from notifier.domain.watch import (
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Reading,
    Sighting,
)
from notifier.errors import DeliveryUnavailable, SourceNotFound, StoreUnavailable
from notifier.service.ports import Books
from notifier.store.opening import AnyStore
from tests.fakes import NOW, FakeClock, FakeReceiver, FakeSource, make_account

ACTION_SECONDS: Final = 2.0
"""How far apart two things are that happen at Dintero."""

KEYS: Final = (
    ConnectionKey("P12345678", "vipps"),
    ConnectionKey("P12345678", "swish"),
    ConnectionKey("P87654321", "vipps"),
)

OUTCOMES: Final = (ENABLED, FAILED, DECLINED)
ODD: Final = "on_hold"
"""A status that the product does not know."""

_T = TypeVar("_T")


class Killed(BaseException):
    """As if the process were gone."""


@dataclass
class Story:
    """The model: what must be told of one connection, by case, in order.

    An event is told once; another link of a case that can still be signed is told; a status is told unless an
    event tells it, and an event that comes late for a status that was told is not.
    """

    key: ConnectionKey
    told: dict[str, list[str]] = field(default_factory=dict)
    _cases: list[Signup] = field(default_factory=list)
    _events: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    _bare: set[tuple[str, str]] = field(default_factory=set)
    _status: str | None = None
    _ahead: str | None = None
    _updated_at: datetime = NOW - timedelta(days=365)

    def hear(self, shown: ConnectionSnapshot, words: set[str]) -> None:
        """Take what one answer showed; `words` are the unknown ones that were told before, of anything."""
        signup, status = shown.signup, shown.status
        if shown.updated_at is None or shown.updated_at < self._updated_at or signup is None or not status:
            return
        if signup not in self._cases:
            self._cases.append(signup)
            self._status = self._ahead = None
        case = self._find_case(signup.created_at)
        told = self._ahead
        for event in sorted(set(shown.events), key=lambda one: one.created_at or NOW):
            told = status if self._hear_event(event, case, status) else told
        if status not in {self._status, told}:
            self._bare.add((case, status))
            self._say(case, status)
            if status not in {PENDING, *TERMINAL_STATUSES, *words}:
                words.add(status)
                # A word stands by itself: it is nobody's signup.
                self._say(f"word status {status}", f"status {status}")
        newest = max((one for one in shown.events), key=lambda one: one.created_at or NOW, default=None)
        is_ahead = (
            newest is not None and newest.status != status and self._events[newest.description][0] == case
        )
        self._ahead = newest.status if newest is not None and is_ahead else None
        self._status, self._updated_at = status, shown.updated_at

    def _hear_event(self, event: Event, case: str, status: str) -> bool:
        """Take one event; return whether it is new and tells the status of the present case."""
        name, link = event.description, event.link.url if event.link else None
        own, known_link = self._events.get(name, (self._find_case(event.created_at), None))
        is_new = name not in self._events
        self._events[name] = own, link
        if is_new and (own, event.status) in self._bare and name.startswith("late"):
            return False
        if is_new:
            self._say(own, name)
        elif link != known_link and own == case and status not in TERMINAL_STATUSES:
            self._say(own, f"link of {name}")
        return is_new and own == case and event.status == status

    def _find_case(self, at: datetime | None) -> str:
        begun = [one for one in self._cases if at and one.created_at and one.created_at <= at]
        return name_case(self.key, begun[-1].signup_id, 1) if begun else name_case(self.key, None, 0)

    def _say(self, case: str, what: str) -> None:
        self.told.setdefault(case, []).append(what)


def name_message(message: Message) -> str:
    """Return what a message is about, in the model's words."""
    said = next((fact.value for fact in message.facts if fact.label == "Dintero says"), "")
    if message.topic == Topic.LINK_REPLACED:
        return f"link of {said}"
    words = {"begun": PENDING, **{one: one for one in (PENDING, *TERMINAL_STATUSES)}}
    bare = next((words[one] for one in words if one in message.headline), message.headline_value)
    return said or bare


@dataclass(frozen=True)
class Lists:
    """How lists of events are served: in pairs, out of order, the newest few only, without ids."""

    is_repeated: bool = False
    is_reversed: bool = False
    newest: int | None = None
    has_ids: bool = True

    def serve(self, events: list[Event]) -> tuple[Event, ...]:
        """Return the events as an answer shows them."""
        shown = [one if self.has_ids else replace(one, event_id=None) for one in events]
        shown = (shown if self.newest is None else shown[-self.newest :]) * (2 if self.is_repeated else 1)
        return tuple(reversed(shown) if self.is_reversed else shown)


@dataclass
class Life:
    """One connection at Dintero; `bare` are the statuses of the present case that no event records."""

    key: ConnectionKey
    status: str = ""
    updated_at: datetime = NOW
    bare: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    signups: list[Signup] = field(default_factory=list)
    early: str = ""
    """The status that an event has recorded and the connection has not taken yet."""

    @property
    def is_linked(self) -> bool:
        """Whether an event has a link."""
        return any(one.link is not None for one in self.events)


class Dintero(FakeSource):
    """A Dintero in which things happen; `answered` is what it has shown since the last look at it."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._count = 0
        self._before: dict[ConnectionKey, ConnectionSnapshot] = {}
        self.lives = {key: Life(key) for key in KEYS}
        self.lists = Lists()
        self.is_lagging = False
        self.answered: list[ConnectionSnapshot] = []

    def list_possible(self, life: Life) -> list[Callable[[], None]]:
        """Return what may happen to a connection now; a status that had no event gets no other one's."""
        if life.early:
            return [partial(self.take, life, life.early)]
        possible: list[Callable[[], None]] = [partial(self.apply, life)]
        if not life.status:
            return possible
        others = set(OUTCOMES) - {life.status}
        possible.append(partial(self.record, life, PENDING, "request"))
        possible += [partial(self.record, life, one, "event") for one in sorted(others - life.bare)]
        possible += [
            partial(self.take, life, one) for one in sorted({*others, ODD} - life.bare - life.recorded)
        ]
        if life.status in life.bare - {ODD}:
            possible.append(partial(self.record, life, life.status, "late"))
        if life.status == PENDING:
            possible += [partial(self.record, life, one, "early") for one in sorted(others - life.bare)]
        if life.is_linked:
            possible.append(partial(self.replace_link, life))
        return possible

    def begin(self, life: Life) -> datetime:
        """Let time pass until the next thing happens to a connection, and return when that is."""
        self._before = {one.key: self._show(one) for one in self.lives.values() if one.status}
        self._clock.advance(ACTION_SECONDS)
        life.updated_at = NOW + timedelta(seconds=self._clock.monotonic())
        return life.updated_at

    def apply(self, life: Life) -> None:
        """Begin a signup, the first or another one."""
        at = self.begin(life)
        life.signups.append(Signup(f"signup-{len(life.signups)}", at, at + timedelta(days=13)))
        life.status, life.bare, life.recorded = PENDING, {PENDING}, set()

    def record(self, life: Life, status: str, kind: str) -> None:
        """Record an event of a status; an early one leaves the status of the connection as it is."""
        at = self.begin(life)
        self._count += 1
        name = SIGNATURE_REQUIRED if kind == "request" else status
        link = SignatureLink(f"https://sign.example.com/{self._count}") if kind == "request" else None
        event = Event(f"id-{self._count}", status, name, at, f"{kind} {self._count}", link)
        life.events.append(event)
        life.recorded.add(status)
        if kind == "early":
            life.early = status
        else:
            life.status = status
            life.bare -= {status} if kind == "late" else set()

    def take(self, life: Life, status: str) -> None:
        """Change the status without an event."""
        self.begin(life)
        life.status = status
        life.bare |= set() if status == life.early else {status}
        life.early = ""

    def replace_link(self, life: Life) -> None:
        """Give the newest event that has a link another one."""
        self.begin(life)
        self._count += 1
        place = max(number for number, one in enumerate(life.events) if one.link is not None)
        link = SignatureLink(f"https://sign.example.com/{self._count}")
        life.events[place] = replace(life.events[place], link=link)

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Answer with the account, or with one connection of it."""
        if self.errors:
            raise self.errors.pop(0)
        wanted = target.account_id if isinstance(target, AccountTarget) else target.key
        snapshot = self._answer(wanted)
        if isinstance(target, ConnectionTarget) and not snapshot.connections:
            raise SourceNotFound("there is none", status=404)
        fingerprint = Fingerprint(_write(snapshot))
        if seen == fingerprint:
            return None
        self.answered = list(snapshot.connections)
        return Reading(snapshot, fingerprint)

    async def walk(
        self, target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        """Show every account, one to a page, and fail between them with the next error."""
        for account_id in sorted({key.account_id for key in KEYS}):
            snapshot = self._answer(account_id)
            digest = _write(snapshot)
            is_known = seen.get(account_id) == digest
            self.answered = [] if is_known else list(snapshot.connections)
            yield (Sighting(account_id, digest, None if is_known else snapshot),)
            if self.errors:
                raise self.errors.pop(0)

    async def confirm(self, key: ConnectionKey) -> AccountSnapshot | None:
        """Answer with one connection alone, as it is now."""
        life = self.lives[key]
        self.answered = [self._show(life)] if life.status else []
        return replace(make_account(*self.answered), is_complete=False) if life.status else None

    async def confirm_account(self, account_id: str) -> AccountSnapshot | None:
        """Answer with one account."""
        return self._answer(account_id)

    def _answer(self, wanted: str | ConnectionKey) -> AccountSnapshot:
        now = {one.key: self._show(one) for one in self.lives.values() if one.status}
        shown = self._before if self.is_lagging else now
        own = [one for key, one in shown.items() if wanted in {key, key.account_id}]
        account_id = wanted if isinstance(wanted, str) else wanted.account_id
        return make_account(*own, account_id=account_id)

    def _show(self, life: Life) -> ConnectionSnapshot:
        return ConnectionSnapshot(
            life.key,
            life.status,
            updated_at=life.updated_at,
            signups=tuple(life.signups),
            events=self.lists.serve(life.events),
        )


def _write(snapshot: AccountSnapshot) -> bytes:
    links = [one.link.url for each in snapshot.connections for one in each.events if one.link]
    return digest_bytes(f"{snapshot} {links}".encode())


@dataclass(frozen=True)
class Trouble:
    """What happens to one message: the error of the answer, and whether and when the message stands."""

    error: BaseException | None = None
    is_taken: bool = False
    stands_after_seconds: float = 0.0
    shows_after_seconds: float = 0.0
    holds_up_seconds: float = 0.0
    is_about_form: bool = False


@dataclass(frozen=True)
class Post:
    """A message that stands; what is asked before `shows_at` does not show it."""

    message: Message
    stands_at: float
    shows_at: float


class Channel(FakeReceiver):
    """Takes messages, with the troubles it is given; its clock is its own, and right but for a constant."""

    def __init__(self, name: str, clock: FakeClock, *, can_be_asked: bool, ahead_seconds: float) -> None:
        super().__init__(name)
        self.can_be_asked = can_be_asked
        self.posts: list[Post] = []
        self.troubles: list[Trouble] = []
        self.deafness: list[Exception] = []
        self.is_introduced = False
        self._clock = clock
        self._epoch = NOW + timedelta(seconds=ahead_seconds)

    def now_there(self) -> datetime | None:
        """Return the time there in whole seconds, None before the first answer to this process."""
        return self._tell(self._clock.monotonic()) if self.is_introduced and self.can_be_asked else None

    async def prepare(self) -> None:
        """Learn what time it is there."""
        self.is_introduced = True

    async def find(self, notification_id: str, since: datetime, place: Place = BY_ITSELF) -> Receipt | None:
        """Look through what is shown."""
        if self.deafness:
            raise self.deafness.pop(0)
        self.taken = [
            one.message
            for one in self.posts
            if one.shows_at <= self._clock.monotonic() and self._tell(one.stands_at) >= since
        ]
        return await super().find(notification_id, since, place)

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Take one message, as the next trouble has it."""
        del place
        await asyncio.sleep(0)
        trouble = self.troubles.pop(0) if self.troubles else Trouble()
        self._clock.advance(trouble.holds_up_seconds)
        if deadline is not None and self._clock.monotonic() > deadline:
            raise DeliveryUnavailable("this process was held up for too long")
        error = None if trouble.is_about_form and is_plain else trouble.error
        if error is None or trouble.is_taken:
            stands_at = self._clock.monotonic() + trouble.stands_after_seconds
            self.posts.append(Post(message, stands_at, stands_at + trouble.shows_after_seconds))
        if error is not None:
            raise error
        await asyncio.sleep(0)
        return Receipt("C1", f"{len(self.posts)}.0")

    def is_hiding(self) -> bool:
        """Whether something stands, or will stand, that it does not show yet."""
        return any(one.shows_at > self._clock.monotonic() for one in self.posts)

    def tell(self, *, is_deduplicated: bool) -> dict[str, list[str]]:
        """Return what stands, by case, in order; repetitions of the one before left out if so asked."""
        said: dict[str, list[Message]] = {}
        for post in sorted(self.posts, key=lambda one: one.stands_at):
            message = post.message
            is_word = message.topic == Topic.UNKNOWN_VALUE
            case = f"word {message.headline_value}" if is_word else message.case_id
            before = said.setdefault(case, [])
            is_repeated = before[-1:] and before[-1].notification_id == post.message.notification_id
            if not (is_deduplicated and is_repeated):
                before.append(post.message)
        return {case: [name_message(one) for one in messages] for case, messages in said.items()}

    def _tell(self, elapsed: float) -> datetime:
        return (self._epoch + timedelta(seconds=elapsed)).replace(microsecond=0)


class MortalStore:
    """A store whose jobs fail, or whose process dies before or after one; `on_commit` follows each commit."""

    def __init__(self, database: AnyStore, on_commit: Callable[[bool], None]) -> None:
        self._database = database
        self._on_commit = on_commit
        self.fates: list[str] = []

    def meet(self, fates: Iterable[str]) -> None:
        """Let the next jobs have these fates: "", "fails", "killed before" or "killed after"."""
        self.fates = list(fates)

    async def run(self, job: Callable[[Books], _T]) -> _T:
        """Run a job, or not."""
        fate = self.fates.pop(0) if self.fates else ""
        if fate in {"fails", "killed before"}:
            self._on_commit(False)
            raise StoreUnavailable("full") if fate == "fails" else Killed
        value = await self._database.run(job)
        self._on_commit(True)
        if fate == "killed after":
            raise Killed
        return value
