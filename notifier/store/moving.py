"""Carries a store from one database to another, row by row: from a file to PostgreSQL, or back."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Table, func, select, text

from notifier.domain.delivery import DeliveryState
from notifier.errors import StoreInUse, StoreUnusable
from notifier.store import tables
from notifier.store.signs import list_live_versions

if TYPE_CHECKING:
    from datetime import datetime

    from notifier.store.books import Books
    from notifier.store.opening import AnyStore

BATCH_ROWS: Final = 500
"""So many rows are in memory at once."""

_OF_A_DATABASE_ALONE: Final = (tables.engines, tables.revisions)
_MOVED: Final = tuple(one for one in tables.metadata.sorted_tables if one not in _OF_A_DATABASE_ALONE)
_NUMBERED: Final = (tables.outbox.c.seq, tables.attempts.c.attempt_id)


def move(source: "AnyStore", target: "AnyStore", now: "datetime") -> dict[str, int]:
    """Copy everything into a new, empty store, all of it or nothing; return how many rows by table.

    No engine may run on either. Links that are encrypted stay so: the target needs the same keys. Raises
    StoreInUse, StoreUnavailable or StoreUnusable.
    """
    source.lock()
    source.open_existing()
    target.lock()
    target.open()

    def read(there: Connection) -> dict[str, int]:
        _take_time(there)
        _require_idle(there, now)
        return target.run_now(lambda books: _copy(there, books, now))

    return source.read_now(read)


def _take_time(connection: Connection) -> None:
    """Let the copy take as long as it takes."""
    if connection.dialect.name == "postgresql":
        from notifier.store.postgres_engine import take_time  # noqa: PLC0415 - not for a file

        take_time(connection)


def _require_idle(connection: Connection, now: "datetime") -> None:
    # On a file its lock says so: there a sign of life may be that of an engine that was just killed.
    if connection.dialect.name == "postgresql" and list_live_versions(connection, now):
        raise StoreInUse(
            "a notifier runs on one of the stores: stop it, and wait for 100 seconds if it was killed"
        )


def _copy(there: Connection, books: "Books", now: "datetime") -> dict[str, int]:
    here = books._connection  # noqa: SLF001 - the books and this are one store
    _take_time(here)
    _require_idle(here, now)
    for table in _MOVED:
        if here.execute(select(func.count()).select_from(table)).scalar():
            raise StoreUnusable("the store that is to be moved to is not empty: name a new one")
    counts = {table.name: _copy_table(there, here, table) for table in _MOVED}
    if here.dialect.name == "postgresql":
        for column in _NUMBERED:
            _go_on_counting(here, column.table.name, column.name)
    return counts


def _copy_table(there: Connection, here: Connection, table: Table) -> int:
    count = 0
    for rows in _read_batches(there, table):
        here.execute(table.insert(), rows)
        count += len(rows)
    return count


def _read_batches(there: Connection, table: Table) -> Iterator[list[dict[str, Any]]]:
    found = there.execution_options(stream_results=True).execute(
        select(table).order_by(*table.primary_key.columns)
    )
    for rows in found.mappings().partitions(BATCH_ROWS):
        yield [dict(row) for row in rows]


def _go_on_counting(here: Connection, table: str, column: str) -> None:
    """Let PostgreSQL give numbers behind those that were copied."""
    sequence = "pg_get_serial_sequence(:name, :of)"
    highest = f'coalesce((SELECT max("{column}") FROM "{table}"), 0) + 1'  # noqa: S608 - names of ours
    here.execute(text(f"SELECT setval({sequence}, {highest}, false)"), {"name": table, "of": column})


def count_unsent(counts: dict[str, int], connection: Connection) -> int:
    """Return how many messages are still to be sent from a store that was moved."""
    if not counts.get("outbox"):
        return 0
    states = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.MUTED)
    query = select(func.count()).select_from(tables.outbox).where(tables.outbox.c.state.in_(states))
    return connection.execute(query).scalar() or 0
