"""Targets are handed out when they are due, each to one who polls, and nobody waits for nothing."""

import asyncio

from notifier.domain.watch import AccountTarget
from notifier.service.agenda import Agenda
from notifier.service.clock import SystemClock
from tests.fakes import FakeClock

FIRST, SECOND, THIRD = (AccountTarget("dintero", f"P1234567{digit}") for digit in range(3))

CLOCK = SystemClock()
SOON_SECONDS = 0.01


async def test_everything_is_due_at_first_in_its_order() -> None:
    """The first round must go through the targets as they are listed."""
    agenda = Agenda([FIRST, SECOND, THIRD], CLOCK)
    assert [await agenda.take() for _ in range(3)] == [(0, FIRST), (1, SECOND), (2, THIRD)]


async def test_whoever_waits_gets_what_becomes_due_first() -> None:
    """A target that is put back for an earlier time than the others must be handed out before them."""
    agenda = Agenda([FIRST, SECOND], CLOCK)
    await agenda.take()
    await agenda.take()
    now = CLOCK.monotonic()
    agenda.put(now + 3600, 0)
    waiting = asyncio.ensure_future(agenda.take())
    await asyncio.sleep(0)
    agenda.put(now + SOON_SECONDS, 1)
    assert await waiting == (1, SECOND)
    assert CLOCK.monotonic() >= now + SOON_SECONDS


async def test_each_of_many_who_wait_gets_one() -> None:
    """What becomes due at the same time must be handed to as many as wait, without a second timer."""
    agenda = Agenda([FIRST, SECOND, THIRD], CLOCK)
    for _ in range(3):
        await agenda.take()
    waiting = [asyncio.ensure_future(agenda.take()) for _ in range(4)]
    await asyncio.sleep(0)
    due = CLOCK.monotonic() + SOON_SECONDS
    for place in range(3):
        agenda.put(due, place)
    async with asyncio.timeout(10):
        taken = [await one for one in waiting[:3]]
    assert taken == [(0, FIRST), (1, SECOND), (2, THIRD)]
    assert not waiting[3].done()
    agenda.close()
    assert await waiting[3] is None


async def test_a_closed_agenda_gives_nothing() -> None:
    """Whoever waits and whoever comes must be told that it is over, also while something is due."""
    agenda = Agenda([FIRST], CLOCK)
    await agenda.take()
    waiting = asyncio.ensure_future(agenda.take())
    await asyncio.sleep(0)
    agenda.put(CLOCK.monotonic(), 0)
    agenda.close()
    assert await waiting is None
    assert await agenda.take() is None


async def test_the_beginning_is_spread() -> None:
    """Those of the beginning must not all be due at once when there is a step between them."""
    clock = FakeClock()
    agenda = Agenda([FIRST, SECOND], clock, 60)
    assert await agenda.take() == (0, FIRST)
    waiting = asyncio.ensure_future(agenda.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(60)
    assert await agenda.take() == (1, SECOND)
    agenda.close()
    assert await waiting is None


async def test_entries_keep_their_order_over_years() -> None:
    """After any uptime the order must be that of the instants, to the microsecond."""
    clock = FakeClock()
    clock.advance(1e9)
    agenda = Agenda([FIRST, SECOND, THIRD], clock)
    for _ in range(3):
        await agenda.take()
    agenda.put(1e9 + 3e-6, 0)
    agenda.put(1e9 + 1e-6, 1)
    agenda.put(1e9 + 2e-6, 2)
    clock.advance(1)
    assert [(await agenda.take() or (None,))[0] for _ in range(3)] == [1, 2, 0]
