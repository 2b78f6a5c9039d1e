"""The requests of a source, over all workers: no more than its bound, and none while it wants peace."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from notifier.errors import SourceRateLimited
from notifier.store.postgres import PostgresStore
from notifier.workers.allowance import SharedBudget

SOURCE = "dintero"


@pytest.fixture
def stores(postgres_url: str) -> Iterator[list[PostgresStore]]:
    """Give one store as two workers have it open."""
    with PostgresStore(postgres_url) as one, PostgresStore(postgres_url) as other:
        for store in (one, other):
            store.open()
        yield [one, other]


async def test_two_workers_together_keep_to_the_bound(stores: list[PostgresStore]) -> None:
    """Two that ask as fast as they may must send no more than the bound, and not much less."""
    per_second, requests = 100, 100
    budgets = [SharedBudget(SOURCE, per_second, store) for store in stores]
    sent: list[float] = []

    async def ask(budget: SharedBudget) -> None:
        for _ in range(requests // 2):
            await budget.take()
            sent.append(time.monotonic())

    await asyncio.gather(*(ask(budget) for budget in budgets))
    span = max(sent) - min(sent)
    # The last batch leaves as its time begins, and two batches may be on their way at once.
    assert span >= (requests - 3 * per_second * 0.1) / per_second
    assert len(sent) == requests


@pytest.mark.parametrize("per_second", [None, 50.0])
async def test_a_source_that_wants_peace_is_left_alone_by_all(
    stores: list[PostgresStore], per_second: float | None
) -> None:
    """What one worker was asked for by a 429 must hold for the other, with and without a bound."""
    asked, other = (SharedBudget(SOURCE, per_second, store) for store in stores)
    asked.hold(60)
    while asked._telling:
        await asyncio.gather(*asked._telling)
    for budget in (asked, other):
        with pytest.raises(SourceRateLimited) as caught:
            await budget.take()
        assert caught.value.retry_after_seconds == pytest.approx(60, abs=5)
    elsewhere = SharedBudget("another", per_second, stores[1])
    await asyncio.wait_for(elsewhere.take(), 10)


async def test_a_short_peace_is_waited_for(stores: list[PostgresStore]) -> None:
    """A pause of a moment must not fail a poll."""
    asked, other = (SharedBudget(SOURCE, 50.0, store) for store in stores)
    asked.hold(0.5)
    await asyncio.gather(*asked._telling)
    began = time.monotonic()
    await other.take()
    assert time.monotonic() - began >= 0.3
