"""Procrastinate's own tables, made and brought up to date on a real PostgreSQL."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from notifier.workers import tables as job_tables
from notifier.workers.tables import require_tables

GONE_AFTER_SECONDS = 25.0
PATIENCE_SECONDS = 10.0


@pytest.fixture
def parameters(postgres_url: str) -> dict[str, Any]:
    """Give what a connection to an empty database needs."""
    return conninfo_to_dict(postgres_url)


@pytest.fixture
def database(postgres_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Give a connection to look with."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    """Give a folder with the migrations of a release that is yet to come, in both parts."""
    for part in ("pre", "post"):
        (tmp_path / f"98.00.00_01_{part}_known.sql").write_text("SELECT 1 / 0")
        (tmp_path / f"99.00.00_01_{part}_new.sql").write_text(f"CREATE TABLE of_{part} ()")
    (tmp_path / "02.00.00_01_before_there_were_parts.sql").write_text("SELECT 1 / 0")
    return tmp_path


def note(database: psycopg.Connection[Any], comment: str) -> None:
    """Put a comment where it is noted what was applied."""
    database.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{comment}'".encode())


def has(database: psycopg.Connection[Any], table: str) -> bool:
    """Say whether there is a table."""
    return database.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone() == (True,)


async def test_an_empty_database_gets_them_once(
    parameters: dict[str, Any], database: psycopg.Connection[Any]
) -> None:
    """The first worker must make the tables and note how new they are; the next must find nothing to do."""
    await require_tables(parameters, GONE_AFTER_SECONDS)
    found = database.execute("SELECT obj_description('procrastinate_jobs'::regclass)").fetchone()
    assert found is not None
    assert found[0].startswith("notifier: pre 03.")
    await require_tables(parameters, GONE_AFTER_SECONDS)
    assert database.execute("SELECT obj_description('procrastinate_jobs'::regclass)").fetchone() == found


async def test_who_stands_still_over_them_keeps_no_other_from_starting(
    parameters: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that holds on while it looks at the tables must lose its turn."""
    await require_tables(parameters, GONE_AFTER_SECONDS)
    stands, is_woken, bring = asyncio.Event(), asyncio.Event(), job_tables._bring_up_to_date

    async def stand_still(*_: Any) -> job_tables.Applied:
        stands.set()
        await is_woken.wait()
        return job_tables.Applied()

    monkeypatch.setattr(job_tables, "IDLE_SECONDS", 1)
    monkeypatch.setattr(job_tables, "_bring_up_to_date", stand_still)
    sleeper = asyncio.ensure_future(require_tables(parameters, GONE_AFTER_SECONDS))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await stands.wait()
        monkeypatch.setattr(job_tables, "_bring_up_to_date", bring)
        await require_tables(parameters, GONE_AFTER_SECONDS)
    is_woken.set()
    with pytest.raises(psycopg.Error):
        await sleeper


async def test_a_newer_release_finishes_them_when_the_last_older_worker_has_ended(
    parameters: dict[str, Any], database: psycopg.Connection[Any], migrations: Path
) -> None:
    """What older workers do not mind must come at once, the rest only without them, and nothing twice."""
    await require_tables(parameters, GONE_AFTER_SECONDS)
    note(database, "notifier: pre 98.00.00_01_pre_known.sql post 98.00.00_01_post_known.sql")
    database.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
    await require_tables(parameters, GONE_AFTER_SECONDS, migrations)
    assert has(database, "of_pre")
    assert not has(database, "of_post")
    database.execute("DELETE FROM procrastinate_workers")
    for _ in range(2):
        await require_tables(parameters, GONE_AFTER_SECONDS, migrations)
        assert has(database, "of_post")


async def test_a_migration_that_fails_leaves_all_as_it_was(
    parameters: dict[str, Any], database: psycopg.Connection[Any], migrations: Path
) -> None:
    """A part of a migration must never be kept, nor noted."""
    await require_tables(parameters, GONE_AFTER_SECONDS)
    comment = "notifier: pre 98.00.00_01_pre_known.sql post 97.sql"
    note(database, comment)
    with pytest.raises(psycopg.errors.DivisionByZero):
        await require_tables(parameters, GONE_AFTER_SECONDS, migrations)
    assert not has(database, "of_pre")
    assert database.execute("SELECT obj_description('procrastinate_jobs'::regclass)").fetchone() == (comment,)
