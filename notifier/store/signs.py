"""The engines' signs of life: one engine on a file, any number on PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, delete, select

from notifier.store import statements, tables
from notifier.store.schema import HEAD

LIVES_FOR: Final = timedelta(seconds=100)
"""An engine that has given no sign for so long is taken for gone: it gives one every 30 seconds."""

_ONLY_ONE: Final = "engine"
_engines = tables.engines


@dataclass(frozen=True, slots=True)
class EngineSign:
    """An engine's last sign of life; `stopped_at` is None while it has not said goodbye."""

    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime
    stopped_at: datetime | None
    polls: int
    last_round_at: datetime | None


def save(connection: Connection, row: Mapping[str, Any]) -> None:
    """Write a sign of life; `row` holds the columns of `engines` but `revision`.

    Without a `worker_id` it is one of the engine of a file, or of a process on a host.
    """
    dialect = connection.dialect.name
    who = _ONLY_ONE if dialect == "sqlite" else f"{row['host']}/{row['pid']}"
    values = {"worker_id": who, "revision": HEAD, "stopped_at": None, **row}
    statements.upsert(_engines, dialect, keeps=False).run(connection, values)


def list_signs(connection: Connection) -> list[EngineSign]:
    """Return the last sign of every engine that is remembered, the newest first."""
    query = select(_engines).order_by(_engines.c.stopped_at.is_not(None), _engines.c.beat_at.desc())
    return [_read(row) for row in connection.execute(query).mappings()]


def list_living(connection: Connection, now: datetime) -> set[str]:
    """Return the engines that live, by their `worker_id`."""
    living = _engines.c.stopped_at.is_(None) & (_engines.c.beat_at >= now - LIVES_FOR)
    return set(connection.execute(select(_engines.c.worker_id).where(living)).scalars())


def forget(connection: Connection, before: datetime) -> None:
    """Forget the engines that have given no sign since an instant: each start brings another one."""
    connection.execute(delete(_engines).where(_engines.c.beat_at < before))


def list_live_versions(connection: Connection, now: datetime, before: str | None = None) -> list[str]:
    """Return which versions the engines are of that live; with `before`, that know none from there on."""
    query = (
        select(_engines.c.version)
        .where(_engines.c.stopped_at.is_(None), _engines.c.beat_at >= now - LIVES_FOR)
        .distinct()
        .order_by(_engines.c.version)
    )
    if before is not None:
        query = query.where(_engines.c.revision < before)
    return list(connection.execute(query).scalars())


def _read(row: RowMapping) -> EngineSign:
    return EngineSign(**{name: row[name] for name in EngineSign.__dataclass_fields__})
