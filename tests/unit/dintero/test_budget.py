"""The bound on all bodies: it holds, and it never stands still."""

import asyncio

from notifier.dintero.budget import BytesBudget


async def test_bodies_beyond_the_bound_wait_and_all_end() -> None:
    """Ten bodies that want more than there is are read in turn, within the bound."""
    budget = BytesBudget(total_bytes=100, reserve_bytes=40)
    most = 0

    async def read_body() -> None:
        nonlocal most
        with budget.lease() as lease:
            for _ in range(4):
                await lease.take(10)
                most = max(most, budget.used_bytes)
                await asyncio.sleep(0)

    await asyncio.gather(*(read_body() for _ in range(10)))
    assert 60 < most <= 100
    assert budget.used_bytes == 0


async def test_a_cancelled_body_gives_back_what_it_held() -> None:
    """Neither its bytes nor the reserve are lost."""
    budget = BytesBudget(total_bytes=10, reserve_bytes=10)
    with budget.lease() as first:
        await first.take(10)

        async def wait_in_vain() -> None:
            with budget.lease() as second:
                await second.take(1)

        waiting = asyncio.create_task(wait_in_vain())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert budget.used_bytes == 0
    with budget.lease() as third:
        await third.take(10)
    assert budget.used_bytes == 0
