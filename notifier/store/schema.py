"""The schema of a store: the tables of this version, and which revision is found in a database."""

from typing import Final

from sqlalchemy import Connection, inspect, text

from notifier.domain.waypoints import Waypoint, reach
from notifier.store.tables import metadata, version

HEAD: Final = "0006"
"""The newest migration; a test holds it against `migrations/versions`."""


def make_tables(connection: Connection) -> None:
    """Make what the migrations would, which a test proves, and say that they have been run."""
    for table in (*metadata.sorted_tables, version):
        reach(Waypoint.MIGRATING)
        table.create(connection)
    connection.execute(version.insert().values(version_num=HEAD))


def read_revision(connection: Connection) -> str | None:
    """Return the revision of what is found, None where no migration was ever run."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)
