"""What happens to a PostgreSQL, and to the way to it: each fault one sentence, and the next job works."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from notifier.errors import StoreError, StoreUnavailable, StoreUnclear
from notifier.service.emergency import Emergency
from notifier.service.ports import Books
from notifier.service.store_watch import StoreWatch
from notifier.store import postgres_engine
from notifier.store.address import read_address
from notifier.store.postgres import PostgresStore
from tests.chaos.world import until
from tests.fakes import FakeClock
from tests.integration.test_postgres import NOW
from tests.postgres import Cluster
from tests.proxy import Proxy

PASSWORD = "canary-password"


@pytest.fixture
def proxy(postgres: Cluster) -> Iterator[Proxy]:
    """Give a way to the server over loopback."""
    with Proxy(str(Path(str(conninfo_to_dict(postgres.find_url())["host"])) / ".s.PGSQL.5432")) as way:
        yield way


@pytest.fixture
def far(proxy: Proxy, postgres_url: str) -> Iterator[PostgresStore]:
    """Give an open store at the end of that way, with a password in its address."""
    name = conninfo_to_dict(postgres_url)["dbname"]
    with PostgresStore(f"postgresql://postgres:{PASSWORD}@127.0.0.1:{proxy.port}/{name}") as store:
        store.open()
        yield store


def note(subject: str = "s") -> object:
    """Return a job that writes."""
    return lambda books: books.save_problem(subject, "sentence", NOW)


async def fail(store: PostgresStore, words: str, job: object | None = None) -> StoreError:
    """Run a job that must fail with these words, and no password among them."""
    with pytest.raises(StoreUnavailable, match=words) as caught:
        await store.run(job or note())  # type: ignore[arg-type]
    said = f"{caught.value}{caught.value.__cause__}{store!r}"
    assert PASSWORD not in said
    assert str(caught.value).startswith("the database ")
    return caught.value


async def works(store: PostgresStore) -> bool:
    """Whether the next job does what it is for."""
    await store.run(note("works"))  # type: ignore[arg-type]
    return "works" in await store.run(lambda books: books.load_problems())


async def test_a_server_that_was_restarted_is_no_trouble(far: PostgresStore, postgres: Cluster) -> None:
    """Connections that a restart has cut must be replaced without a word; the job was never begun."""
    assert await works(far)
    postgres.restart(is_sudden=True)
    assert await works(far)


async def test_a_server_that_is_stopped_is_waited_for(far: PostgresStore, postgres: Cluster) -> None:
    """While it is down each job fails with the sentence; when it is back the next one works."""
    postgres.stop()
    try:
        await fail(far, "cannot be reached")
    finally:
        postgres.start()
    assert await works(far)


async def test_a_network_that_is_cut_is_a_sentence(far: PostgresStore, proxy: Proxy) -> None:
    """A database that cannot be reached must be told as such, and be used when it can be again."""
    proxy.is_closed = True
    proxy.cut()
    await fail(far, "cannot be reached")
    proxy.is_closed = False
    assert await works(far)


async def test_a_database_that_can_only_be_read_is_a_sentence(
    far: PostgresStore, postgres: Cluster, postgres_url: str
) -> None:
    """A standby, or a database that somebody has protected, must be told as such."""
    name = conninfo_to_dict(postgres_url)["dbname"]
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    far._connect().dispose()
    await fail(far, r"can only be read.*\(25006\)")
    with PostgresStore(postgres_url) as other, pytest.raises(StoreUnavailable, match="can only be read"):
        other.examine()
    postgres.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")
    far._connect().dispose()
    assert await works(far)


async def test_a_server_without_a_free_connection_is_a_sentence(
    far: PostgresStore, postgres: Cluster, postgres_url: str
) -> None:
    """It must be told that too many programs connect, not that there is no server."""
    name = conninfo_to_dict(postgres_url)["dbname"]
    postgres.execute(f"CREATE ROLE crowded_{name} LOGIN CONNECTION LIMIT 0")
    postgres.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO crowded_{name}", postgres_url)
    with PostgresStore(postgres_url.replace("postgres:@", f"crowded_{name}@")) as store:
        with pytest.raises(StoreUnavailable, match="takes no more connections"):
            store.open()
        postgres.execute(f"ALTER ROLE crowded_{name} CONNECTION LIMIT 5")
        store.open()
        assert await works(store)
    postgres.execute(f"DROP OWNED BY crowded_{name}", postgres_url)
    postgres.execute(f"DROP ROLE crowded_{name}")
    assert await works(far)


async def test_a_table_that_somebody_keeps_locked_is_a_sentence(
    postgres: Cluster, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is not let go of must end the job, and so must a statement that takes too long."""
    monkeypatch.setattr(postgres_engine, "_LOCK_SECONDS", 0.2)
    monkeypatch.setattr(postgres_engine, "_STATEMENT_SECONDS", 0.6)
    with PostgresStore(postgres_url) as store:
        store.open()
        with psycopg.connect(postgres_url) as other:
            other.execute("LOCK TABLE problems")
            await fail(store, r"locked by another program.*\(55P03\)")

            def be_slow(books: Books) -> None:
                books._connection.exec_driver_sql("SELECT pg_sleep(5)")  # type: ignore[attr-defined]

            await fail(store, r"took too long.*\(57014\)", be_slow)
        assert await works(store)


