"""The bound on all bodies: it holds, and it never stands still."""

import asyncio

from notifier.dintero.budget import BytesBudget, Lease


async def fits(budget: BytesBudget, count: int) -> bool:
    """Whether so many bytes are free without the reserve, which are given back at once."""
    with budget.lease() as lease:
        await lease.take(count)
        return not lease.has_reserve


async def test_bodies_beyond_the_bound_wait_and_all_end() -> None:
    """Ten bodies that want more than there is are read in turn, within the bound."""
    budget = BytesBudget(total_bytes=100, reserve_bytes=40)
    leases: list[Lease] = []
    most = 0

    async def read_body() -> None:
        nonlocal most
        with budget.lease() as lease:
            leases.append(lease)
            for _ in range(4):
                await lease.take(10)
                most = max(most, sum(one.held_bytes for one in leases))
                await asyncio.sleep(0)

    await asyncio.gather(*(read_body() for _ in range(10)))
    assert 60 < most <= 100
    assert await fits(budget, 60)


async def test_a_cancelled_body_gives_back_what_it_held() -> None:
    """Neither its bytes nor the reserve are lost."""
    budget = BytesBudget(total_bytes=20, reserve_bytes=10)
    with budget.lease() as first:
        await first.take(20)

        async def wait_in_vain() -> None:
            with budget.lease() as second:
                await second.take(1)

        waiting = asyncio.create_task(wait_in_vain())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    assert await fits(budget, 10)
    with budget.lease() as third:
        await third.take(20)
        assert third.has_reserve
