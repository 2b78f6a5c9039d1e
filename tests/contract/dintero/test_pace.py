"""No more requests leave than a source may send, and one that has too much to do is asked less often."""

import asyncio

import pytest

from notifier.dintero.pace import REFUSED, SLOW, SLOW_SECONDS, RequestBudget, Strain
from notifier.domain.watch import Tempo
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
    watch.budget.hold(60)
    begin = watch.clock.monotonic()
    await watch.send(20)
    later = watch.left_at[5:]
    assert min(later) >= begin + 60
    assert sum(at < begin + 61 for at in later) <= 10 + 2


async def test_who_waits_already_waits_for_peace_too() -> None:
    """A request that waited for its turn when Dintero asked for peace must not leave before it is over."""
    watch = Watch(1)
    await watch.send(2)
    begin = watch.clock.monotonic()
    waiting = asyncio.ensure_future(watch.send(1))
    watch.budget.hold(30)
    await waiting
    assert watch.left_at[-1] >= begin + 30


def test_it_is_asked_less_often_while_it_refuses_and_as_usual_afterwards() -> None:
    """429 must widen the intervals step by step, and peace must bring them back, all of the way."""
    clock = FakeClock()
    strain = Strain(clock.monotonic)
    assert strain.tempo == Tempo()
    strain.note_refusal()
    assert strain.tempo == Tempo(1.5, REFUSED)
    for _ in range(100):
        strain.note_refusal()
    assert strain.tempo.stretch == 1.5
    for _ in range(30):
        clock.advance(10)
        strain.note_refusal()
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
