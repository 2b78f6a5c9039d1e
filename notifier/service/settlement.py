"""What a delivery came to, and what follows from it: in the books, and then in this process's memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import structlog

from notifier.domain.delivery import Arrival, Claim, Form, Receipt
from notifier.domain.retry import GiveUp, Retry, RetryPolicy, Verdict, judge, judge_look
from notifier.errors import DeliveryError, DeliveryRejected
from notifier.service.doubts import Doubts
from notifier.service.ports import Books, Clock

_log = structlog.get_logger("notifier.delivery")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has the message; with `is_adopted` an earlier attempt had put it there."""

    receipt: Receipt
    is_adopted: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt failed, or with `is_look` the question whether an earlier one had not."""

    error: DeliveryError
    is_look: bool = False


@dataclass(frozen=True, slots=True)
class Unknowable:
    """It may have arrived, nobody can be asked, and the receiver wants no message twice."""

    error: DeliveryError


@dataclass(frozen=True, slots=True)
class PutOff:
    """Nothing was sent, and it is tried again at an instant; without a sentence it was only looked for."""

    until: datetime
    sentence: str = ""


Outcome: TypeAlias = Delivered | Failed | Unknowable | PutOff


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of a claim; `at` is when it was known, `tried_at` the same by the monotonic clock."""

    claim: Claim
    outcome: Outcome
    at: datetime
    tried_at: float
    jitter: float

    @property
    def is_delivered(self) -> bool:
        """Whether the receiver has the message."""
        return isinstance(self.outcome, Delivered)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the books took of a settlement: nothing where its claim has passed on (`is_held` is False)."""

    is_held: bool
    verdict: Verdict | None = None


@dataclass(slots=True)
class Deliveries:
    """What became of the attempts since the start."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    repeated: int = 0
    adopted: int = 0
    held: int = 0


class Settlements:
    """Settles claims; `jitter` gives numbers in [0, 1).

    `problems` holds a sentence for each receiver that did not take its last message, by its name, and for
    each message that was given up, by its id. `refused` are the receivers that somebody has to mend first.
    """

    def __init__(
        self, clock: Clock, policy: RetryPolicy, jitter: Callable[[], float], doubts: Doubts
    ) -> None:
        self._clock = clock
        self._policy = policy
        self._jitter = jitter
        self._doubts = doubts
        self.deliveries = Deliveries()
        self.problems: dict[str, str] = {}
        self.refused: set[str] = set()

    def make(self, claim: Claim, outcome: Outcome) -> Settlement:
        """Return what an outcome that has just become known comes to."""
        return Settlement(claim, outcome, self._clock.now(), self._clock.monotonic(), self._jitter())

    def record(self, books: Books, settlements: Sequence[Settlement]) -> list[Kept]:
        """Write outcomes, as far as their claims still hold: another process may have taken them over."""
        arrivals = [
            Arrival(one.claim, one.outcome.receipt, one.at, one.outcome.is_adopted)
            for one in settlements
            if isinstance(one.outcome, Delivered)
        ]
        held = books.outbox.record_arrivals(arrivals) if arrivals else set()
        is_card = [
            one
            for one in arrivals
            if one.claim.place.form is Form.MESSAGE and one.claim.notification.notification_id in held
        ]
        books.cards.note_posted(is_card)
        return [
            Kept(one.claim.notification.notification_id in held)
            if isinstance(one.outcome, Delivered)
            else self._record_other(books, one)
            for one in settlements
        ]

    def _record_other(self, books: Books, settlement: Settlement) -> Kept:
        claim, outcome, now = settlement.claim, settlement.outcome, settlement.at
        match outcome:
            case Failed():
                return self._record_failed(books, settlement, outcome)
            case Unknowable(error):
                sentence = _say_unknowable(error)
                return Kept(books.outbox.record_held(claim, now, error_code=error.code, error=sentence))
            case PutOff(until, ""):
                attempts = claim.attempt - 1
                return Kept(
                    books.outbox.record_retry(claim, until, now=now, is_repeat=True, attempts=attempts)
                )
            case PutOff(until, sentence):
                said = {"error_code": "no_link", "error": sentence}
                return Kept(books.outbox.record_retry(claim, until, now=now, is_repeat=False, **said))
            case Delivered():
                raise TypeError(outcome)

    def conclude(self, settlement: Settlement, kept: Kept) -> None:
        """Take note of what has been written, and say so."""
        claim, outcome = settlement.claim, settlement.outcome
        if not kept.is_held:
            _log.warning("another process has taken over: nothing is recorded", **_describe(claim))
            return
        match outcome:
            case Delivered():
                self._conclude_delivered(claim, outcome)
            case Failed():
                self._conclude_failed(settlement, outcome, kept.verdict)
            case Unknowable(error):
                self.deliveries.held += 1
                self._give_up(claim, _say_unknowable(error))
                _log.error("held: see `notifier outbox list`", **_describe(claim), error=str(error))
            case PutOff(_, sentence) if sentence:
                _log.warning("put off", **_describe(claim), error=sentence)

    def _record_failed(self, books: Books, settlement: Settlement, outcome: Failed) -> Kept:
        claim, error, now = settlement.claim, outcome.error, settlement.at
        if not books.outbox.is_claimed(claim):
            return Kept(is_held=False)
        if _is_root_lost(error) and not _is_posted_anew(books, claim):
            books.outbox.record_covered(claim, now)
            return Kept(is_held=True, verdict=GiveUp())
        holds = books.outbox.count_holds(claim.notification.receiver)
        decide = judge_look if outcome.is_look else judge
        verdict = decide(error, claim, self._policy, holds, now, settlement.jitter)
        _apply(books, claim, verdict, error, now)
        return Kept(is_held=True, verdict=verdict)

    def _conclude_delivered(self, claim: Claim, outcome: Delivered) -> None:
        receiver, receipt = claim.notification.receiver, outcome.receipt
        self._doubts.forget(claim.notification.notification_id)
        self.deliveries.delivered += 1
        self.deliveries.adopted += outcome.is_adopted
        self.deliveries.repeated += claim.is_repeat and not outcome.is_adopted
        self.problems.pop(receiver, None)
        self.refused.discard(receiver)
        what = "found where it was sent before" if outcome.is_adopted else "delivered"
        _log.info(what, **_describe(claim), channel=receipt.channel, ref=receipt.message_ref)

    def _conclude_failed(self, settlement: Settlement, outcome: Failed, verdict: Verdict | None) -> None:
        claim, error = settlement.claim, outcome.error
        receiver = claim.notification.receiver
        if isinstance(verdict, Retry) and verdict.doubt_ends_at is not None:
            in_doubt = (verdict.doubt_ends_at - settlement.at).total_seconds()
            name = claim.notification.notification_id
            self._doubts.note(name, verdict.doubt_ends_at, settlement.tried_at + in_doubt)
        if _is_root_lost(error):
            _log.warning("the message that this belongs to is gone", **_describe(claim), error=str(error))
            return
        self.deliveries.failed += 1
        self.problems[receiver] = _name_receiver(receiver, str(error))
        if isinstance(error, DeliveryRejected) and error.scope == "receiver":
            self.refused.add(receiver)
        next_at = verdict.at.isoformat(timespec="seconds") if isinstance(verdict, Retry) else None
        what = "could not be looked for" if outcome.is_look else "not delivered"
        _log.warning(what, **_describe(claim), error=str(error), next_attempt_at=next_at)
        if isinstance(verdict, GiveUp):
            self.deliveries.dead += 1
            self._give_up(claim, str(error))
            _log.error("given up: see `notifier outbox list`", **_describe(claim))

    def _give_up(self, claim: Claim, sentence: str) -> None:
        """Remember a problem that the next message does not undo by being taken."""
        notification = claim.notification
        self._doubts.forget(notification.notification_id)
        self.problems.pop(notification.receiver, None)
        named = _name_receiver(notification.receiver, sentence)
        self.problems[notification.notification_id] = f"{named}; see `notifier outbox list`"


