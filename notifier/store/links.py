"""The links that the store keeps: erased when nobody needs them, sealed anew when the key has changed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RowMapping, bindparam, func, select, text, update

from notifier.domain.keeping import LinkSweep, is_over
from notifier.store import tables
from notifier.store.rows import read_case
from notifier.store.vault import Vault, is_plain

BATCH_EVENTS: Final = 1_000
"""So many events are looked at in one transaction: some milliseconds."""

_HOUR_SECONDS: Final = 3600

_page = (
    select(tables.events)
    .where(tables.events.c.event_key > bindparam("after"))
    .order_by(tables.events.c.event_key)
    .limit(bindparam("most"))
    .subquery("page")
)
_EXTENT: Final = select(func.max(_page.c.event_key), func.count())
_newer = tables.cases.alias("newer")
_LINKS: Final = (
    select(
        _page.c.event_key,
        _page.c.link,
        tables.cases,
        tables.connections.c.status,
        select(func.max(tables.changes.c.seen_at))
        .where(
            tables.changes.c.account_id == _page.c.account_id,
            tables.changes.c.name == _page.c.connection,
            tables.changes.c.case_id == _page.c.case_id,
        )
        .scalar_subquery()
        .label("changed_at"),
        select(func.min(_newer.c.opened_at))
        .where(
            _newer.c.account_id == _page.c.account_id,
            _newer.c.name == _page.c.connection,
            _newer.c.ordinal > tables.cases.c.ordinal,
        )
        .scalar_subquery()
        .label("superseded_at"),
    )
    .join(tables.cases, tables.cases.c.case_id == _page.c.case_id)
    .join(
        tables.connections,
        (tables.connections.c.account_id == _page.c.account_id)
        & (tables.connections.c.name == _page.c.connection),
    )
    .where(_page.c.link.is_not(None))
)
_CHANGE: Final = (
    update(tables.events)
    .where(tables.events.c.event_key == bindparam("which"))
    .values(link=bindparam("sealed"))
)


@dataclass(frozen=True, slots=True)
class LinkCount:
    """How many links the store keeps: in all, such as anybody can read, and such as this vault cannot."""

    kept: int
    plain: int
    unreadable: int


def tend_links(
    connection: Connection, vault: Vault, after: str, now: datetime, grace: timedelta
) -> LinkSweep:
    """Look at the links of the next events behind `after`, and erase or seal what has to be."""
    place = {"after": after, "most": BATCH_EVENTS}
    last, count = connection.execute(_EXTENT, place).one()
    changed: list[dict[str, Any]] = []
    erased = unreadable = 0
    is_stale = False
    for row in connection.execute(_LINKS, place).mappings():
        if _is_needless(row, now, grace):
            changed.append({"which": row["event_key"], "sealed": None})
            erased += 1
        elif vault.is_present(row["link"]):
            continue
        elif (link := vault.open(row["link"])) is None:
            unreadable += 1
            continue
        else:
            changed.append({"which": row["event_key"], "sealed": vault.seal(link)})
        is_stale = is_stale or is_plain(row["link"]) or not vault.is_present(row["link"])
    if changed:
        connection.execute(_CHANGE, changed)
    if is_stale:
        mark_stale(connection, now)
    has_more = count == BATCH_EVENTS
    since = stale_since(connection)
    return LinkSweep(last if has_more else None, erased, len(changed) - erased, unreadable, since)


def count_links(connection: Connection, vault: Vault) -> LinkCount:
    """Count the links, without decrypting any."""
    found = connection.execute(select(tables.events.c.link).where(tables.events.c.link.is_not(None)))
    kept = plain = unreadable = 0
    for (link,) in found:
        kept += 1
        plain += is_plain(link)
        unreadable += not vault.can_open(link)
    return LinkCount(kept, plain, unreadable)


def mark_stale(connection: Connection, now: datetime) -> None:
    """Remember in the file since when copies of erased links may be left in it, until it is compacted.

    `secure_delete` overwrites what is deleted, but not what SQLite left behind when it moved a row to another
    page; only VACUUM does. The instant stands in SQLite's `user_version`, in hours: see `upkeep.clean`.
    PostgreSQL cleans by itself: nothing is remembered there.
    """
    if connection.dialect.name == "sqlite" and stale_since(connection) is None:
        connection.execute(text(f"PRAGMA user_version={int(now.timestamp() // _HOUR_SECONDS)}"))


def stale_since(connection: Connection) -> datetime | None:
    """Return since when such copies may be left, None when there are none."""
    if connection.dialect.name != "sqlite":
        return None
    hours = connection.execute(text("PRAGMA user_version")).scalar()
    return datetime.fromtimestamp(hours * _HOUR_SECONDS, UTC) if hours else None


def _is_needless(row: RowMapping, now: datetime, grace: timedelta) -> bool:
    """Whether a link's case has been over for longer than the grace time."""
    case = read_case(row)
    if not is_over(case, row["status"], now):
        return False
    instants = [case.opened_at, row["changed_at"], row["superseded_at"]]
    if case.expires_at is not None and case.expires_at <= now:
        instants.append(case.expires_at)
    over_since: datetime = max(one for one in instants if one is not None)
    return over_since + grace <= now
