"""The statements of polls with news and of deliveries, built once: building one takes longer than running it.

`which` and `where` are values to find rows by: in an update SQLAlchemy wants them called unlike the columns.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    FromClause,
    Table,
    Text,
    and_,
    bindparam,
    case,
    cast,
    delete,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import sqlite

from notifier.store import tables
from notifier.store.prepared import Prepared, among

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

MOST_PARAMETERS: Final = 500
"""So many values go into one `IN`; SQLite takes no more than some thousands."""

DUE: Final[ColumnElement[str]] = literal_column("'due'")
SENDING: Final[ColumnElement[str]] = literal_column("'sending'")
_DESTINATION: Final[BindParameter[str]] = bindparam("where")


def is_open(outbox: FromClause) -> ColumnElement[bool]:
    """Whether a row is not settled, in the words of the partial index: with bound values it is not used."""
    return outbox.c.state.in_((DUE, SENDING))


_sent, _held = tables.outbox, tables.holds
_before = _sent.alias("before")

_firsts = (
    select(func.min(_before.c.seq))
    .where(_before.c.destination == _DESTINATION, is_open(_before))
    .group_by(_before.c.case_id)
)
_due_at = case(
    (_held.c.next_attempt_at > _sent.c.next_attempt_at, _held.c.next_attempt_at),
    else_=_sent.c.next_attempt_at,
)

NEXT_DUE: Final = Prepared(
    select(_due_at.label("due_at"))
    .select_from(_sent.outerjoin(_held, _held.c.receiver == _sent.c.receiver))
    .where(_sent.c.seq.in_(_firsts), _sent.c.state == DUE)
    .order_by(_due_at)
    .limit(1)
)
"""When the next row for the destination `where` may be sent."""

DUE_DESTINATIONS: Final = (
    select(_sent.c.destination)
    .select_from(_sent.outerjoin(_held, _held.c.receiver == _sent.c.receiver))
    .where(
        is_open(_sent),
        or_(
            _sent.c.state == SENDING,
            and_(
                _sent.c.next_attempt_at <= bindparam("at", type_=tables.Instant),
                or_(
                    _held.c.next_attempt_at.is_(None),
                    _held.c.next_attempt_at <= bindparam("at", type_=tables.Instant),
                ),
            ),
        ),
    )
    .distinct()
)
"""Where something may be sent at `at`, or is being sent. What waits for what is before it is counted too."""

_is_claimed = (
    _sent.c.notification_id == bindparam("which"),
    _sent.c.state == SENDING,
    _sent.c.attempts == bindparam("attempt"),
    # Attempts are counted anew for one that somebody has sent again: it was put there anew as well.
    _sent.c.created_at == bindparam("begun_at", type_=tables.Instant),
)
CHANGE_CLAIMED: Final = update(_sent).where(*_is_claimed)
"""Changes the row of the notification `which` while the claim `attempt` on it holds."""
IS_CLAIMED: Final = select(_sent.c.seq).where(*_is_claimed)

NOTE_ATTEMPT: Final = Prepared(tables.attempts.insert())

COVER_UPDATES: Final = Prepared(
    update(_sent)
    .where(
        _sent.c.case_id == bindparam("which"),
        _sent.c.destination == _DESTINATION,
        _sent.c.purpose == literal_column("'update'"),
        _sent.c.state == DUE,
    )
    .values(state="covered", settled_at=bindparam("now", type_=tables.Instant), covered_by=bindparam("cover"))
)
"""Lets one message of the case `which` stand for all updates of its card that are due."""

RELEASE: Final = delete(_held).where(_held.c.receiver == bindparam("which"))
COUNT_HOLDS: Final = select(_held.c.attempts).where(_held.c.receiver == bindparam("which"))

MUTED: Final = (
    select(
        _sent.c.seq,
        *(column.label(f"sent_{column.name}") for column in _sent.columns),
        tables.changes,
        tables.accounts.c.merchant,
        tables.accounts.c.is_live,
    )
    .join(tables.changes, tables.changes.c.change_id == _sent.c.change_id)
    .join(tables.accounts, tables.accounts.c.account_id == tables.changes.c.account_id)
    .where(_sent.c.state == literal_column("'muted'"), _sent.c.seq < bindparam("bound"))
    .order_by(_sent.c.seq.desc())
    .limit(bindparam("most"))
)
"""What is kept back, the newest first, each with its change: in the words of the partial index."""

SILENCES: Final = Prepared(
    select(tables.silences).where(
        tables.silences.c.starts_at <= bindparam("at", type_=tables.Instant),
        tables.silences.c.ends_at > bindparam("at", type_=tables.Instant),
    )
)
"""The silences that hold at an instant."""
KNOWN_CHANGES: Final = Prepared(
    select(tables.changes.c.change_id).where(among(tables.changes.c.change_id, "ids"))
)


@cache
def select_by_accounts(table: Table, order: str) -> Prepared:
    """Return what reads the rows of some `account_ids`, in the order of a column."""
    return Prepared(select(table).where(among(table.c.account_id, "account_ids")).order_by(table.c[order]))


@cache
def upsert(table: Table, dialect_name: str, *, keeps: bool) -> Prepared:
    """Return what writes rows: one that is there stays as it is (`keeps`), or takes what is different."""
    statement = insert(table, dialect_name)
    keys = [column.name for column in table.primary_key]
    if keeps:
        return Prepared(statement.on_conflict_do_nothing(index_elements=keys))
    others = [column.name for column in table.columns if column.name not in keys]
    excluded = {name: statement.excluded[name] for name in others}
    is_other = or_(*(_differ(table.c[name], statement.excluded[name]) for name in others))
    return Prepared(statement.on_conflict_do_update(index_elements=keys, set_=excluded, where=is_other))


def _differ(here: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[bool]:
    # PostgreSQL does not compare JSON; as texts what is equal is equal, since one program writes it.
    if isinstance(here.type, JSON):
        return cast(here, Text).is_distinct_from(cast(new, Text))
    return here.is_distinct_from(new)


@cache
def insert_new(table: Table, dialect_name: str, key: str) -> Prepared:
    """Return what writes rows unless there are some with the same value in the column `key`."""
    return Prepared(insert(table, dialect_name).on_conflict_do_nothing(index_elements=[key]))


def insert(table: Table, dialect_name: str) -> "sqlite.Insert | postgresql.Insert":
    """Return an insert that can say what is to happen where there is a row already."""
    if dialect_name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - long to import, and not for a file

    return postgresql.insert(table)
