"""Workers, and who has to be alone on the database: whoever comes first, they keep away from each other."""

import asyncio
import time
from collections.abc import AsyncIterator

import psycopg
import pytest
import pytest_asyncio

from notifier.store.address import read_address
from notifier.workers.alone import count_workers, reserved
from notifier.workers.lease import Lease
from notifier.workers.orders import Orders, Queue, Task
from notifier.workers.shop import Shop
from tests.postgres import Cluster
from tests.workers.conftest import Site

STALLED = 25.0


@pytest_asyncio.fixture
async def url(cluster: Cluster, new_postgres_store: str) -> AsyncIterator[str]:
    """Give a store."""
    address = cluster.make_database(like=new_postgres_store)
    yield address
    cluster.drop_database(address)


async def test_a_worker_takes_no_job_beside_who_is_alone(url: str) -> None:
    """Neither at its start nor after a silence, in which it was not counted, may it work beside it."""
    parameters, lease = read_address(url).parameters, Lease(time.monotonic, STALLED)
    shop = Shop(parameters, asyncio.Event(), lambda: True, lambda: None, lease)
    async with shop.open(STALLED):
        jobs, wanted = shop.app.job_manager, [Queue.DELIVER]
        worker_id = await jobs.register_worker()
        assert await count_workers(parameters, STALLED) == 1

        async def fetch(destination: str) -> bool:
            with psycopg.connect(url) as connection:
                Orders().place(connection, Task.DRAIN, destination)
            return await jobs.fetch_job(wanted, worker_id) is not None

        async with reserved(parameters) as is_alone:
            assert is_alone
            assert not await shop.is_free()
            assert not await fetch("to sales")
        assert await shop.is_free()
        assert await fetch("to sales")
        async with reserved(parameters):
            # It was counted, so that whoever wants to be alone has given up by now.
            assert await fetch("to oncall")
            lease._given_at[worker_id] -= STALLED
            await jobs.update_heartbeat(worker_id)
            assert not await fetch("to others")
        assert await fetch("to others")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_worker_that_is_started_beside_run_once_waits_for_its_end(site: Site) -> None:
    """It must say in one sentence what it waits for, do nothing meanwhile, and all of its work afterwards."""
    async with reserved(read_address(site.url).parameters):
        worker = site.hire()
        await site.wait(lambda: "`notifier run --once` works on this store" in site.log, "it says so")
        assert site.query("SELECT count(*) FROM shards") == [(0,)]
        assert not site.world.dintero.requests
    await site.check()
    await site.dismiss(worker)
    assert site.log.count("`notifier run --once` works on this store") == 1
