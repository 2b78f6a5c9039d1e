"""Delivers one claimed notification: looks for it where it is in doubt, and sends it."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from notifier.domain.compose import Dossier, House, lacks_link
from notifier.domain.delivery import Claim, Receipt, WhenUnsure
from notifier.domain.message import Message
from notifier.domain.retry import RetryPolicy
from notifier.domain.waypoints import Waypoint, reach
from notifier.domain.writing import Matter, write_message
from notifier.errors import DeliveryAmbiguous, DeliveryError, DeliveryRejected, LookupImpossible
from notifier.service.doubts import Doubts
from notifier.service.ports import Clock, Receiver
from notifier.service.settlement import (
    Delivered,
    Deliveries,
    Failed,
    Kept,
    Outcome,
    PutOff,
    Settlement,
    Settlements,
    Unknowable,
)

_log = structlog.get_logger("notifier.delivery")

LOOK_MARGIN: Final = timedelta(seconds=10)
"""A message in doubt is looked for from so long before its attempt on: instants come in whole seconds."""
LASTING_REFUSAL: Final = timedelta(minutes=10)
"""A look may be refused by somebody on the way for a while: after so long nobody can be asked."""
SHORTEST_SECONDS: Final = 0.001
"""Less is not waited for: instants are kept in microseconds."""
LINK_ATTEMPTS: Final = 3
LINK_WAIT_SECONDS: Final = 5.0
"""A message whose link cannot be decrypted is put off so often, and each time for so long."""


class Courier:
    """Delivers notifications; `jitter` gives numbers in [0, 1), `reword` puts the settings' texts in."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        clock: Clock,
        house: House,
        policy: RetryPolicy,
        jitter: Callable[[], float],
        *,
        reword: Callable[[Message], Message] = lambda message: message,
    ) -> None:
        self._receivers = receivers
        self._clock = clock
        self._house = house
        self._policy = policy
        self._reword = reword
        self._doubts = Doubts(clock, policy)
        self.settlements = Settlements(clock, policy, jitter, self._doubts)

    @property
    def deliveries(self) -> Deliveries:
        """What became of the attempts since the start."""
        return self.settlements.deliveries

    @property
    def problems(self) -> dict[str, str]:
        """See `Settlements`."""
        return self.settlements.problems

    @property
    def refused(self) -> set[str]:
        """The receivers that somebody has to mend first."""
        return self.settlements.refused

    async def deliver(self, claim: Claim, matter: Matter | None, deadline: float) -> Settlement:
        """Deliver a notification that this process has claimed, and return what is to be recorded.

        Nothing is sent after `deadline` (of the machine's monotonic clock): the claim may have passed on.
        """
        return self.settlements.make(claim, await self._try(claim, matter, deadline))

    def conclude(self, settlement: Settlement, kept: Kept) -> None:
        """Take note of what was recorded of a delivery."""
        self.settlements.conclude(settlement, kept)

    async def _try(self, claim: Claim, matter: Matter | None, deadline: float) -> Outcome:
        if claim.is_repeat and not claim.can_be_repeated:
            outcome = await self._look(claim)
            if outcome is not None:
                return outcome
        if isinstance(matter, Dossier) and self._lacks_link(claim, matter):
            sentence = "its signature link could not be decrypted, and is fetched anew from Dintero"
            return PutOff(self._clock.now() + timedelta(seconds=LINK_WAIT_SECONDS), sentence)
        try:
            return Delivered(await self._send(claim, self._compose(claim, matter), deadline))
        except DeliveryError as error:
            return Failed(error)

    async def _look(self, claim: Claim) -> Outcome | None:
        """Ask the receiver for a message in doubt.

        None means that the message is not there, or that nobody can know: then it is to be sent.
        """
        receiver = self._receivers[claim.notification.receiver]
        now, seconds_left = self._clock.now(), self._doubts.find_seconds(claim)
        since = (claim.doubt_since or claim.created_at) - LOOK_MARGIN
        reach(Waypoint.LOOKING)
        try:
            receipt = await receiver.find(claim.notification.notification_id, since, claim.place)
            reach(Waypoint.LOOKED)
        except DeliveryError as error:
            if not _is_hopeless(error, claim, now):
                return Failed(error, is_look=True)
            return None if receiver.when_unsure is WhenUnsure.RESEND else Unknowable(error)
        if receipt is not None:
            return Delivered(receipt, is_adopted=True)
        if claim.doubt_ends_at is None or seconds_left < SHORTEST_SECONDS:
            return None
        return PutOff(now + timedelta(seconds=min(seconds_left, self._policy.look_pause_seconds)))

    def _lacks_link(self, claim: Claim, dossier: Dossier) -> bool:
        """Whether a link cannot be decrypted, and the next poll may bring it; not for ever."""
        return claim.attempt <= LINK_ATTEMPTS and lacks_link(dossier, self._clock.now())

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


def _is_hopeless(error: DeliveryError, claim: Claim, now: datetime) -> bool:
    """Whether a look that has failed will always fail."""
    if isinstance(error, LookupImpossible):
        return True
    ends_at = claim.doubt_ends_at
    return isinstance(error, DeliveryRejected) and (ends_at is None or now >= ends_at + LASTING_REFUSAL)
