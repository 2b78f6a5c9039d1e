"""SQLAlchemy's way to a PostgreSQL database, set up as the product wants it."""

from typing import Any, Final

import psycopg
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool

from notifier.store import tables
from notifier.store.address import Address

_STATEMENT_SECONDS: Final = 30
_LOCK_SECONDS: Final = 10
_IDLE_SECONDS: Final = 20
"""A process that stands still in the middle of a transaction keeps its locks no longer than that."""
_TRANSACTION_SECONDS: Final = 120
"""Nor one that stands still while it sends, when PostgreSQL does not count it as idle."""
_KNOWS_TRANSACTIONS: Final = 170_000
"""The first release that ends a transaction which takes too long."""
_AMONG_OTHERS: Final = "LOCK TABLE alembic_version IN ROW SHARE MODE"
_ALONE: Final = "LOCK TABLE alembic_version IN EXCLUSIVE MODE"
"""Of a table that every store has, and that nobody writes but a migration.

Unlike a question for an advisory lock this takes no snapshot: what the transaction sees begins behind it.
And it ends with the transaction, also that of a process which stands still.
"""


class _TextDumper(StrDumper):
    """Writes texts; NUL, which PostgreSQL cannot keep, becomes U+FFFD."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


def connect(address: Address, most: int) -> Engine:
    """Return the way to a database, over so many connections at the most; none is made yet."""
    _give_indexes_their_conditions()
    engine = create_engine(
        "postgresql+psycopg://",
        connect_args=address.parameters,
        isolation_level="SERIALIZABLE",
        use_native_hstore=False,
        poolclass=QueuePool,
        pool_size=most,
        max_overflow=0,
        hide_parameters=True,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        _set_up(connection)

    return engine


def take_turn(connection: Connection, *, is_alone: bool) -> None:
    """Begin a transaction that writes: among others, or alone, as soon as those that run have ended.

    It is ended by whoever commits, or with the connection. Those that come meanwhile wait at their beginning.
    """
    driver = find_driver(connection)
    if is_alone or driver.info.server_version < _KNOWS_TRANSACTIONS:
        # In a pipeline of its own it would never be counted as idle (seen with PostgreSQL 18.4).
        driver.execute(_ALONE if is_alone else _AMONG_OTHERS)
        return
    # Together with BEGIN: it costs no way to the database and back of its own.
    with driver.pipeline():
        driver.execute(_AMONG_OTHERS)


def take_time(connection: Connection) -> None:
    """Let the transaction that is open take as long as it takes, and each of its statements too."""
    names = ["statement_timeout", "lock_timeout"]
    if find_driver(connection).info.server_version >= _KNOWS_TRANSACTIONS:
        names.append("transaction_timeout")
    connection.execute(text("; ".join(f"SET LOCAL {name} = 0" for name in names)))


def find_driver(connection: Connection) -> "psycopg.Connection[Any]":
    """Return the driver's own connection."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(type(driver).__name__)
    return driver


def _set_up(connection: "psycopg.Connection[Any]") -> None:
    connection.adapters.register_dumper(str, _TextDumper)
    connection.autocommit = True
    connection.execute(
        f"SET statement_timeout = '{_STATEMENT_SECONDS}s'; SET lock_timeout = '{_LOCK_SECONDS}s'; "
        f"SET idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'; SET client_min_messages = error"
    )
    if connection.info.server_version >= _KNOWS_TRANSACTIONS:
        connection.execute(f"SET transaction_timeout = '{_TRANSACTION_SECONDS}s'")
    connection.autocommit = False


def _give_indexes_their_conditions() -> None:
    """Let partial indexes have in PostgreSQL the condition that they have in SQLite.

    Not where the tables are: there it would import this dialect at every start.
    """
    for table in tables.metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"]["where"]
            if condition is not None:
                index.dialect_options["postgresql"]["where"] = condition
