"""A worker that stands still between the database's answer and its next step keeps no other from its work."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import psycopg
import pytest
import pytest_asyncio
from procrastinate.jobs import Status

from notifier.store.address import read_address
from notifier.workers.lease import Lease
from notifier.workers.orders import Orders, Queue, Task
from notifier.workers.shop import Shop
from notifier.workers.takeover import Takeover
from tests.postgres import Cluster

STALLED = 25.0
PATIENCE_SECONDS = 5.0
"""Nothing here has anything to wait for; PostgreSQL itself would wait for as long as the one stands still."""
WANTED = [Queue.DELIVER]


class Yard:
    """Two workers on one database, of which one may be told to stand still, and a job."""

    def __init__(self, url: str, sleeper: Shop, other: Shop) -> None:
        self.url = url
        self.sleeper = sleeper
        self.other = other
        self._answered = asyncio.Event()
        self._woken = asyncio.Event()
        self.sleeping: asyncio.Future[Any] | None = None

    def place(self) -> None:
        """Order a job."""
        with psycopg.connect(self.url) as connection:
            Orders().place(connection, Task.DRAIN, "to sales")

    async def let_stand_still(self, monkeypatch: pytest.MonkeyPatch, doing: Any) -> None:
        """Begin something, and stand still with the first answer to it for longer than any worker may."""
        connector: Any = self.sleeper.app.connector
        get_cursor = connector._get_cursor

        @asynccontextmanager
        async def stand_still() -> AsyncIterator[Any]:
            async with get_cursor() as cursor:
                yield cursor
                self._answered.set()
                await self._woken.wait()

        monkeypatch.setattr(connector, "_get_cursor", stand_still)
        self.sleeping = asyncio.ensure_future(doing)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._answered.wait()
        monkeypatch.setattr(connector, "_get_cursor", get_cursor)
        with psycopg.connect(self.url) as connection:
            connection.execute(
                "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' WHERE id = 1"
            )

    async def look(self) -> int:
        """Let the other look for workers that are gone, and return how many jobs it took over."""
        takeover = Takeover(self.other.app, time.monotonic, STALLED, 0.0)
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await takeover.look() + await takeover.look()

    async def wake(self) -> None:
        """Let the one that stands still go on."""
        self._woken.set()
        if self.sleeping is not None:
            await self.sleeping


@pytest_asyncio.fixture
async def yard(cluster: Cluster, new_postgres_store: str) -> AsyncIterator[Yard]:
    """Give two workers; the first is the one that may stand still."""
    address = cluster.make_database(like=new_postgres_store)
    shops = []
    async with AsyncExitStack() as stack:
        for _ in range(2):
            lease = Lease(time.monotonic, STALLED)
            shop = Shop(read_address(address).parameters, asyncio.Event(), lambda: True, lambda: None, lease)
            shop.add_rounds(_make_no_round, 2)
            await stack.enter_async_context(shop.open(STALLED))
            worker_id = await shop.app.job_manager.register_worker()
            assert await shop.app.job_manager.fetch_job(WANTED, worker_id) is None
            shops.append(shop)
        made = Yard(address, *shops)
        yield made
        await made.wake()
    cluster.drop_database(address)


async def _make_no_round() -> None:
    """Do nothing."""


async def test_over_a_job_that_it_gets(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job must be taken over like any other of a worker that is gone."""
    yard.place()
    await yard.let_stand_still(monkeypatch, yard.sleeper.app.job_manager.fetch_job(WANTED, 1))
    assert await yard.look() == 1


async def test_over_a_job_that_it_has_done(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks for workers that are gone must not wait for it: nobody else would be found either."""
    yard.place()
    job = await yard.sleeper.app.job_manager.fetch_job(WANTED, 1)
    assert job is not None
    doing = yard.sleeper.app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True)
    await yard.let_stand_still(monkeypatch, doing)
    assert await yard.look() == 0
    yard.place()
    assert await yard.other.app.job_manager.fetch_job(WANTED, 2) is not None


async def test_over_a_round_that_it_orders(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others must order theirs: without rounds nothing that becomes due is found by anybody."""

    def order(shop: Shop) -> Any:
        job = shop.app.configure_task("round", queue=Queue.TEND, task_kwargs={"timestamp": 1}).job
        return shop.app.job_manager.defer_periodic_job(job, "", 1)

    await yard.let_stand_still(monkeypatch, order(yard.sleeper))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await order(yard.other)
