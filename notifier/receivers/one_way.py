"""What the receivers have in common that take messages and cannot be asked what they have taken."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from hashlib import blake2b
from typing import Final

from notifier.domain.delivery import BY_ITSELF, Finding, Level, Place, Receipt, WhenUnsure
from notifier.domain.message import Message, Mood, Outside
from notifier.errors import DeliveryError, LookupImpossible

TEST_MESSAGE: Final = Message(
    notification_id="check",
    topic="check",
    mood=Mood.NEUTRAL,
    headline="This is a test message of dintero-notifier",
    account_id="",
    connection=Outside(""),
    is_test=True,
    advice="It shows that messages arrive here. There is nothing to do.",
)
AT_LEAST_ONCE: Final = {
    WhenUnsure.RESEND: "at least once: after an unclear answer a message is sent again, so it may double",
    WhenUnsure.HOLD: (
        "at most once: after an unclear answer a message is held until somebody decides about it "
        "(`notifier outbox list`)"
    ),
}


class OneWayReceiver:
    """The part of a receiver that is the same for every kind without a history, an update or a thread.

    `secret_place` is where its messages end up; only a digest of it is kept, as `destination`.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        secret_place: str,
        *,
        pace_seconds: float,
        timeout_seconds: float,
        when_unsure: WhenUnsure,
    ) -> None:
        self._name = name
        self._kind = kind
        self._destination = blake2b(secret_place.encode(), digest_size=16, person=kind.encode()).hexdigest()
        self._pace_seconds = pace_seconds
        self._timeout_seconds = timeout_seconds
        self._when_unsure = when_unsure

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    @property
    def destination(self) -> str:
        """A digest of where its messages end up, from which the place cannot be found."""
        return self._destination

    @property
    def pace_seconds(self) -> float:
        """The shortest time between two messages."""
        return self._pace_seconds

    @property
    def timeout_seconds(self) -> float:
        """The longest that one request takes."""
        return self._timeout_seconds

    @property
    def when_unsure(self) -> WhenUnsure:
        """What to do after an unclear answer: it cannot be asked what it has."""
        return self._when_unsure

    def now_there(self) -> datetime | None:
        """Return None: what time it is there is of no use without a history."""
        return None

    async def prepare(self) -> None:
        """Nothing has to be known before the first message."""

    async def find(self, notification_id: str, since: datetime, place: Place = BY_ITSELF) -> Receipt | None:
        """Raise LookupImpossible: it keeps no history that can be read."""
        del notification_id, since, place
        sentence = f"Receiver {self._name}: a receiver of kind {self._kind} cannot be asked what it has taken"
        raise LookupImpossible(sentence)

    def _say(self, level: Level, sentence: str) -> Finding:
        return Finding(level, f"receiver {self._name}", sentence)

    async def _check(
        self, notes: tuple[Finding, ...], guarantee: str, test: Callable[[], Awaitable[str]], *, sends: bool
    ) -> AsyncIterator[Finding]:
        """Say what can be said without posting; with `sends`, try it: `test` returns what it did.

        `test` raises DeliveryError.
        """
        if not sends:
            yield self._say(
                Level.OK,
                "it cannot be looked at without posting: `notifier check --send` posts a test message",
            )
        for note in notes:
            yield note
        yield self._say(Level.OK, guarantee)
        if sends:
            yield await self._try(test)

    async def _try(self, test: Callable[[], Awaitable[str]]) -> Finding:
        try:
            done = await test()
        except DeliveryError as error:
            reason = str(error).removeprefix(f"Receiver {self._name}: ")
            return self._say(Level.PROBLEM, f"the test message was not confirmed: {reason}")
        return self._say(Level.OK, done)
