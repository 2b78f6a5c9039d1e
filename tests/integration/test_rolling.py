"""Several versions on one PostgreSQL: what newer ones add disturbs nobody, what they take away waits."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect
from sqlalchemy.pool import NullPool

from notifier.errors import StoreUnavailable, StoreUnusable
from notifier.store import migrations, schema, tables
from notifier.store.migrations import migrate
from notifier.store.postgres import PostgresStore
from notifier.store.schema import HEAD, PHASES
from notifier.store.signs import list_live_versions
from tests.postgres import Cluster

_SIGN = (
    "INSERT INTO engines VALUES ('old/1', '0006', 'old', 1, '0.0.9', 0, "
    "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint, NULL, 0, NULL)"
)

_SIDE_BY_SIDE_SINCE = "0007"
"""The last contraction; older engines than this cannot be at work on what comes behind it."""


@pytest.fixture
def empty(postgres: Cluster) -> Iterator[str]:
    """Give the address of an empty database."""
    address = postgres.make_database()
    yield address
    postgres.drop_database(address)


def make_at(address: str, revision: str) -> None:
    """Bring an empty database to an earlier revision, by the recorded migrations."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    engine = create_engine(address.replace("postgresql:", "postgresql+psycopg:", 1), poolclass=NullPool)
    with (
        engine.begin() as connection,
        EnvironmentContext(
            Config(), scripts, fn=lambda found, _: list(scripts._upgrade_revs(revision, found))
        ) as environment,
    ):
        environment.configure(connection=connection, target_metadata=tables.metadata)
        environment.run_migrations()


def open_and_close(address: str) -> None:
    """Start an engine's store."""
    with PostgresStore(address) as store:
        store.open()


def read_schema(connection: Connection) -> dict[str, object]:
    """Return what PostgreSQL knows of our tables."""
    looking = inspect(connection)
    found: dict[str, object] = {}
    for name in sorted(tables.metadata.tables):
        columns = {
            one["name"]: (str(one["type"]), one["nullable"], one["default"])
            for one in looking.get_columns(name)
        }
        indexes = sorted(
            (one["name"], tuple(one["column_names"]), one.get("dialect_options", {}).get("postgresql_where"))
            for one in looking.get_indexes(name)
        )
        found[name] = columns, indexes, looking.get_pk_constraint(name)["constrained_columns"]
    return found


@pytest.mark.parametrize("start", ["0001", "0005", "0006", "0007"])
def test_migrations_make_the_tables_of_the_code(empty: str, postgres_url: str, start: str) -> None:
    """From every version, with an older one's connection still open, the same tables must come out."""
    make_at(empty, start)
    older = create_engine(empty.replace("postgresql:", "postgresql+psycopg:", 1), poolclass=NullPool)
    with older.connect() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM outbox")
        connection.commit()
        open_and_close(empty)
        assert connection.exec_driver_sql("SELECT count(*) FROM outbox").scalar() == 0
    with PostgresStore(empty) as migrated, PostgresStore(postgres_url) as new:
        migrated.open_existing()
        new.open_existing()
        assert migrated.read_now(read_schema) == new.read_now(read_schema)


def test_what_an_older_version_reads_and_writes_still_fits(empty: str) -> None:
    """An expansion must leave every column that there was, and ask older code for no new one."""

    def look(connection: Connection) -> dict[str, dict[str, tuple[str, bool, bool]]]:
        looking = inspect(connection)
        return {
            table: {
                one["name"]: (str(one["type"]), one["nullable"], one["default"] is not None)
                for one in looking.get_columns(table)
            }
            for table in looking.get_table_names()
        }

    make_at(empty, _SIDE_BY_SIDE_SINCE)
    with PostgresStore(empty) as store:
        store._connect()
        before = store.read_now(look)
        store.open()
        after = store.read_now(look)
    assert "contract" not in [phase for revision, phase in PHASES.items() if revision > _SIDE_BY_SIDE_SINCE]
    for table, columns in before.items():
        assert columns.items() <= after[table].items()
        new = [after[table][name] for name in after[table].keys() - columns.keys()]
        assert all(is_nullable or has_default for _, is_nullable, has_default in new)


def test_a_newer_schema_that_only_adds_is_worked_with(postgres_url: str, postgres: Cluster) -> None:
    """An engine and a command must start on what a newer version has only added to."""
    _pretend(postgres, postgres_url, "expand")
    open_and_close(postgres_url)
    with PostgresStore(postgres_url) as store:
        store.open_existing()
        assert "can be read and written" in store.examine()


@pytest.mark.parametrize("phases", [("contract",), ("expand", "contract")])
def test_a_newer_schema_that_takes_away_is_refused(
    postgres_url: str, postgres: Cluster, phases: tuple[str, ...]
) -> None:
    """Code that does not know what it would miss must not touch it."""
    _pretend(postgres, postgres_url, *phases)
    with PostgresStore(postgres_url) as store, pytest.raises(StoreUnusable, match="by a newer version"):
        store.open()
    with PostgresStore(postgres_url) as store, pytest.raises(StoreUnusable, match="by a newer version"):
        store.open_existing()


def test_a_contraction_waits_for_those_who_need_what_it_takes(
    postgres_url: str, postgres: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as an older engine lives nothing may be taken away; this version works meanwhile."""
    ran: list[str] = []
    monkeypatch.setattr(migrate, "upgrade", lambda _connection, newest: ran.append(newest))
    monkeypatch.setattr(schema, "PHASES", {**PHASES, "0900": "contract"})
    postgres.execute(_SIGN, postgres_url)
    open_and_close(postgres_url)
    assert ran == []
    monkeypatch.setattr(schema, "PHASES", {**PHASES, "0900": "contract", "0901": "expand"})
    with (
        PostgresStore(postgres_url) as store,
        pytest.raises(StoreUnavailable, match=r"while notifiers of version 0\.0\.9 run"),
    ):
        store.open()
    assert ran == []
    postgres.execute("UPDATE engines SET stopped_at = beat_at", postgres_url)
    open_and_close(postgres_url)
    assert ran == ["0901"]


def test_only_those_that_live_are_in_the_way(postgres_url: str, postgres: Cluster) -> None:
    """An engine that is gone, or knows the revision, must not be waited for."""
    postgres.execute(_SIGN, postgres_url)
    with PostgresStore(postgres_url) as store:
        store.open()

        def ask(before: str, hours: int = 0) -> list[str]:
            now = datetime.now(UTC) + timedelta(hours=hours)
            return store.read_now(lambda connection: list_live_versions(connection, now, before))

        assert ask(HEAD) == ["0.0.9"]
        assert ask("0006") == []
        assert ask(HEAD, hours=1) == []


def test_the_tables_of_postgres_know_their_phases(postgres_url: str, postgres: Cluster) -> None:
    """A new store must say of every revision in it whether it was an expansion."""
    found = dict(postgres.execute("SELECT revision, phase FROM revisions", postgres_url))
    assert found == PHASES


def _pretend(postgres: Cluster, address: str, *phases: str) -> None:
    """Leave behind what a newer version would."""
    for number, phase in enumerate(phases, 900):
        postgres.execute(f"INSERT INTO revisions VALUES ('0{number}', '{phase}')", address)  # noqa: S608
        postgres.execute(f"UPDATE alembic_version SET version_num = '0{number}'", address)  # noqa: S608
