"""What a summary counts, of live accounts alone."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, or_, select

from notifier.domain.change import Topic
from notifier.domain.model import PENDING, TERMINAL_STATUSES
from notifier.domain.summary import Ending, Week
from notifier.store import tables

_changes, _cases, _listed, _accounts = tables.changes, tables.cases, tables.connections, tables.accounts
_ABOUT_OTHER_THINGS: Final = tuple(topic for topic in Topic if topic != Topic.STATUS_CHANGED)


def read_week(connection: Connection, since: datetime, until: datetime) -> Week:
    """Return how signups ended from `since` to before `until`, and since when those are open that are."""
    return Week(_read_endings(connection, since, until), _read_open(connection, until))


def find_beginning(connection: Connection) -> datetime | None:
    """Return when the first account was seen, None before that."""
    return connection.execute(select(func.min(_accounts.c.first_seen_at, type_=tables.Instant))).scalar()


def _read_endings(connection: Connection, since: datetime, until: datetime) -> list[Ending]:
    """Return each case that ended in the week once, by the last of its ends.

    What the first run found, and Dintero gives no time for, may be of any age: it is not counted.
    """
    at = func.coalesce(_changes.c.at, _changes.c.seen_at, type_=tables.Instant)
    first_at = func.min(at, type_=tables.Instant)
    query = (
        select(
            _changes.c.case_id, _changes.c.name, _changes.c.status, _cases.c.asked_at, first_at.label("ended")
        )
        .join(_cases, _cases.c.case_id == _changes.c.case_id)
        .join(_accounts, _accounts.c.account_id == _changes.c.account_id)
        .where(_changes.c.status.in_(sorted(TERMINAL_STATUSES)), _accounts.c.is_live)
        .where(_changes.c.topic.not_in(_ABOUT_OTHER_THINGS))
        .where(or_(_changes.c.at.is_not(None), _changes.c.is_told))
        .group_by(_changes.c.case_id, _changes.c.name, _changes.c.status, _cases.c.case_id)
        .having(first_at >= since, first_at < until)
        .order_by(first_at)
    )
    found = connection.execute(query).mappings()
    last = {
        row["case_id"]: Ending(row["name"], row["status"], row["ended"], row["asked_at"]) for row in found
    }
    return list(last.values())


def _read_open(connection: Connection, until: datetime) -> list[datetime]:
    since = func.coalesce(
        _cases.c.asked_at, _cases.c.signup_created_at, _cases.c.opened_at, type_=tables.Instant
    )
    query = (
        select(since)
        .join(_listed, _listed.c.case_id == _cases.c.case_id)
        .join(_accounts, _accounts.c.account_id == _listed.c.account_id)
        .where(_listed.c.status == PENDING, _listed.c.gone_at.is_(None), _listed.c.unwatched_at.is_(None))
        .where(_cases.c.end.is_(None), _accounts.c.is_live, since <= until)
        .where(or_(_cases.c.expires_at.is_(None), _cases.c.expires_at > until))
        .order_by(since)
    )
    return list(connection.execute(query).scalars())