async def test_a_process_that_stands_still_keeps_nobody_waiting_for_long(
    postgres: Cluster, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped before it has done anything, though the others wait for it, it must lose its turn."""
    monkeypatch.setattr(postgres_engine, "_IDLE_SECONDS", 0.5)
    with PostgresStore(postgres_url) as sleeper, PostgresStore(postgres_url) as other:
        sleeper.open()
        other.open()
        with sleeper._require_engine().connect() as connection:
            postgres_engine.take_turn(connection, is_alone=True)
            assert await works(other)
            connection.invalidate()
        assert await works(sleeper)


async def test_who_is_alone_sees_what_was_committed_while_it_waited(postgres_url: str) -> None:
    """A transaction that waits for its turn must begin behind those that it has waited for."""
    with PostgresStore(postgres_url) as store:
        store.open()
        engine = store._require_engine()
        with engine.connect() as first, engine.connect() as second:
            postgres_engine.take_turn(first, is_alone=False)
            waits = asyncio.ensure_future(asyncio.to_thread(postgres_engine.take_turn, second, is_alone=True))
            held = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            with psycopg.connect(postgres_url, autocommit=True) as watcher:
                assert await until(lambda: watcher.execute(held).fetchone() != (0,), 10)
            first.exec_driver_sql("INSERT INTO errands (name, next_at) VALUES ('seen', 0)")
            first.commit()
            await waits
            assert second.exec_driver_sql("SELECT name FROM errands").scalars().all() == ["seen"]


async def test_a_transaction_whose_connection_is_killed_is_done_again(
    far: PostgresStore, postgres: Cluster
) -> None:
    """What an administrator ends in the middle was never committed: the job runs again, and is kept once."""
    runs = 0

    def be_killed(books: Books) -> None:
        nonlocal runs
        runs += 1
        books.save_problem(f"run {runs}", "sentence", NOW)
        if runs == 1:
            pid = books._connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()  # type: ignore[attr-defined]
            postgres.execute(f"SELECT pg_terminate_backend({pid}, 5000)")
        books.load_problems()

    await far.run(be_killed)
    assert list(await far.run(lambda books: books.load_problems())) == ["run 2"]


async def test_a_commit_without_an_answer_is_unclear_and_not_repeated(
    far: PostgresStore, proxy: Proxy
) -> None:
    """It may have been kept: the job must not run again, and who asked must be told so."""
    runs = 0

    def count(books: Books) -> None:
        nonlocal runs
        runs += 1
        books.save_problem("kept", "sentence", NOW)

    proxy.swallows_commit = True
    error = await fail(far, "it may have been kept, or not", count)
    assert isinstance(error, StoreUnclear)
    assert runs == 1
    proxy.swallows_commit = False
    proxy.swallowed.clear()
    assert "kept" in await far.run(lambda books: books.load_problems())
    assert await works(far)


async def test_the_watch_treats_it_like_a_file(far: PostgresStore, proxy: Proxy) -> None:
    """While the database cannot be reached nobody tries it but the probe; then everything goes on."""
    clock = FakeClock()
    watch = StoreWatch(clock, Emergency([], "here", clock), 30)
    watch.attach(far)
    proxy.is_closed = True
    proxy.cut()
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await watch.run(lambda books: books.load_problems())
    assert not watch.is_well.is_set()
    proxy.is_closed = False
    with suppress(StoreError):
        await watch._probe(lambda books: books.save_problem("probe", "", NOW))
    assert watch.is_well.is_set()


def test_whoever_stands_still_while_it_begins_keeps_nobody_from_the_store(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped, or cut off, between the first words of a transaction and their end, it must be ended."""
    monkeypatch.setattr(postgres_engine, "_TRANSACTION_SECONDS", 1)
    monkeypatch.setattr(postgres_engine, "_IDLE_SECONDS", 1)
    hasty = postgres_engine.connect(read_address(postgres_url), 1)
    with hasty.connect() as still, ExitStack() as stack:
        monkeypatch.undo()
        engine = postgres_engine.connect(read_address(postgres_url), 1)
        other = stack.enter_context(engine.connect())
        driver = postgres_engine.find_driver(still)
        if driver.info.server_version >= 170_000:
            stack.enter_context(driver.pipeline())
        driver.execute(postgres_engine._AMONG_OTHERS)
        postgres_engine.take_turn(other, is_alone=True)
        assert other.execute(text("SELECT 1")).scalar() == 1
        with suppress(psycopg.Error):
            stack.close()
        still.invalidate()
    engine.dispose()
    hasty.dispose()


def test_a_transaction_may_be_given_all_the_time_it_takes(postgres_url: str) -> None:
    """A migration, or a move of a large store, must not be ended for taking long."""
    engine = postgres_engine.connect(read_address(postgres_url), 1)
    with engine.connect() as connection:
        before = connection.execute(text("SHOW statement_timeout")).scalar()
        postgres_engine.take_time(connection)
        names = ["statement_timeout", "lock_timeout"]
        if postgres_engine.find_driver(connection).info.server_version >= 170_000:
            names.append("transaction_timeout")
        assert {connection.execute(text(f"SHOW {name}")).scalar() for name in names} == {"0"}
        connection.rollback()
        assert connection.execute(text("SHOW statement_timeout")).scalar() == before
    engine.dispose()
