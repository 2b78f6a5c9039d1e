"""Silences in the store: read by the engine before it tells anything, written by `notifier silence`."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection, select

from notifier.domain.silences import Silence
from notifier.store import tables
from notifier.store.books import Books
from notifier.store.rows import read_silence

_T = TypeVar("_T")


def on(books: Books, job: Callable[[Connection], _T]) -> _T:
    """Run a job of this module in the transaction of some books."""
    return job(books._connection)  # noqa: SLF001 - the books and this are one store


def add_silence(connection: Connection, silence: Silence) -> None:
    """Write a new silence; it has not begun until the engine has said so."""
    row = {
        "silence_id": silence.silence_id,
        "matchers": [str(matcher) for matcher in silence.matchers],
        "author": silence.author,
        "comment": silence.comment,
        "created_at": silence.created_at,
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
    }
    connection.execute(tables.silences.insert(), row)


def list_silences(connection: Connection, since: datetime | None = None) -> tuple[Silence, ...]:
    """Return the silences that end later than `since`, all where it is None; those that end first, first."""
    table = tables.silences
    query = select(table).order_by(table.c.ends_at, table.c.silence_id)
    if since is not None:
        query = query.where(table.c.ends_at > since)
    return tuple(read_silence(row) for row in connection.execute(query).mappings())


def expire_silences(connection: Connection, ids: Sequence[str], now: datetime) -> int:
    """End silences that have not ended yet, and return how many; one that has not begun never will."""
    table = tables.silences
    is_meant = table.c.silence_id.in_(ids) & (table.c.ends_at > now)
    return connection.execute(table.update().where(is_meant).values(ends_at=now)).rowcount
