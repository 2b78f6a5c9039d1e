"""The schema of a store in PostgreSQL: made, brought up to date and judged, with others at work on it."""

from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreUnusable
from notifier.store.schema import HEAD, make_tables, read_revision
from notifier.store.tables import metadata

_LOCK: Final = 0x646E746E
"""The advisory lock that keeps two from changing the schema at once."""


def bring_up_to_date(engine: Engine, name: str, *, creates: bool) -> None:
    """Make the tables where there are none, or migrate them. Raises StoreUnusable."""
    with engine.connect() as connection:
        _require_utf8(connection, name)
        if read_revision(connection) == HEAD:
            return
    # The others' changes are seen only by a transaction that began to look after it got the lock.
    with (
        engine.connect().execution_options(isolation_level="READ COMMITTED") as connection,
        connection.begin(),
    ):
        connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        found = read_revision(connection)
        if found == HEAD:
            return
        if found is None:
            _make(connection, name, creates=creates)
        else:
            _migrate(connection, found, name)
        reach(Waypoint.MIGRATED)


def require_fit(_connection: Connection, found: str, name: str) -> None:
    """Raise StoreUnusable unless this version can work with a store of the revision `found`."""
    if found == HEAD:
        return
    raise StoreUnusable(
        f"{name} is of another version (its revision is {found}, this is {HEAD}): "
        "start `notifier run` of this version first, or use the version that runs"
    )


def _make(connection: Connection, name: str, *, creates: bool) -> None:
    if not creates:
        raise StoreUnusable(f"{name} has lost its tables: restore a backup")
    if set(inspect(connection).get_table_names()) & set(metadata.tables):
        raise StoreUnusable(f"{name} belongs to another program: give the notifier a database of its own")
    make_tables(connection)


def _migrate(connection: Connection, found: str, name: str) -> None:
    from notifier.store.migrations import migrate  # noqa: PLC0415 - alembic takes long to import

    if not inspect(connection).has_table("outbox"):
        raise StoreUnusable(f"{name} belongs to another program: give the notifier a database of its own")
    if found not in migrate.list_revisions():
        raise StoreUnusable(
            f"{name} was written by a newer version (its revision is {found}): "
            "run that version, or restore a copy from before it"
        )
    migrate.upgrade(connection)


def _require_utf8(connection: Connection, name: str) -> None:
    if connection.execute(text("SHOW server_encoding")).scalar() != "UTF8":
        raise StoreUnusable(f"{name} does not keep texts in UTF-8: make it with `createdb --encoding=UTF8`")
