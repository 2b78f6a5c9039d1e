"""The store in PostgreSQL: what is its own, beside what `tests/service` asks of both stores."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from notifier.domain.delivery import Notification
from notifier.errors import ConfigError, StoreError, StoreUnavailable, StoreUnusable
from notifier.service.ports import Books
from notifier.store import tables
from notifier.store.opening import make_store
from notifier.store.postgres import MOST_TRIES, PostgresStore
from tests.fakes import FakeClock
from tests.postgres import Cluster

NOW = FakeClock().now()


def make_notification(name: str, destination: str = "d1") -> Notification:
    """Return a notification of which only its id and its destination matter."""
    return Notification(name, "change", "case", "sales", destination, "status_changed")


def enqueue(*notifications: Notification) -> Any:
    """Return the job that puts notifications into the outbox."""
    return lambda books: books.outbox.enqueue(notifications, NOW)


def test_two_engines_make_the_tables_at_once(postgres: Cluster) -> None:
    """Engines that start together on an empty database must not get into one another's way."""
    url = postgres.make_database()

    async def open_all() -> None:
        await asyncio.gather(*(asyncio.to_thread(_open_and_close, url) for _ in range(4)))

    asyncio.run(open_all())
    with make_store(url) as store:
        store.open_existing()


def _open_and_close(url: str) -> None:
    with PostgresStore(url) as store:
        store.lock()
        store.open()


async def test_jobs_that_get_in_each_others_way_are_done_again(postgres_url: str) -> None:
    """Many engines that read and write the same row must each have done it, one after the other."""
    stores = [PostgresStore(postgres_url) for _ in range(3)]
    for store in stores:
        store.open()
    await stores[0].run(enqueue(make_notification("n")))

    def count_up(books: Books) -> None:
        held = books.outbox.count_holds("sales")
        assert books.outbox.hold("sales", NOW, NOW, error_code="", error="") == held + 1

    try:
        await asyncio.gather(*(store.run(count_up) for store in stores for _ in range(10)))
        assert await stores[0].run(lambda books: books.outbox.count_holds("sales")) == 30
    finally:
        for store in stores:
            store.close()


async def test_a_conflict_that_does_not_end_is_a_trouble(postgres_url: str) -> None:
    """A job that can never be serialized must be given up after so many tries, with a sentence."""
    tries = 0

    def fail(_books: Books) -> None:
        nonlocal tries
        tries += 1
        raise psycopg.errors.SerializationFailure

    with PostgresStore(postgres_url) as store:
        store.open()
        with pytest.raises(StoreUnavailable, match=r"too many at the same time \(40001\)"):
            await store.run(fail)
    assert tries == MOST_TRIES


async def test_what_is_due_is_announced_in_the_transaction(postgres_url: str) -> None:
    """Who is to wake the engines must hear of every destination before the commit, on that connection."""
    heard: list[frozenset[str]] = []

    def announce(connection: "psycopg.Connection[Any]", destinations: frozenset[str]) -> None:
        heard.append(destinations)
        (count,) = connection.execute("SELECT count(*) FROM outbox").fetchone() or (0,)
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        connection.execute(
            "INSERT INTO walks VALUES ('announced', %s, 0) ON CONFLICT DO NOTHING", (str(count),)
        )

    with PostgresStore(postgres_url, announce=announce) as store:
        store.open()
        await store.run(enqueue(make_notification("n1"), make_notification("n2", "d2")))
        await store.run(lambda books: books.outbox.next_due_at("d1"))
        assert heard == [frozenset({"d1", "d2"})]
        assert await store.run(lambda books: books.is_walked("announced", "2"))
        claim = await store.run(lambda books: books.outbox.claim("d1", NOW, NOW))
        assert claim is not None
        await store.run(lambda books: books.outbox.record_dead(claim, NOW, error_code="x", error="y"))
        await store.run(lambda books: books.outbox.retry(None, NOW))
        assert heard[1:] == [frozenset({"d1"})]


async def test_an_announcement_that_fails_undoes_the_transaction(postgres_url: str) -> None:
    """Nothing may stand in the outbox that nobody is to be woken for."""

    def announce(connection: "psycopg.Connection[Any]", _destinations: frozenset[str]) -> None:
        connection.execute("SELECT 1 / 0")

    with PostgresStore(postgres_url, announce=announce) as store:
        store.open()
        with pytest.raises(StoreError):
            await store.run(enqueue(make_notification("n1")))
        assert await store.run(lambda books: books.outbox.next_due_at("d1")) is None


def test_nul_is_kept_as_what_postgres_can_keep(postgres_url: str) -> None:
    """A text from outside with NUL in it must stop nothing."""
    with PostgresStore(postgres_url) as store:
        store.open()
        store.run_now(lambda books: books.save_problem("a\0b", "said \0", NOW))
        assert store.run_now(lambda books: books.load_problems()) == {"a\ufffdb": "said \ufffd"}
        store.run_now(lambda books: books.clear_problem("a\0b"))
        assert store.run_now(lambda books: books.load_problems()) == {}


def test_json_is_written_only_where_it_differs(postgres_url: str) -> None:
    """PostgreSQL, which does not compare JSON, must still see that a row is as it was."""
    with PostgresStore(postgres_url) as store:
        store.open()
        assert store.read_now(lambda one: one.execute(select(tables.connections.c.bare)).all()) == []


def test_the_clocks_offset_is_small_on_one_machine(postgres_url: str) -> None:
    """The database's clock must be compared with ours, the way there taken off."""
    with PostgresStore(postgres_url) as store:
        store.open()
        assert abs(store.read_clock_offset()) < timedelta(seconds=0.5)


def test_another_programs_database_is_left_alone(postgres: Cluster) -> None:
    """Tables that are not ours, under our names, must be a sentence and not be touched."""
    name = postgres.make_database()
    postgres.execute("CREATE TABLE events (id int)", name)
    with (
        PostgresStore(name) as store,
        pytest.raises(StoreUnusable, match="belongs to another program"),
    ):
        store.open()
    assert postgres.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", name) == [(1,)]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://user:canary@127.0.0.1:1/notifier", "cannot be reached"),
        ("postgresql://user:canary@127.0.0.1/notifier?host=/nowhere", "cannot be reached"),
    ],
)
def test_a_database_that_is_not_there_is_a_sentence(url: str, words: str) -> None:
    """It must name the database and its host, say what to do, and not hold the password."""
    with make_store(url) as store:
        with pytest.raises(StoreUnavailable, match=words) as caught:
            store.open()
        assert "the database notifier on" in str(caught.value)
        assert "canary" not in f"{caught.value}{store!r}{vars(store)!r}{caught.value.__cause__}"


def test_an_option_that_libpq_does_not_know_is_a_wrong_setting() -> None:
    """It must be told as a mistake in the settings, without anything of the address."""
    with pytest.raises(ConfigError, match="libpq does not understand") as caught:
        make_store("postgresql://user:canary@db/notifier?canary=1")
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_without_the_driver_the_extra_is_named() -> None:
    """Who has not installed it must be told what to install; a file needs none of it."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from notifier.errors import ConfigError\n"
        "from notifier.store.opening import make_store\n"
        "make_store('sqlite:///x.db').close()\n"
        "assert not [one for one in sys.modules if 'postgresql' in one]\n"
        "try: make_store('postgresql://u@h/d')\n"
        "except ConfigError as error: print(error)\n"
    )
    said = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "pip install 'dintero-notifier[postgres]'" in said.stdout
