"""No more requests leave than a source may send, and one that has too much to do is asked less often."""

import asyncio

import pytest

from notifier.dintero.pace import REFUSED, SLOW, SLOW_SECONDS, RequestBudget, Strain
from notifier.domain.watch import Tempo
from notifier.errors import SourceRateLimited
from tests.fakes import FakeClock


class Watch:
    """Requests that leave, with the times at which they did."""

    def __init__(self, per_second: float) -> None:
        self.clock = FakeClock()
        self.budget = RequestBudget(per_second, self.clock.monotonic, self.sleep)
        self.left_at: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Wait by the fake clock."""
        await self.clock.sleep(seconds)

    async def send(self, count: int) -> None:
        """Send one after the other."""
        for _ in range(count):
            await self.budget.take()
            self.left_at.append(self.clock.monotonic())


async def test_no_second_has_more_than_it_may() -> None:
    """However fast requests are wanted, each second must have at most its number and a small burst."""
    watch = Watch(20)
    await watch.send(200)
    for begin in watch.left_at:
        assert sum(begin <= at < begin + 1 for at in watch.left_at) <= 20 + 3
    assert watch.left_at[-1] == pytest.approx((200 - 1) / 20, abs=0.2)


async def test_a_pause_earns_no_flood() -> None:
    """What was not used for an hour must not leave at once afterwards."""
    watch = Watch(10)
    watch.clock.advance(3600)
    await watch.send(30)
    assert sum(at < 3601 for at in watch.left_at) <= 10 + 2


async def test_nothing_leaves_while_dintero_wants_peace() -> None:
    """After a Retry-After nothing must leave until it is over, and then no flood of what has waited."""
    watch = Watch(10)
    await watch.send(5)
    watch.budget.hold(5)
    begin = watch.clock.monotonic()
    await watch.send(20)
    later = watch.left_at[5:]
    assert min(later) >= begin + 5
    assert sum(at < begin + 6 for at in later) <= 10 + 2


async def test_a_long_peace_is_told_to_who_asks() -> None:
    """Nobody must wait an hour for one source while others are to be asked; then no flood, but as before."""
    watch = Watch(10)
    await watch.send(1)
    watch.budget.hold(60)
    for seconds in (60, 20):
        with pytest.raises(SourceRateLimited) as caught:
            await watch.send(1)
        assert caught.value.retry_after_seconds == pytest.approx(seconds)
        watch.clock.advance(40)
    await watch.send(20)
    later = watch.left_at[1:]
    assert sum(at < later[0] + 1 for at in later) <= 10 + 2


async def test_who_waits_is_told_of_a_long_peace_too() -> None:
    """A request that waited when Dintero asked for a long peace must not leave before that is over."""
    watch = Watch(1)
    await watch.send(2)
    waiting = asyncio.ensure_future(watch.send(1))
    await asyncio.sleep(0)
    watch.budget.hold(60)
    with pytest.raises(SourceRateLimited):
        await waiting
    assert len(watch.left_at) == 2


async def test_who_waits_already_waits_for_peace_too() -> None:
    """A request that waited for its turn when Dintero asked for peace must not leave before it is over."""
    watch = Watch(1)
    await watch.send(2)
    begin = watch.clock.monotonic()
    waiting = asyncio.ensure_future(watch.send(1))
    await asyncio.sleep(0)
    watch.budget.hold(5)
    await waiting
    assert watch.left_at[-1] >= begin + 5


def test_it_is_asked_less_often_while_it_refuses_and_as_usual_afterwards() -> None:
    """429 must widen the intervals step by step, and peace must bring them back, all of the way."""
    clock = FakeClock()
    strain = Strain(clock.monotonic)
    assert strain.tempo == Tempo()
    strain.note_answer(0.1, is_refusal=True)
    assert strain.tempo == Tempo(1.5, REFUSED)
    for _ in range(100):
        strain.note_answer(0.1, is_refusal=True)
    assert strain.tempo.stretch == 1.5
    for _ in range(30):
        clock.advance(10)
        strain.note_answer(0.1, is_refusal=True)
    assert strain.tempo.stretch == 16
    for _ in range(20):
        clock.advance(30)
        strain.note_answer(0.1)
    assert strain.tempo == Tempo()


def test_slow_answers_widen_and_one_slow_answer_does_not() -> None:
    """Intervals must follow the mean of many answers, and no single one."""
    strain = Strain(FakeClock().monotonic)
    strain.note_answer(SLOW_SECONDS * 5)
    assert strain.tempo == Tempo()
    for _ in range(100):
        strain.note_answer(SLOW_SECONDS * 2)
    assert strain.tempo == Tempo(1.5, SLOW)


def test_a_few_polls_find_out_that_all_is_well_again() -> None:
    """After an outage even a single connection must soon be read as often as before, and not hours later."""
    clock = FakeClock()
    strain = Strain(clock.monotonic)
    for _ in range(40):
        clock.advance(15)
        strain.note_answer(15.0)
    assert strain.tempo == Tempo(16, SLOW)
    polls = 0
    while strain.tempo.stretch > 1:
        clock.advance(60 * strain.tempo.stretch)
        strain.note_answer(0.1)
        polls += 1
    assert polls <= 3
    assert clock.monotonic() < 40 * 15 + 3 * 16 * 60


def test_who_is_asked_rarely_and_refuses_is_asked_more_rarely() -> None:
    """However long ago the last request was, an answer that asks for fewer must not bring more."""
    clock = FakeClock()
    strain = Strain(clock.monotonic)
    for _ in range(10):
        clock.advance(60 * strain.tempo.stretch)
        strain.note_answer(0.1, is_refusal=True)
    assert strain.tempo == Tempo(16, REFUSED)
