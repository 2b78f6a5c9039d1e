"""A store restored from a backup: what it believes unsent may have been posted by the lost process."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import BigInteger, Connection, case, exists, literal, or_, select, type_coerce, update

from notifier.domain.delivery import DeliveryState
from notifier.store import tables
from notifier.store.prepared import Prepared

MARGIN: Final = timedelta(hours=1)
"""How far the clock of the host that took the backup is trusted to be from the receiver's."""

ROUNDS: Final = 2
"""So often everything is read before the mark goes: only a second look tells what is gone."""

_UNSENT: Final = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.DEAD)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Doubt:
    """From when on a message is looked for, by the receiver's clock, and until when, by ours."""

    since: datetime
    ends_at: datetime | None


def take_over(connection: Connection, now: datetime, ends_at: datetime) -> datetime | None:
    """Put in doubt what a store that was just restored believes unsent; return when the backup was taken.

    None when the store was not restored, or everything that may have been posted was looked for since.
    What may be posted is looked for until `ends_at`.
    """
    table = tables.restored
    row = connection.execute(select(table.c.taken_at, table.c.started_at)).first()
    if row is None:
        return None
    taken_at: datetime = row.taken_at
    if row.started_at is None:
        _doubt_unsent(connection, taken_at, ends_at)
        connection.execute(update(table).values(started_at=now, ends_at=ends_at))
    return taken_at


def find_doubt(connection: Connection) -> Doubt | None:
    """Return the doubt that everything is in which is put into the outbox now, None when there is none."""
    found = _MARK.read(connection, {})
    return Doubt(found[0]["taken_at"] - MARGIN, found[0]["ends_at"]) if found else None


def settle(connection: Connection) -> None:
    """Take the mark away: what is put into the outbox from now on cannot have been posted before."""
    connection.execute(tables.restored.delete())


def find_round(connection: Connection) -> datetime | None:
    """Return since when everything has to be read once more, None in a store like any other.

    That is for several workers: one that is alone counts for itself.
    """
    return connection.execute(select(tables.restored.c.started_at)).scalar()


def settle_when_read(connection: Connection, now: datetime) -> bool:
    """End a round in which every shard was read, and with the last round the doubt; return whether it has."""
    table, shard = tables.restored, tables.shards
    row = connection.execute(select(table.c.started_at, table.c.rounds)).first()
    if row is None or row.started_at is None:
        return False
    is_unread = or_(shard.c.read_at.is_(None), shard.c.read_at <= row.started_at)
    if connection.execute(select(exists().where(shard.c.base_id == "", is_unread))).scalar():
        return False
    if row.rounds + 1 >= ROUNDS:
        settle(connection)
        return True
    connection.execute(update(table).values(rounds=row.rounds + 1, started_at=now))
    return False


_MARK: Final = Prepared(select(tables.restored.c.taken_at, tables.restored.c.ends_at))


def _doubt_unsent(connection: Connection, taken_at: datetime, ends_at: datetime) -> None:
    table = tables.outbox
    at = literal(taken_at, tables.Instant)
    # No attempt came before the row: it may have been in doubt already, or be older than the backup.
    first = case((table.c.created_at < at, table.c.created_at), else_=at)
    known = case(
        (or_(table.c.doubt_since.is_(None), table.c.doubt_since > first), first), else_=table.c.doubt_since
    )
    since = type_coerce(known, BigInteger) - literal(MARGIN // _MICROSECOND, BigInteger)
    connection.execute(
        update(table)
        .where(table.c.state.in_(_UNSENT))
        .values(is_repeat=True, doubt_since=type_coerce(since, tables.Instant), doubt_ends_at=ends_at)
    )
