"""Alembic, called from inside the product: no command line, no ini file, the caller's transaction."""

from collections.abc import Iterator
from pathlib import Path

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from notifier.domain.waypoints import Waypoint, reach
from notifier.store.schema import HEAD, note_revisions
from notifier.store.tables import metadata


def list_revisions() -> set[str]:
    """Return every revision that this version knows."""
    return {script.revision for script in _open_scripts().walk_revisions()}


def upgrade(connection: Connection, newest: str = HEAD) -> None:
    """Bring the tables up to a revision inside the connection's open transaction."""
    scripts = _open_scripts()

    def steps(revision: str, _context: object) -> Iterator[object]:
        for step in scripts._upgrade_revs(newest, revision):  # noqa: SLF001 - as alembic's own command does
            reach(Waypoint.MIGRATING)
            yield step

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection, target_metadata=metadata)
        environment.run_migrations()
    note_revisions(connection, newest)


def _open_scripts() -> ScriptDirectory:
    return ScriptDirectory(str(Path(__file__).parent))
