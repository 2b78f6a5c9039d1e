"""Delivers one claimed notification: looks for it where it is in doubt, sends it, records the outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeVar

import structlog

from notifier.domain.compose import Dossier, House, lacks_link
from notifier.domain.delivery import Claim, Form, Receipt, WhenUnsure
from notifier.domain.message import Message
from notifier.domain.retry import GiveUp, Retry, RetryPolicy, Verdict, judge, judge_look
from notifier.domain.waypoints import Waypoint, reach
from notifier.domain.writing import Matter, write_message
from notifier.errors import DeliveryAmbiguous, DeliveryError, DeliveryRejected, LookupImpossible, StoreError
from notifier.service.ports import Books, Clock, Receiver, Store

_log = structlog.get_logger("notifier.delivery")

STORE_RETRY_SECONDS: Final = 1.0
LOOK_MARGIN: Final = timedelta(seconds=10)
"""A message in doubt is looked for from so long before its attempt on: instants come in whole seconds."""
LASTING_REFUSAL: Final = timedelta(minutes=10)
"""A look may be refused by somebody on the way for a while: after so long nobody can be asked."""
SHORTEST_SECONDS: Final = 0.001
"""Less is not waited for: instants are kept in microseconds."""
LINK_ATTEMPTS: Final = 3
LINK_WAIT_SECONDS: Final = 5.0
"""A message whose link cannot be decrypted is put off so often, and each time for so long."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Deliveries:
    """What became of the attempts since the start."""

    delivered: int = 0
    failed: int = 0
    dead: int = 0
    repeated: int = 0
    adopted: int = 0
    held: int = 0


