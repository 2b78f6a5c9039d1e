"""What the database does to workers: they live through it, go on by themselves, and tell all of it once."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.workers.conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROLE = "clerk"


@contextmanager
def _stopped(site: Site) -> Iterator[None]:
    """Let nobody reach the database for a while."""
    site.cluster.stop()
    try:
        yield
    finally:
        site.cluster.start()


@contextmanager
def _read_only(site: Site) -> Iterator[None]:
    """Let everybody read the database, and nobody write it."""
    name = conninfo_to_dict(site.url)["dbname"]
    site.cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    _disconnect_all(site)
    try:
        yield
    finally:
        site.cluster.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        _disconnect_all(site)


@contextmanager
def _full(site: Site) -> Iterator[None]:
    """Let nobody else into the database: all its connections are taken."""
    name = conninfo_to_dict(site.url)["dbname"]
    site.cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    _disconnect_all(site)
    try:
        yield
    finally:
        site.cluster.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


def _disconnect_all(site: Site) -> None:
    name = conninfo_to_dict(site.url)["dbname"]
    site.cluster.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    )


@pytest.mark.parametrize("fault", [_stopped, _read_only, _full])
async def test_workers_outlive_a_database_that_fails_for_a_while(site: Site, fault: object) -> None:
    """What is news while nothing can be written must be told once afterwards, by workers that never ended."""
    assert callable(fault)
    crew = site.hire(STORE__EMERGENCY_AFTER_SECONDS="60"), site.hire(STORE__EMERGENCY_AFTER_SECONDS="60")
    await site.check()
    with fault(site):
        await site.wait(lambda: "the store fails" in site.log, "somebody notices")
        site.ask("P20000004")
        site.sign("P20000001")
        # It is the time itself that is wanted: longer than a worker may be silent.
        await asyncio.sleep(3)
    began = time.monotonic()
    await site.check()
    assert time.monotonic() - began < 20
    assert not any(life.ended.done() for life in crew)
    await site.dismiss(*crew)


async def test_a_database_that_is_restarted_again_and_again_loses_nothing(site: Site) -> None:
    """Restarted without a word while polls and deliveries go on, it must neither lose nor double anything."""
    crew = site.hire(), site.hire()
    for number in range(4):
        site.ask(f"P3000000{number}")
        await asyncio.to_thread(site.cluster.restart, is_sudden=bool(number % 2))
    await site.check()
    await site.dismiss(*crew)


async def test_on_call_hears_of_a_database_that_fails_for_long(site: Site) -> None:
    """Whoever is on call must be told that the store fails, and that it is over, as with a file."""
    worker = site.hire(
        STORE__EMERGENCY_AFTER_SECONDS="0.5", RECEIVERS__ONCALL__EMERGENCY="true", WORKERS__LANES="5"
    )
    await site.check()

    def count_alarms() -> int:
        return sum("store" in str(post.body).lower() for post in site.world.slack.posts)

    with _stopped(site):
        await site.wait(count_alarms, "the alarm")
    await site.wait(lambda: count_alarms() > 1, "the all-clear")
    await site.dismiss(worker)


async def test_without_rights_on_the_schema_the_start_says_what_is_missing(site: Site) -> None:
    """A worker whose role may not make Procrastinate's tables must say so, and go on trying."""
    name = conninfo_to_dict(site.url)["dbname"]
    with psycopg.connect(site.url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone():
            connection.execute(f"CREATE ROLE {ROLE} LOGIN")
        connection.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {ROLE}")
    url = site.url.replace("postgres:@", f"{ROLE}@").replace("postgres@", f"{ROLE}@")
    assert make_conninfo(url, dbname=name)
    worker = site.hire(STORE__URL=url)
    await site.wait(lambda: "the store fails" in site.log, "it says so")
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute(f"GRANT ALL ON SCHEMA public TO {ROLE}")
        connection.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")
    await site.check()
    await site.dismiss(worker)
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute(f"DROP OWNED BY {ROLE}")
        connection.execute(f"DROP ROLE {ROLE}")
