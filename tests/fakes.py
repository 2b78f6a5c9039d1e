"""The doubles of the test suite, at the outermost edge only: time, Dintero, and somebody to tell.

Everything between them is real: the recorder, the dispatcher, and a SQLite file.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from notifier.domain.delivery import BY_ITSELF, Finding, Form, Place, Receipt, Traits, WhenUnsure
from notifier.domain.message import Message
from notifier.domain.model import (
    Account,
    AccountSnapshot,
    ConnectionKey,
    ConnectionSnapshot,
    Event,
    SignatureLink,
    Signup,
)
from notifier.domain.watch import (
    DIGEST_BYTES,
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Reading,
    Sighting,
    Target,
    Tempo,
)
from notifier.errors import LookupImpossible, SourceNotFound

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ACCOUNT = "P12345678"
VIPPS = ConnectionKey(ACCOUNT, "vipps")


class FakeClock:
    """A clock whose sleeper never waits: sleeping moves the time."""

    def __init__(self) -> None:
        self.present = NOW
        self.elapsed = 0.0

    def now(self) -> datetime:
        """Return the present instant."""
        return self.present

    def monotonic(self) -> float:
        """Return the seconds slept so far."""
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        """Move the time, and let others run."""
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Move the time."""
        self.present += timedelta(seconds=seconds)
        self.elapsed += seconds

    def call_later(self, seconds: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """Call something later, by the loop's own clock."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    def jump(self, seconds: float) -> None:
        """Move the wall clock alone, as somebody who sets it does."""
        self.present += timedelta(seconds=seconds)


class FakeReceiver:
    """Takes messages, or fails with the errors it is given, in their order."""

    timeout_seconds = 15.0
    when_unsure = WhenUnsure.RESEND
    traits = Traits()

    def __init__(
        self, name: str, *errors: Exception, destination: str = "", pace_seconds: float = 0.0
    ) -> None:
        self.name = name
        self.destination = destination or f"to {name}"
        self.pace_seconds = pace_seconds
        self.errors = list(errors)
        self.taken: list[Message] = []
        self.places: list[Place] = []
        self.attempts: list[bool] = []
        self.asked: list[str] = []
        self.can_be_asked = False

    def now_there(self) -> datetime | None:
        """Return None: it has no clock of its own."""
        return None

    async def prepare(self) -> None:
        """Nothing has to be known."""

    async def find(self, notification_id: str, since: datetime, place: Place = BY_ITSELF) -> Receipt | None:
        """Look through what was taken, when it can be asked."""
        del since
        self.asked.append(notification_id)
        if not self.can_be_asked:
            raise LookupImpossible("it keeps no history")
        # Whoever puts messages there by hand has put them by themselves.
        places = self.places if len(self.places) == len(self.taken) else [BY_ITSELF] * len(self.taken)
        for number, (message, stands) in enumerate(zip(self.taken, places, strict=True), start=1):
            # Replies show in their thread alone, unless they were shown in the channel too.
            is_there = stands.form is not Form.REPLY or stands.is_broadcast
            if place.form is Form.REPLY:
                is_there = stands.form is Form.REPLY and stands.root == place.root
            if message.notification_id == notification_id and is_there:
                return Receipt("C1", f"{number}.0")
        return None

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Take one message, or raise the next error; a DeliveryAmbiguous with code "taken" takes it too."""
        del deadline
        self.attempts.append(is_plain)
        error = self.errors.pop(0) if self.errors else None
        if error is None or getattr(error, "code", "") == "taken":
            self.taken.append(message)
            self.places.append(place)
        if error is not None:
            raise error
        return Receipt("C1", place.root if place.form is Form.UPDATE else f"{len(self.taken)}.0")

    async def check(self, *, sends: bool) -> AsyncIterator[Finding]:
        """Find nothing."""
        del sends
        nothing: tuple[Finding, ...] = ()
        for finding in nothing:
            yield finding

    @property
    def forms(self) -> list[Form]:
        """How the messages stand."""
        return [place.form for place in self.places]

    def list_as(self, form: Form) -> list[Message]:
        """Return the messages that stand in one way."""
        return [one for one, place in zip(self.taken, self.places, strict=True) if place.form is form]

    @property
    def headlines(self) -> list[str]:
        """What the messages say first."""
        return [message.headline for message in self.taken]


class FakeSource:
    """A Dintero that answers from memory: `accounts` are what it has, `errors` what it raises first."""

    name = "dintero"
    tempo = Tempo()

    def __init__(self, *snapshots: AccountSnapshot) -> None:
        self.accounts = {one.account.account_id: one for one in snapshots}
        self.errors: list[Exception] = []
        self.confirmed: list[ConnectionKey] = []
        self.is_repeating = False
        self.filters = False
        self.sifted = 0

    def show(self, snapshot: AccountSnapshot) -> None:
        """Have this account from now on."""
        self.accounts[snapshot.account.account_id] = snapshot

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Answer with the account, or with one connection of it."""
        if self.errors:
            raise self.errors.pop(0)
        account_id = target.account_id if isinstance(target, AccountTarget) else target.key.account_id
        snapshot = self.accounts.get(account_id)
        if snapshot is not None and isinstance(target, ConnectionTarget):
            snapshot = await self.confirm(target.key)
        if snapshot is None:
            raise SourceNotFound("there is none", status=404)
        # A link does not show itself, and is a difference all the same.
        links = [event.link.url for one in snapshot.connections for event in one.events if event.link]
        fingerprint = Fingerprint(_digest((snapshot, links)))
        return None if seen == fingerprint else Reading(snapshot, fingerprint)

    async def walk(
        self, target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        """Show every account, one to a page, and fail behind the first one with the next error.

        The list goes on behind an account by its id.
        """
        listed = [one for one in sorted(self.accounts.items()) if one[0] > target.after]
        for number, (account_id, snapshot) in enumerate(listed):
            if number and self.errors:
                raise self.errors.pop(0)
            digest = _digest(snapshot)
            shown = None if seen.get(account_id) == digest else snapshot
            yield (Sighting(account_id, digest, shown, account_id),)
            if account_id == target.until:
                return

    async def sift(
        self, target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        """Show what a filter leaves, one to a page; without `filters` it is not honoured."""
        self.sifted += 1
        async for page in self.walk(replace(target, until=""), seen):
            shown = self.accounts[page[0].account_id].connections
            if not self.filters or any(one.status == "pending" for one in shown):
                yield page

    async def confirm(self, key: ConnectionKey) -> AccountSnapshot | None:
        """Answer with one connection alone."""
        self.confirmed.append(key)
        account = self.accounts.get(key.account_id)
        found = [one for one in account.connections if one.key == key] if account else []
        return (
            AccountSnapshot(account.account, tuple(found), is_complete=False) if account and found else None
        )

    async def confirm_account(self, account_id: str) -> AccountSnapshot | None:
        """Answer with one account."""
        return self.accounts.get(account_id)

    async def check(self, targets: tuple[Target, ...]) -> AsyncIterator[Finding]:
        """Find nothing."""
        del targets
        nothing: tuple[Finding, ...] = ()
        for finding in nothing:
            yield finding


def _digest(answer: object) -> bytes:
    return blake2b(repr(answer).encode(), digest_size=DIGEST_BYTES).digest()


def make_account(*connections: ConnectionSnapshot, account_id: str = ACCOUNT) -> AccountSnapshot:
    """Return a complete answer for an account."""
    account = Account(account_id, "Fjordbris Sport AS", account_id.startswith("P"))
    return AccountSnapshot(account, connections, is_complete=True)


def make_connection(
    status: str, *events: Event, key: ConnectionKey = VIPPS, signup_id: str | None = "signup-1"
) -> ConnectionSnapshot:
    """Return a connection with one signup."""
    signup = Signup(signup_id, NOW - timedelta(days=1), NOW + timedelta(days=13))
    return ConnectionSnapshot(key, status, signups=(signup,) if signup_id else (), events=events)


def make_request(number: int = 1, link: str = "https://sign.example.com/1") -> Event:
    """Return an event that asks for a signature."""
    return Event(
        f"event-{number}",
        "pending",
        "signature_required",
        NOW - timedelta(hours=2) + timedelta(minutes=number),
        link=SignatureLink(link),
    )


def make_outcome(status: str, number: int = 100) -> Event:
    """Return an event that records a status."""
    return Event(f"event-{number}", status, status, NOW - timedelta(hours=1))