class Courier:
    """Delivers notifications; `jitter` gives numbers in [0, 1), `reword` puts the settings' texts in.

    `problems` holds a sentence for each receiver that did not take its last message, by its name, and for
    each message that was given up, by its id. `refused` are the receivers that somebody has to mend first.
    """

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        store: Store,
        clock: Clock,
        house: House,
        policy: RetryPolicy,
        jitter: Callable[[], float],
        *,
        reword: Callable[[Message], Message] = lambda message: message,
    ) -> None:
        self._receivers = receivers
        self._store = store
        self._clock = clock
        self._house = house
        self._policy = policy
        self._jitter = jitter
        self._reword = reword
        self.deliveries = Deliveries()
        self.problems: dict[str, str] = {}
        self.refused: set[str] = set()
        self._started_at = clock.monotonic()
        self._sure_at: dict[str, float] = {}

    async def deliver(self, claim: Claim, matter: Matter | None, deadline: float) -> None:
        """Deliver a notification that this process has claimed, and record the outcome.

        Nothing is sent after `deadline` (of the machine's monotonic clock): the claim may have passed on.
        """
        if claim.is_repeat and not claim.can_be_repeated and await self._look(claim):
            return
        if isinstance(matter, Dossier) and await self._await_link(claim, matter):
            return
        try:
            receipt = await self._send(claim, self._compose(claim, matter), deadline)
        except DeliveryError as error:
            await self._record_failure(claim, error)
        else:
            await self._record_success(claim, receipt)

    async def _look(self, claim: Claim) -> bool:
        """Ask the receiver for a message in doubt; return whether the claim is settled by that.

        False means that the message is not there, or that nobody can know: then it is to be sent.
        """
        receiver = self._receivers[claim.notification.receiver]
        now, seconds_left = self._clock.now(), self._find_seconds_in_doubt(claim)
        since = (claim.doubt_since or claim.created_at) - LOOK_MARGIN
        reach(Waypoint.LOOKING)
        try:
            receipt = await receiver.find(claim.notification.notification_id, since, claim.place)
            reach(Waypoint.LOOKED)
        except DeliveryError as error:
            if not _is_hopeless(error, claim, now):
                await self._record_failure(claim, error, is_look=True)
                return True
            if receiver.when_unsure is WhenUnsure.RESEND:
                return False
            await self._record_held(claim, error)
            return True
        if receipt is not None:
            await self._record_success(claim, receipt, is_adopted=True)
            return True
        if claim.doubt_ends_at is None or seconds_left < SHORTEST_SECONDS:
            return False
        at = now + timedelta(seconds=min(seconds_left, self._policy.look_pause_seconds))
        await self._record(
            lambda books: books.outbox.record_retry(
                claim, at, now=now, is_repeat=True, attempts=claim.attempt - 1
            )
        )
        return True

    def _find_seconds_in_doubt(self, claim: Claim) -> float:
        """Return for how long a message that does not stand there may still come to stand, and to show.

        The wall clock may have been set since the attempt, so this goes by the other one; what an earlier run
        left in doubt counts from the start of this one.
        """
        longest = self._started_at + self._policy.request_seconds + self._policy.look_seconds
        return self._sure_at.get(claim.notification.notification_id, longest) - self._clock.monotonic()

    async def _await_link(self, claim: Claim, dossier: Dossier) -> bool:
        """Put off a message whose link cannot be decrypted: the next poll brings it; but not for ever."""
        now = self._clock.now()
        if claim.attempt > LINK_ATTEMPTS or not lacks_link(dossier, now):
            return False
        sentence = "its signature link could not be decrypted, and is fetched anew from Dintero"
        at = now + timedelta(seconds=LINK_WAIT_SECONDS)
        await self._record(
            lambda books: books.outbox.record_retry(
                claim, at, now=now, is_repeat=False, error_code="no_link", error=sentence
            )
        )
        _log.warning("put off", **_describe(claim), error=sentence)
        return True

    def _compose(self, claim: Claim, matter: Matter | None) -> Message | DeliveryError:
        notification_id = claim.notification.notification_id
        try:
            if matter is None:
                return DeliveryRejected("its change is not in the store", code="no_change", scope="message")
            traits = self._receivers[claim.notification.receiver].traits
            return self._reword(write_message(claim, matter, traits, self._house, self._clock.now()))
        except Exception as error:  # noqa: BLE001 - one message that cannot be made must not stop the others
            _log.exception("a fault of the notifier's own", notification=notification_id)
            sentence = f"a fault of the notifier's own ({type(error).__name__}): please report it"
            return DeliveryRejected(sentence, code="internal", scope="message")

    async def _send(self, claim: Claim, message: Message | DeliveryError, deadline: float) -> Receipt:
        if isinstance(message, DeliveryError):
            raise message
        receiver = self._receivers[claim.notification.receiver]
        reach(Waypoint.REQUESTING)
        try:
            return await receiver.send(message, claim.place, is_plain=claim.is_plain, deadline=deadline)
        except DeliveryError:
            raise
        except Exception as error:
            _log.exception("a fault of the notifier's own", notification=claim.notification.notification_id)
            sentence = f"a fault of the notifier's own ({type(error).__name__}): please report it"
            raise DeliveryAmbiguous(sentence, code="internal") from error
        finally:
            reach(Waypoint.ANSWERED)

    async def _record_success(self, claim: Claim, receipt: Receipt, *, is_adopted: bool = False) -> None:
        now, one = self._clock.now(), claim.notification

        def job(books: Books) -> None:
            books.outbox.record_delivered(claim, receipt, now, is_adopted=is_adopted)
            if claim.place.form is Form.MESSAGE:
                books.cards.note_posted(
                    one.case_id, one.destination, receipt.channel, receipt.message_ref, now
                )

        await self._record(job)
        self._sure_at.pop(claim.notification.notification_id, None)
        self.deliveries.delivered += 1
        self.deliveries.adopted += is_adopted
        self.deliveries.repeated += claim.is_repeat and not is_adopted
        self.problems.pop(claim.notification.receiver, None)
        self.refused.discard(claim.notification.receiver)
        what = "found where it was sent before" if is_adopted else "delivered"
        _log.info(what, **_describe(claim), channel=receipt.channel, ref=receipt.message_ref)

    async def _record_held(self, claim: Claim, error: DeliveryError) -> None:
        now = self._clock.now()
        sentence = f"it may have arrived, and nobody can be asked: {error}"
        await self._record(
            lambda books: books.outbox.record_held(claim, now, error_code=error.code, error=sentence)
        )
        self.deliveries.held += 1
        self._give_up(claim, sentence)
        _log.error("held: see `notifier outbox list`", **_describe(claim), error=str(error))

    async def _record_failure(self, claim: Claim, error: DeliveryError, *, is_look: bool = False) -> None:
        now = self._clock.now()
        receiver = claim.notification.receiver
        jitter = self._jitter()

        is_root_lost = isinstance(error, DeliveryRejected) and error.scope == "root"

        def job(books: Books) -> Verdict:
            if is_root_lost and not _is_posted_anew(books, claim):
                books.outbox.record_covered(claim, now)
                return GiveUp()
            holds = books.outbox.count_holds(receiver)
            decide = judge_look if is_look else judge
            verdict = decide(error, claim, self._policy, holds, now, jitter)
            _apply(books, claim, verdict, error, now)
            return verdict

        tried_at = self._clock.monotonic()
        verdict = await self._record(job)
        if isinstance(verdict, Retry) and verdict.doubt_ends_at is not None:
            in_doubt = verdict.doubt_ends_at - now
            self._sure_at[claim.notification.notification_id] = tried_at + in_doubt.total_seconds()
        if is_root_lost:
            _log.warning("the message that this belongs to is gone", **_describe(claim), error=str(error))
            return
        self.deliveries.failed += 1
        self.problems[receiver] = _name_receiver(receiver, str(error))
        if isinstance(error, DeliveryRejected) and error.scope == "receiver":
            self.refused.add(receiver)
        next_at = verdict.at.isoformat(timespec="seconds") if isinstance(verdict, Retry) else None
        what = "could not be looked for" if is_look else "not delivered"
        _log.warning(what, **_describe(claim), error=str(error), next_attempt_at=next_at)
        if isinstance(verdict, GiveUp):
            self.deliveries.dead += 1
            self._give_up(claim, str(error))
            _log.error("given up: see `notifier outbox list`", **_describe(claim))

    def _give_up(self, claim: Claim, sentence: str) -> None:
        """Remember a problem that the next message does not undo by being taken."""
        notification = claim.notification
        self._sure_at.pop(notification.notification_id, None)
        self.problems.pop(notification.receiver, None)
        named = _name_receiver(notification.receiver, sentence)
        self.problems[notification.notification_id] = f"{named}; see `notifier outbox list`"

    async def _record(self, job: Callable[[Books], _T]) -> _T:
        """Record an outcome; a store that fails is asked again, since only this process knows the outcome."""
        is_told = False
        while True:
            try:
                recorded = await self._store.run(job)
            except StoreError as error:
                if not is_told:
                    _log.error("the outcome of a delivery waits for the store", error=str(error))
                is_told = True
                await self._clock.sleep(STORE_RETRY_SECONDS)
            else:
                reach(Waypoint.SETTLED)
                return recorded


def _name_receiver(receiver: str, sentence: str) -> str:
    """Begin a sentence with the receiver's name, where it does not do so itself."""
    return sentence if sentence.startswith("Receiver ") else f"Receiver {receiver}: {sentence}"


def _is_hopeless(error: DeliveryError, claim: Claim, now: datetime) -> bool:
    """Whether a look that has failed will always fail."""
    if isinstance(error, LookupImpossible):
        return True
    ends_at = claim.doubt_ends_at
    return isinstance(error, DeliveryRejected) and (ends_at is None or now >= ends_at + LASTING_REFUSAL)


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
