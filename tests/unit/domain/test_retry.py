"""What becomes of a delivery that was not confirmed."""

from datetime import timedelta

import pytest

from notifier.domain.delivery import Claim, Notification
from notifier.domain.retry import (
    HOLD_FIRST_SECONDS,
    HOLD_MAX_SECONDS,
    GiveUp,
    Retry,
    RetryPolicy,
    Verdict,
    judge,
    judge_look,
)
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryError,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
)
from tests.unit.domain.builders import NOW

POLICY = RetryPolicy()
CLAIM = Claim(Notification("n1", "c1", "case", "sales", "slack C1", "failed"), attempt=1, created_at=NOW)
UNAVAILABLE = DeliveryUnavailable("no answer")
AMBIGUOUS = DeliveryAmbiguous("cut off")
LIMITED = DeliveryRateLimited("slow down", retry_after_seconds=30)
REJECTED = DeliveryRejected("invalid_blocks", scope="message")
HELD = DeliveryRejected("invalid_auth", scope="receiver")


def judge_at(
    error: DeliveryError, claim: Claim = CLAIM, *, holds: int = 0, hours: float = 0, jitter: float = 0
) -> Verdict:
    """Judge a failure some hours after the message was put into the outbox."""
    return judge(error, claim, POLICY, holds, NOW + timedelta(hours=hours), jitter)


def wait_for(verdict: Verdict, *, hours: float = 0) -> float:
    """Return the seconds until the next attempt."""
    assert isinstance(verdict, Retry)
    return (verdict.at - NOW - timedelta(hours=hours)).total_seconds()


def test_unavailable_receiver_is_held_and_costs_no_attempt() -> None:
    """What was surely not taken must be sent again after a hold of its receiver."""
    verdict = judge_at(UNAVAILABLE)
    assert verdict == Retry(NOW + timedelta(seconds=2.5), holds_receiver=True, counts=False)


def test_rate_limit_is_honoured() -> None:
    """Nothing may be sent before the seconds that the receiver asked for."""
    assert judge_at(LIMITED) == Retry(NOW + timedelta(seconds=30), holds_receiver=True, counts=False)
    assert 30 < wait_for(judge_at(LIMITED, jitter=0.999)) <= 33


def test_refused_message_is_tried_once_as_plain_text_and_is_then_a_dead_letter() -> None:
    """A message that is refused itself must get one more chance in its plainest form, at once."""
    assert judge_at(REJECTED) == Retry(NOW, is_plain=True)
    assert judge_at(REJECTED, CLAIM._replace(attempt=2, is_plain=True)) == GiveUp()


def test_receiver_wide_error_holds_the_receiver_until_it_works_again() -> None:
    """A fault of the receiver must hold its queue and never cost a message, however old it is."""
    verdict = judge_at(HELD, hours=1_000, holds=50)
    assert isinstance(verdict, Retry)
    assert verdict.holds_receiver
    assert not verdict.counts
    assert not verdict.is_repeat


def test_unknown_outcome_is_repeated_and_marked_so() -> None:
    """A message that may have arrived must come up again with that knowledge, without a hold."""
    verdict = judge_at(AMBIGUOUS)
    assert isinstance(verdict, Retry)
    assert (verdict.is_repeat, verdict.holds_receiver, verdict.counts) == (True, False, True)
    assert wait_for(verdict) >= POLICY.request_seconds
    assert verdict.doubt_ends_at is not None
    assert verdict.doubt_ends_at >= verdict.at + timedelta(seconds=POLICY.look_seconds)


@pytest.mark.parametrize("attempt", range(1, 40))
def test_waits_after_unknown_outcomes_are_bounded(attempt: int) -> None:
    """However often an outcome was unknown, the next attempt must come within what the policy allows."""
    seconds = wait_for(judge_at(AMBIGUOUS, CLAIM._replace(attempt=attempt), jitter=0.999))
    assert 0 < seconds <= POLICY.longest_seconds


