"""The one way past the outbox: telling on-call directly that the store itself does not work.

The outbox cannot carry that message, since it is in the store. What is to be said is kept in memory alone:
one message for each trouble, one when it is over, both at least once to every receiver marked `emergency`.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from notifier.domain.identity import name_of
from notifier.domain.message import Fact, Message, Moment, Mood, Outside, Severity
from notifier.errors import DeliveryError, DeliveryRateLimited, DeliveryRejected
from notifier.service.ports import Clock, Receiver

_log = structlog.get_logger("notifier.emergency")

FIRST_RETRY_SECONDS: Final = 1.0
LONGEST_RETRY_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """A store that fails: since when, and the sentence that says how (it holds no secret)."""

    since: datetime
    sentence: str


@dataclass(slots=True)
class _Line:
    """The way to one receiver; only the newest thing to be said counts."""

    receiver: Receiver
    pending: Message | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)


class Emergency:
    """Tells the receivers that are for emergencies; `where` is the store and its host, for people."""

    def __init__(self, receivers: Iterable[Receiver], where: str, clock: Clock) -> None:
        self._lines = [_Line(receiver) for receiver in receivers]
        self._where = where
        self._clock = clock

    def alarm(self, trouble: Trouble) -> None:
        """Have it said that the store fails; nobody waits for that."""
        self._say(compose_alarm(trouble, self._where))

    def all_clear(self, trouble: Trouble, ended_at: datetime) -> None:
        """Have it said that the store works again, also to whom the trouble itself could not be told."""
        self._say(compose_all_clear(trouble, self._where, ended_at))

    async def run(self) -> None:
        """Tell what there is to be told, until cancelled; each receiver for itself."""
        async with asyncio.TaskGroup() as tasks:
            for line in self._lines:
                tasks.create_task(self._serve(line))

    def _say(self, message: Message) -> None:
        for line in self._lines:
            line.pending = message
            line.news.set()

    async def _serve(self, line: _Line) -> None:
        while True:
            await line.news.wait()
            line.news.clear()
            await self._tell(line)

    async def _tell(self, line: _Line) -> None:
        seconds = FIRST_RETRY_SECONDS
        is_plain = False
        while (message := line.pending) is not None:
            error = await self._send(line.receiver, message, is_plain=is_plain)
            if error is None:
                _log.warning("told directly", receiver=line.receiver.name, topic=message.topic)
                line.pending = None if line.pending is message else line.pending
                continue
            _log.error("cannot tell directly", receiver=line.receiver.name, error=str(error))
            if isinstance(error, DeliveryRejected) and error.scope == "message" and not is_plain:
                is_plain = True
                continue
            wish = error.retry_after_seconds if isinstance(error, DeliveryRateLimited) else 0.0
            await self._clock.sleep(max(seconds, min(wish, LONGEST_RETRY_SECONDS)))
            seconds = min(seconds * 2, LONGEST_RETRY_SECONDS)

    async def _send(self, receiver: Receiver, message: Message, *, is_plain: bool) -> Exception | None:
        try:
            await receiver.send(message, is_plain=is_plain)
        except DeliveryError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, on-call is still to be told
            _log.exception("a fault of the notifier's own")
            return error
        return None


def compose_alarm(trouble: Trouble, where: str) -> Message:
    """Return the message that the store fails."""
    return Message(
        notification_id=_name(trouble, where, "down"),
        topic="store_down",
        mood=Mood.BAD,
        headline="The notifier cannot use its store: nobody is told of anything until it works again",
        account_id="",
        connection=Outside(""),
        is_test=False,
        advice="Mend what is said below. After that everything goes on by itself, and nothing is lost.",
        moments=(Moment("Since", trouble.since),),
        facts=(Fact("Trouble", Outside(trouble.sentence)), Fact("Store", Outside(where))),
        wants_mention=True,
        case_id=_name(trouble, where, "store"),
        severity=Severity.CRITICAL,
    )


def compose_all_clear(trouble: Trouble, where: str, ended_at: datetime) -> Message:
    """Return the message that the store works again."""
    return Message(
        notification_id=_name(trouble, where, "up"),
        topic="store_up",
        mood=Mood.GOOD,
        headline="The notifier's store works again",
        account_id="",
        connection=Outside(""),
        is_test=False,
        advice="What happened in the meantime is told now.",
        moments=(Moment("Failed from", trouble.since), Moment("To", ended_at)),
        facts=(Fact("Trouble was", Outside(trouble.sentence)), Fact("Store", Outside(where))),
        case_id=_name(trouble, where, "store"),
        is_over=True,
    )


def _name(trouble: Trouble, where: str, what: str) -> str:
    return name_of("emergency", where, trouble.since.isoformat(), what)
