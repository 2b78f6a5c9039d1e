"""The merchants of the sandbox and the plan by which they live."""

import asyncio
from itertools import islice

import pytest

from notifier.sandbox.account_book import AccountBook
from notifier.sandbox.merchants import Does, play, sentence, steps
from notifier.sandbox.shop_names import EVIL_LINK, readable

from .conftest import Time


@pytest.fixture
def book(time: Time) -> AccountBook:
    """Give an empty book."""
    return AccountBook("P11200000", time.clock)


def test_plan_is_in_order_and_repeatable() -> None:
    """The plan is ordered by time and depends on the seed alone."""
    plan = list(steps(5, 40))
    assert plan == sorted(plan)
    assert [sentence(step) for step in plan] == [sentence(step) for step in steps(5, 40)]
    assert [sentence(step) for step in plan] != [sentence(step) for step in steps(6, 40)]


def test_plan_without_end() -> None:
    """Without a number of merchants the plan goes on, still in order."""
    offsets = [step.offset_seconds for step in islice(steps(1), 2000)]
    assert offsets == sorted(offsets)


def test_first_minute_shows_every_kind_of_life() -> None:
    """Every kind of life, a test account and the troublemakers come in the first minute."""
    first_minute = [step for step in steps(2, 10) if step.offset_seconds <= 60]
    assert {step.does for step in first_minute} == set(Does)
    merchants = {step.merchant for step in first_minute}
    assert any(merchant.account_id.startswith("T") for merchant in merchants)
    assert any("<!channel>" in merchant.business_name for merchant in merchants)
    assert any(merchant.link == EVIL_LINK for merchant in merchants)


async def test_play_lives_the_whole_plan(book: AccountBook, time: Time) -> None:
    """Every step happens at its time, divided by the speed, and is told in one line."""
    told: list[str] = []
    plan = list(steps(3, 30))
    done = await play(plan, book, speed=10, sleep=time.sleep, tell=told.append)
    assert done == len(plan) == len(told)
    assert len(book.account_ids()) == 30
    assert time.seconds == pytest.approx(plan[-1].offset_seconds / 10)
    assert all(line.isprintable() for line in told)
    asked = sum(step.does is Does.IS_ASKED_TO_SIGN for step in plan)
    assert sum(event.event == "signature_required" for event in book.truth()) == asked


async def test_expiry_follows_the_speed(book: AccountBook, time: Time) -> None:
    """The signup that is let expire has expired when that is told."""
    told: list[str] = []
    plan = [step for step in steps(3, 10) if step.merchant.lifetime_seconds]
    await play(plan, book, speed=2, sleep=time.sleep, tell=told.append)
    (account_id,) = book.account_ids()
    signup = book.connection(account_id, "vipps")["signup"]
    assert signup["expires_at"] < time.now.isoformat()
    assert told[-1].endswith("expire")


async def test_stop_ends_at_once(book: AccountBook) -> None:
    """Setting `stop` ends a wait of any length, between two steps."""
    stop = asyncio.Event()
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        stop.set()

    async def sleep(seconds: float) -> None:
        if told:
            await asyncio.Event().wait()

    assert await play(steps(1), book, sleep=sleep, tell=tell, stop=stop) == 1
    assert len(told) == 1


def test_readable_shows_what_cannot_be_printed() -> None:
    """Direction marks and control characters appear as code points, letters as they are."""
    assert readable("Blåbær\u202e\x1b[31m") == "Blåbær\\u202e\\u001b[31m"
