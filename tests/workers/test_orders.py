"""Jobs are ordered in the transaction that makes them due: with it they stay, and with it they go."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from notifier.store.address import read_address
from notifier.workers.alone import count_workers
from notifier.workers.lease import Lease
from notifier.workers.orders import Orders, Task, name_lock
from notifier.workers.shop import Shop
from tests.postgres import Cluster

DESTINATION = "to sales"


@pytest_asyncio.fixture
async def url(cluster: Cluster, new_postgres_store: str) -> AsyncIterator[str]:
    """Give a store with Procrastinate's tables."""
    address = cluster.make_database(like=new_postgres_store)
    lease, parameters = Lease(time.monotonic, 25.0), read_address(address).parameters
    async with Shop(parameters, asyncio.Event(), lambda: True, lambda: None, lease).open(25.0):
        yield address
    cluster.drop_database(address)


@pytest.fixture
def connection(url: str) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """Give a connection as the store uses it: serializable."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        yield connection


def _list_jobs(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as other:
        return other.execute("SELECT queue_name, lock, status::text FROM procrastinate_jobs").fetchall()


def test_a_job_is_there_with_its_transaction(
    url: str, connection: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    """Before the commit nobody may see it, after it everybody must."""
    connection.execute("SELECT 1")
    Orders().announce(connection, [DESTINATION])
    assert _list_jobs(url) == []
    connection.commit()
    assert _list_jobs(url) == [("deliver", name_lock(Task.DRAIN, DESTINATION), "todo")]


def test_a_job_goes_with_a_transaction_that_is_rolled_back(
    url: str, connection: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    """What was never kept must not be told of."""
    connection.execute("INSERT INTO errands (name, next_at) VALUES ('x', 0)")
    Orders().announce(connection, [DESTINATION])
    connection.rollback()
    assert _list_jobs(url) == []


def test_a_second_job_for_the_same_place_does_not_end_the_transaction(
    url: str, connection: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    """Where a job waits already the refusal must leave everything else of the transaction as it is."""
    orders = Orders()
    orders.announce(connection, [DESTINATION])
    connection.commit()
    connection.execute("INSERT INTO errands (name, next_at) VALUES ('before', 0)")
    assert not orders.place(connection, Task.DRAIN, DESTINATION)
    assert orders.place(connection, Task.DRAIN, "to oncall")
    connection.execute("INSERT INTO errands (name, next_at) VALUES ('after', 0)")
    connection.commit()
    assert len(_list_jobs(url)) == 2
    assert connection.execute("SELECT count(*) FROM errands").fetchone() == (2,)


async def test_workers_are_counted_by_their_signs_of_life(
    url: str, connection: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    """Only those that were heard of lately count."""
    assert await count_workers(read_address(url).parameters, 10) == 0
    connection.execute("SELECT procrastinate_register_worker_v1()")
    connection.execute(
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
    )
    connection.commit()
    assert await count_workers(read_address(url).parameters, 10) == 1