def test_look_for_a_message_in_doubt_costs_no_attempt() -> None:
    """A receiver that cannot be asked now must be asked later, and the message must stay in doubt."""
    for error, seconds in ((UNAVAILABLE, 2.5), (LIMITED, 30.0), (HELD, 2.5)):
        verdict = judge_look(error, CLAIM._replace(attempt=99), POLICY, 0, NOW, 0.0)
        assert verdict == Retry(
            NOW + timedelta(seconds=seconds), is_repeat=True, holds_receiver=True, counts=False
        )


@pytest.mark.parametrize("error", [UNAVAILABLE, LIMITED, HELD])
@pytest.mark.parametrize("hours", [0, 73, 10_000])
def test_only_a_refused_message_or_an_unknown_outcome_is_given_up(error: DeliveryError, hours: float) -> None:
    """However long a receiver is out of order, its messages must wait for it."""
    old = CLAIM._replace(attempt=99)
    assert isinstance(judge_at(error, old, hours=hours, holds=99), Retry)


def test_outcome_that_stays_unknown_is_given_up() -> None:
    """After hours of unknown outcomes a message must become a dead letter, and not before."""
    tired = CLAIM._replace(attempt=20, is_repeat=True)
    assert isinstance(judge_at(AMBIGUOUS, tired, hours=72), Retry)
    assert judge_at(AMBIGUOUS, tired, hours=72.1) == GiveUp()


@pytest.mark.parametrize("attempt", [1, 2, 6])
def test_message_that_waited_behind_a_hold_is_not_given_up_at_its_first_trouble(attempt: int) -> None:
    """A message that is old because its receiver was out of order must get all its attempts."""
    assert isinstance(judge_at(AMBIGUOUS, CLAIM._replace(attempt=attempt), hours=500), Retry)


@pytest.mark.parametrize("error", [UNAVAILABLE, LIMITED, HELD, AMBIGUOUS])
def test_plain_form_stays_plain(error: DeliveryError) -> None:
    """A message whose form was refused must not go back to that form."""
    verdict = judge_at(error, CLAIM._replace(is_plain=True))
    assert isinstance(verdict, Retry)
    assert verdict.is_plain


def test_waits_grow_from_seconds_to_an_hour() -> None:
    """Attempt n must wait between half and all of five seconds times three to the n - 1, at most an hour."""
    longest = [POLICY.delay_seconds(attempt, 0.999_999) for attempt in range(1, 10)]
    shortest = [POLICY.delay_seconds(attempt, 0) for attempt in range(1, 10)]
    assert [round(one) for one in longest] == [5, 15, 45, 135, 405, 1215, 3600, 3600, 3600]
    assert shortest == pytest.approx([one / 2 for one in longest], rel=1e-4)


@pytest.mark.parametrize("holds", range(0, 2_000, 37))
def test_holds_are_bounded(holds: int) -> None:
    """A hold must last between seconds and a quarter of an hour, however often it was renewed."""
    for jitter in (0.0, 0.5, 0.999):
        refused = wait_for(judge_at(HELD, holds=holds, jitter=jitter))
        absent = wait_for(judge_at(UNAVAILABLE, holds=holds, jitter=jitter))
        assert HOLD_FIRST_SECONDS / 2 <= refused <= HOLD_MAX_SECONDS
        assert POLICY.first_seconds / 2 <= absent <= HOLD_MAX_SECONDS


def test_huge_number_of_attempts_is_no_trouble() -> None:
    """An attempt's number must not overflow anything."""
    assert POLICY.delay_seconds(10**9, 0.999) <= POLICY.max_seconds


def test_clock_that_jumps_back_costs_no_message() -> None:
    """A message from the future must be tried as any other."""
    assert isinstance(judge_at(AMBIGUOUS, CLAIM._replace(attempt=99), hours=-1_000), Retry)
