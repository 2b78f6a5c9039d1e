"""What becomes of a delivery that was not confirmed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from notifier.domain.delivery import Claim
from notifier.errors import DeliveryAmbiguous, DeliveryError, DeliveryRateLimited, DeliveryRejected

HOLD_FIRST_SECONDS: Final = 30.0
HOLD_MAX_SECONDS: Final = 900.0
RETRY_AFTER_MAX_SECONDS: Final = 3600.0
"""A receiver that asks for a longer wait is asked again after this one."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff for deliveries, over hours.

    Attempt n waits between half and all of `first_seconds * 3 ** (n - 1)`, at most `max_seconds`.
    A message is given up `give_up_after` its first attempt could have been made, but not before the waits
    have grown to their longest: it may have waited all that time behind a receiver on hold.
    """

    first_seconds: float = 5.0
    max_seconds: float = 3600.0
    give_up_after: timedelta = timedelta(hours=72)
    request_seconds: float = 15.0
    """The longest that one request to a receiver takes: what was not taken by then never will be."""
    look_seconds: float = 15.0
    """For so long a message in doubt is looked for, since a receiver may show it late."""
    look_pause_seconds: float = 2.0
    claim_seconds: float = 30.0
    """How long a claim is good for: a process that was held up for longer sends nothing on it."""

    @property
    def longest_seconds(self) -> float:
        """The longest that any attempt is ever put off."""
        return max(self.max_seconds, HOLD_MAX_SECONDS, RETRY_AFTER_MAX_SECONDS * 1.1)

    def delay_seconds(self, attempt: int, jitter: float) -> float:
        """Return the seconds to wait after the failed attempt `attempt` (from 1); `jitter` is in [0, 1)."""
        return min(self.max_seconds, self._grow(attempt)) * (0.5 + jitter / 2)

    def is_exhausted(self, attempt: int, age: timedelta) -> bool:
        """Whether a message of this age is to be given up after its failed attempt `attempt`."""
        return age > self.give_up_after and self._grow(attempt) >= self.max_seconds

    def _grow(self, attempt: int) -> float:
        return self.first_seconds * 3.0 ** min(attempt - 1, 20)


@dataclass(frozen=True, slots=True)
class Retry:
    """Send it again at `at`, in the plainest form if `is_plain`.

    `is_repeat` says whether the failed attempt may have arrived. With `holds_receiver`, everything for the
    receiver waits until then as well. `counts` is False when the attempt was not the message's fault.
    `doubt_ends_at` is until when a message that may have arrived is looked for.
    """

    at: datetime
    is_repeat: bool = False
    is_plain: bool = False
    holds_receiver: bool = False
    counts: bool = True
    doubt_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Make it a dead letter."""


Verdict: TypeAlias = Retry | GiveUp


def judge(
    error: DeliveryError, claim: Claim, policy: RetryPolicy, holds: int, now: datetime, jitter: float
) -> Verdict:
    """Decide what a failed attempt means.

    `holds` is how often in a row the receiver has been held; `jitter` is in [0, 1). A fault of the receiver
    never costs a message: only one that is refused itself, or whose outcome stays unknown for longer than
    the policy allows, is given up.
    """
    if isinstance(error, DeliveryRateLimited):
        at = now + timedelta(
            seconds=min(error.retry_after_seconds, RETRY_AFTER_MAX_SECONDS) * (1 + jitter / 10)
        )
        return Retry(at, is_plain=claim.is_plain, holds_receiver=True, counts=False)
    if isinstance(error, DeliveryRejected):
        return _judge_refusal(error, claim, holds, now, jitter)
    if isinstance(error, DeliveryAmbiguous):
        if policy.is_exhausted(claim.attempt, now - claim.created_at):
            return GiveUp()
        return _doubt(error, claim, policy, now, jitter)
    delay = min(policy.delay_seconds(holds + 1, jitter), HOLD_MAX_SECONDS)
    return Retry(now + timedelta(seconds=delay), is_plain=claim.is_plain, holds_receiver=True, counts=False)


def _judge_refusal(
    error: DeliveryRejected, claim: Claim, holds: int, now: datetime, jitter: float
) -> Verdict:
    if error.scope == "root":
        return Retry(now, is_plain=claim.is_plain, counts=False)
    if error.scope == "message":
        return GiveUp() if claim.is_plain else Retry(now, is_plain=True)
    return Retry(_end_hold(now, holds, jitter), is_plain=claim.is_plain, holds_receiver=True, counts=False)


def judge_look(
    error: DeliveryError, claim: Claim, policy: RetryPolicy, holds: int, now: datetime, jitter: float
) -> Retry:
    """Decide when to look again for a message in doubt; to look costs no attempt, and is never given up."""
    if isinstance(error, DeliveryRateLimited):
        seconds = min(error.retry_after_seconds, RETRY_AFTER_MAX_SECONDS) * (1 + jitter / 10)
    else:
        seconds = min(policy.delay_seconds(holds + 1, jitter), HOLD_MAX_SECONDS)
    at = now + timedelta(seconds=seconds)
    return Retry(at, is_repeat=True, is_plain=claim.is_plain, holds_receiver=True, counts=False)


def _doubt(
    error: DeliveryAmbiguous, claim: Claim, policy: RetryPolicy, now: datetime, jitter: float
) -> Retry:
    """Wait until the request can take no more effect; then look for as long as it may show late."""
    if claim.can_be_repeated:
        return Retry(
            now + timedelta(seconds=policy.delay_seconds(claim.attempt, jitter)), is_plain=claim.is_plain
        )
    wait = policy.look_pause_seconds / 2 if error.was_answered else policy.request_seconds
    if claim.attempt > 1:
        wait = max(wait, policy.delay_seconds(claim.attempt, jitter))
    at = now + timedelta(seconds=wait)
    ends_at = at + timedelta(seconds=policy.look_seconds)
    return Retry(at, is_repeat=True, is_plain=claim.is_plain, doubt_ends_at=ends_at)


def _end_hold(now: datetime, holds: int, jitter: float) -> datetime:
    seconds = min(HOLD_MAX_SECONDS, HOLD_FIRST_SECONDS * 2.0 ** min(holds, 10))
    return now + timedelta(seconds=seconds * (0.5 + jitter / 2))
