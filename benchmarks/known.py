"""A store that knows many connections already, as after a first round: the rows of one account, copied."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.population import FIRST_ACCOUNT, OWNER_ID
from notifier.domain.model import Account, ConnectionKey
from notifier.domain.state import AccountState, ConnectionState
from notifier.service.ports import Books
from notifier.store.database import Database

_FIRST: Final = f"P{FIRST_ACCOUNT}"


def fill_store(path: Path, accounts: int, names: tuple[str, ...], source: str) -> None:
    """Make a store that knows so many accounts with these connections, and their partner as walked."""
    now = datetime.now(UTC)

    def save(books: Books) -> None:
        books.save_accounts([AccountState(Account(_FIRST), source, now, now)])
        books.save_connections(
            [ConnectionState(ConnectionKey(_FIRST, name), source, now, "enabled") for name in names]
        )
        books.mark_walked(source, OWNER_ID, now)

    with Database(f"sqlite:///{path}") as database:
        database.open()
        database.run_now(save)
    connection = sqlite3.connect(path)
    try:
        with connection:
            for table in ("accounts", "connections"):
                _multiply(connection, table, accounts)
    finally:
        connection.close()


def _multiply(connection: sqlite3.Connection, table: str, accounts: int) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    shown = [f"'P' || ({FIRST_ACCOUNT} + n.i)" if one == "account_id" else f"t.{one}" for one in columns]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)})"  # noqa: S608 - names of our own
        " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)"
        f" SELECT {', '.join(shown)} FROM n, {table} t WHERE t.account_id = ?",
        (accounts, _FIRST),
    )
