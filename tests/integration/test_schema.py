"""The migrations make the tables that the code knows, from whatever version they start."""

import re
import sys
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from notifier.store import migrations, tables
from notifier.store.schema import HEAD, PHASES
from tests.integration.conftest import execute, opened

FOLDER = Path(migrations.__file__).parent
REVISIONS = sorted(path.name.partition("_")[0] for path in (FOLDER / "versions").glob("0*.py"))

Schema = dict[str, object]


def _read_schema(path: Path) -> dict[str, Schema]:
    """Return what SQLite knows of each table: its columns, its indexes, and whether its key only grows."""
    found = execute(path, "SELECT name, sql FROM sqlite_master WHERE type = 'table'")
    return {
        str(name): {
            "columns": {column[1]: column[2:] for column in execute(path, f'PRAGMA table_xinfo("{name}")')},
            "indexes": _read_indexes(path, str(name)),
            "grows": "AUTOINCREMENT" in str(sql),
        }
        for name, sql in found
        if name not in {"alembic_version", "sqlite_sequence"}
    }


def _read_indexes(path: Path, table: str) -> set[tuple[object, ...]]:
    """Return the indexes of a table with their columns, and the condition of those that have one."""
    indexes: set[tuple[object, ...]] = set()
    for _, name, is_unique, origin, is_partial in execute(path, f'PRAGMA index_list("{table}")'):
        columns = tuple(column[2] for column in execute(path, f'PRAGMA index_info("{name}")'))
        ((sql,),) = execute(path, f"SELECT sql FROM sqlite_master WHERE name = '{name}'")  # noqa: S608
        condition = re.sub(r"\s+", " ", str(sql).partition(" WHERE ")[2]) if is_partial else ""
        label = name if origin == "c" else origin
        indexes.add((label, is_unique, columns, condition))
    return indexes


def make_at(path: Path, revision: str) -> None:
    """Make a store as an earlier version left it."""
    scripts = ScriptDirectory(str(FOLDER))

    def steps(found: str, _context: object) -> list[object]:
        return list(scripts._upgrade_revs(revision, found))

    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection, EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, target_metadata=tables.metadata)
        environment.run_migrations()
    engine.dispose()


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Schema]:
    """Give the schema that the tables in the code make."""
    path = tmp_path_factory.mktemp("wanted") / "wanted.db"
    engine = create_engine(f"sqlite:///{path}")
    tables.metadata.create_all(engine)
    engine.dispose()
    return _read_schema(path)


@pytest.mark.parametrize("start", [None, *REVISIONS])
def test_migrations_make_the_tables_of_the_code(
    path: Path, wanted: dict[str, Schema], start: str | None
) -> None:
    """From nothing, and from every version there ever was, the same tables and indexes must come out."""
    if start is not None:
        make_at(path, start)
    with opened(path):
        pass
    assert _read_schema(path) == wanted
    assert execute(path, "SELECT version_num FROM alembic_version") == [(HEAD,)]


def test_a_new_store_needs_no_migration(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start must not wait for Alembic to be imported, and leave what Alembic would."""
    make_at(path, HEAD)
    wanted = execute(path, "SELECT sql FROM sqlite_master WHERE name = 'alembic_version'")
    path.unlink()
    monkeypatch.setitem(sys.modules, "notifier.store.migrations.migrate", None)
    with opened(path):
        pass
    found = execute(path, "SELECT sql FROM sqlite_master WHERE name = 'alembic_version'")
    assert [str(sql).split() for (sql,) in found] == [str(sql).split() for (sql,) in wanted]


def test_the_head_is_the_newest_migration() -> None:
    """The list that spares a start the migrations must name them all, in order, with their phases."""
    scripts = ScriptDirectory(str(FOLDER))
    assert scripts.get_heads() == [HEAD]
    found = {one.revision: one.module.phase for one in scripts.walk_revisions()}
    assert dict(sorted(found.items())) == PHASES
    assert list(PHASES) == sorted(PHASES)


def test_a_second_start_changes_nothing(path: Path) -> None:
    """Opening a store of this version must leave its tables as they are, and not look at the migrations."""
    with opened(path):
        pass
    before = execute(path, "PRAGMA schema_version")
    with opened(path):
        pass
    assert execute(path, "PRAGMA schema_version") == before
