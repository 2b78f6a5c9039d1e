"""The schema of a store: its tables, its revisions, and whether other versions can work with it."""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection, inspect, select, text

from notifier.domain.waypoints import Waypoint, reach
from notifier.store.tables import metadata, revisions, version

Phase: TypeAlias = Literal["expand", "contract"]
"""An expansion adds what older code does not miss; a contraction takes away, or changes, what it needs."""

PHASES: Final[dict[str, Phase]] = {
    "0001": "expand",
    "0002": "expand",
    "0003": "expand",
    "0004": "expand",
    "0005": "expand",
    "0006": "expand",
    "0007": "contract",
    "0008": "expand",
    "0009": "expand",
}
"""Every migration in its order; a test holds it against `migrations/versions`, which takes long to import."""

HEAD: Final = max(PHASES)
"""The newest migration."""


def make_tables(connection: Connection) -> None:
    """Make what the migrations would, which a test proves, and say that they have been run."""
    for table in (*metadata.sorted_tables, version):
        reach(Waypoint.MIGRATING)
        table.create(connection)
    connection.execute(version.insert().values(version_num=HEAD))
    note_revisions(connection, HEAD)


def read_revision(connection: Connection) -> str | None:
    """Return the revision of what is found, None where no migration was ever run."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if revision is None else str(revision)


def note_revisions(connection: Connection, newest: str) -> None:
    """Keep, for older code that meets this store, what kind of revisions it has been brought through."""
    if not inspect(connection).has_table(revisions.name):
        return
    known = set(connection.execute(select(revisions.c.revision)).scalars())
    new = [
        {"revision": one, "phase": phase}
        for one, phase in PHASES.items()
        if one <= newest and one not in known
    ]
    if new:
        connection.execute(revisions.insert(), new)


def is_only_expanded(connection: Connection) -> bool:
    """Whether everything that this version does not know of a newer schema was an expansion."""
    if not inspect(connection).has_table(revisions.name):
        return False
    found = connection.execute(select(revisions.c.revision, revisions.c.phase)).all()
    newer = [phase for revision, phase in found if revision not in PHASES]
    return bool(newer) and all(phase == "expand" for phase in newer)


def list_pending(found: str) -> list[str]:
    """Return the migrations that a store of a revision that we know has yet to be brought through."""
    return [one for one in PHASES if one > found]


def lacks_nothing(pending: Iterable[str]) -> bool:
    """Whether this version works without those migrations: they only take away."""
    return all(PHASES[one] == "contract" for one in pending)
