"""Jobs are ordered in the transaction that makes them due: with it they stay, and with it they go."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import pytest_asyncio

from notifier.domain.shards import name_part
from notifier.store.address import read_address
from notifier.workers.alone import count_workers
from notifier.workers.lease import Lease
from notifier.workers.orders import Orders, Queue, Task, name_lock
from notifier.workers.shop import Places, Shop
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


@pytest.mark.parametrize(
    ("shard", "queue"),
    [
        ("dintero/1-of-1", Queue.POLL),
        ("dintero/partner/P11200000", Queue.WALK),
        (name_part("dintero/partner/P11200000", 1, 2), Queue.WALK),
    ],
)
def test_walks_have_places_of_their_own(
    url: str, connection: "psycopg.Connection[tuple[object, ...]]", shard: str, queue: Queue
) -> None:
    """However many long walks there are, what is polled by its name must not wait for one of them to end."""
    assert Orders().place(connection, Task.POLL, shard)
    connection.commit()
    assert _list_jobs(url) == [(queue, name_lock(Task.POLL, shard), "todo")]


def test_every_queue_has_places_in_every_worker(url: str) -> None:
    """What is ordered must be done by somebody."""
    lease = Lease(time.monotonic, 25.0)
    shop = Shop(read_address(url).parameters, asyncio.Event(), lambda: True, lambda: None, lease)
    hands = [vars(hand) for hand in shop.hire(Places(lanes=9, passes=3), 5.0)]
    places = {queue: hand["concurrency"] for hand in hands for queue in hand["queues"]}
    assert places == {Queue.DELIVER: 9, Queue.POLL: 3, Queue.WALK: 3, Queue.TEND: 8}


async def test_workers_that_are_long_gone_are_forgotten(
    url: str, connection: "psycopg.Connection[tuple[object, ...]]"
) -> None:
    """Each that is killed leaves its rows behind; those that may still be missed must stay."""
    lease = Lease(time.monotonic, 25.0)
    shop = Shop(read_address(url).parameters, asyncio.Event(), lambda: True, lambda: None, lease)
    async with shop.open(25.0):
        connection.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) SELECT now() - one * interval '1 hour' "
            "FROM unnest(ARRAY[0, 1, 25, 25]) AS one"
        )
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id) "
            "VALUES ('deliver', 'drain', 'doing', 4)"
        )
        connection.commit()
        assert await shop.app.job_manager.prune_stalled_workers(25.0) == [3]
    left = connection.execute("SELECT id FROM procrastinate_workers ORDER BY id").fetchall()
    assert left == [(1,), (2,), (4,)]
    # Nor does it end a worker that this cannot be asked for now.
    assert await shop.app.job_manager.prune_stalled_workers(25.0) == []


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