def _name_receiver(receiver: str, sentence: str) -> str:
    """Begin a sentence with the receiver's name, where it does not do so itself."""
    return sentence if sentence.startswith("Receiver ") else f"Receiver {receiver}: {sentence}"


def _say_unknowable(error: DeliveryError) -> str:
    return f"it may have arrived, and nobody can be asked: {error}"


def _is_root_lost(error: DeliveryError) -> bool:
    return isinstance(error, DeliveryRejected) and error.scope == "root"


def _is_posted_anew(books: Books, claim: Claim) -> bool:
    """Remember that a card is gone; return whether what was to change it is to become the new one.

    A card that is lost again is left alone: then only its thread goes on. A reply always finds a place.
    """
    one = claim.notification
    is_update = claim.place.form is Form.UPDATE
    return books.cards.note_lost(one.case_id, one.destination, is_update=is_update)


def _apply(books: Books, claim: Claim, verdict: Verdict, error: DeliveryError, now: datetime) -> None:
    if isinstance(verdict, GiveUp):
        books.outbox.record_dead(claim, now, error_code=error.code, error=str(error))
        return
    changed = {"doubt_ends_at": verdict.doubt_ends_at} if verdict.doubt_ends_at is not None else {}
    books.outbox.record_retry(
        claim,
        verdict.at,
        now=now,
        is_repeat=verdict.is_repeat,
        is_plain=verdict.is_plain,
        attempts=claim.attempt if verdict.counts else claim.attempt - 1,
        error_code=error.code,
        error=str(error),
        **changed,
    )
    if verdict.holds_receiver:
        receiver = claim.notification.receiver
        books.outbox.hold(receiver, now, verdict.at, error_code=error.code, error=str(error))


def _describe(claim: Claim) -> dict[str, object]:
    return {
        "receiver": claim.notification.receiver,
        "topic": claim.notification.topic,
        "notification": claim.notification.notification_id,
        "case": claim.notification.case_id,
        "attempt": claim.attempt,
    }
