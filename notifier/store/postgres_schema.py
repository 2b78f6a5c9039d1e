"""The schema of a store in PostgreSQL: made, brought up to date and judged, with others at work on it.

Several versions may work on one database for a while. What is only added to it disturbs nobody; what is taken
away, or changed, waits until no engine of a version that needs it has given a sign of life.
"""

from typing import Final

from sqlalchemy import Connection, Engine, inspect, text

from notifier.domain.waypoints import Waypoint, reach
from notifier.errors import StoreUnavailable, StoreUnusable
from notifier.store import schema
from notifier.store.postgres_engine import take_time
from notifier.store.schema import HEAD, make_tables, read_revision
from notifier.store.signs import list_live_versions
from notifier.store.tables import engines, metadata

_LOCK: Final = 0x646E746E
"""The advisory lock that keeps two from changing the schema at once."""


def bring_up_to_date(engine: Engine, name: str, *, creates: bool) -> None:
    """Make the tables where there are none, or migrate them.

    Raises StoreUnusable, and StoreUnavailable while engines of an older version stand in the way.
    """
    with engine.connect() as connection:
        _require_utf8(connection, name)
        found = read_revision(connection)
        if found is not None and found not in schema.PHASES:
            _require_ours(connection, name)
            require_fit(connection, found, name)
        if found is not None and not schema.list_pending(found):
            return
    # The others' changes are seen only by a transaction that began to look after it got the lock.
    with (
        engine.connect().execution_options(isolation_level="READ COMMITTED") as connection,
        connection.begin(),
    ):
        take_time(connection)
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
        found = read_revision(connection)
        if found is None:
            _make(connection, name, creates=creates)
        elif pending := schema.list_pending(found):
            _require_ours(connection, name)
            _migrate(connection, pending, name)
        reach(Waypoint.MIGRATED)


def require_fit(connection: Connection, found: str, name: str) -> None:
    """Raise StoreUnusable unless this version can work with a store of the revision `found`."""
    if found not in schema.PHASES:
        if not schema.is_only_expanded(connection):
            raise StoreUnusable(
                f"{name} was changed by a newer version (its revision is {found}, this is {HEAD}): "
                "run that version, or restore a backup from before it"
            )
    elif not schema.lacks_nothing(schema.list_pending(found)):
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


def _migrate(connection: Connection, pending: list[str], name: str) -> None:
    """Run what may be run now of the migrations that are pending, as far as nobody is in the way."""
    newest = None
    for place, revision in enumerate(pending):
        if schema.PHASES[revision] == "contract" and (versions := _find_in_the_way(connection, revision)):
            if schema.lacks_nothing(pending[place:]):
                break
            raise StoreUnavailable(
                f"{name} cannot be changed for this version while notifiers of version {', '.join(versions)} "
                "run on it: stop them, and this one goes on"
            )
        newest = revision
    if newest is not None:
        from notifier.store.migrations import migrate  # noqa: PLC0415 - alembic takes long to import

        migrate.upgrade(connection, newest)


def _find_in_the_way(connection: Connection, revision: str) -> list[str]:
    if not inspect(connection).has_table(engines.name):
        return []
    now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return list_live_versions(connection, now, revision)


def _require_ours(connection: Connection, name: str) -> None:
    if not inspect(connection).has_table("outbox"):
        raise StoreUnusable(f"{name} belongs to another program: give the notifier a database of its own")


def _require_utf8(connection: Connection, name: str) -> None:
    if connection.execute(text("SHOW server_encoding")).scalar() != "UTF8":
        raise StoreUnusable(f"{name} does not keep texts in UTF-8: make it with `createdb --encoding=UTF8`")
