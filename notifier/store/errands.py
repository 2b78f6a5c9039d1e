"""When each chore is to be done next, whichever worker does it."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from notifier.store import statements, tables


class Errands:
    """The chores' times inside one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def plan(self, names: tuple[str, ...], now: datetime) -> None:
        """Have these chores; one that is new is due at once. Those of other settings are left alone."""
        rows = [{"name": name, "next_at": now} for name in names]
        if rows:
            statement = statements.upsert(tables.errands, self._connection.dialect.name, keeps=True)
            statement.run_many(self._connection, rows)

    def list_due(self, now: datetime) -> list[str]:
        """Return the chores whose time has come."""
        table = tables.errands
        return list(self._connection.execute(select(table.c.name).where(table.c.next_at <= now)).scalars())

    def postpone(self, name: str, next_at: datetime) -> None:
        """Let a chore be due then."""
        table = tables.errands
        self._connection.execute(table.update().where(table.c.name == name).values(next_at=next_at))

    def hasten(self, now: datetime) -> None:
        """Let all chores be due now: the clock was set back, and their times mean nothing."""
        self._connection.execute(tables.errands.update().values(next_at=now))

    def forget(self, name: str) -> None:
        """Forget a chore that nobody knows."""
        self._connection.execute(delete(tables.errands).where(tables.errands.c.name == name))
