"""All that is known of changes, for as many messages at once as leave at the same time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Table, select

from notifier.domain.compose import Dossier
from notifier.domain.delivery import Notification
from notifier.domain.model import Account
from notifier.store import rows, statements, tables
from notifier.store.prepared import Prepared, Row, among
from notifier.store.vault import Vault

if TYPE_CHECKING:
    from notifier.domain.state import Case, KnownEvent

_PREFIX: Final = "there_"
_there = tables.connections
_CHANGES: Final = Prepared(
    select(
        tables.changes,
        tables.accounts.c.merchant,
        tables.accounts.c.is_live,
        *(column.label(f"{_PREFIX}{column.name}") for column in _there.columns),
    )
    .join(tables.accounts, tables.accounts.c.account_id == tables.changes.c.account_id)
    .join(
        _there,
        (_there.c.account_id == tables.changes.c.account_id) & (_there.c.name == tables.changes.c.name),
    )
    .where(among(tables.changes.c.change_id, "ids"))
)
"""Changes, whose they are, and their connections."""


def load_dossiers(
    connection: Connection, vault: Vault, notifications: Sequence[Notification]
) -> dict[str, Dossier]:
    """Return what is known of the changes of some notifications, by notification: see `Books`."""
    if not notifications:
        return {}
    ids = list({one.change_id for one in notifications})
    changes = {row["change_id"]: row for row in _CHANGES.read(connection, {"ids": ids})}
    whose = {"account_ids": list({row["account_id"] for row in changes.values()})}
    # By account and name: a key would have to be made for every row.
    wanted = {(row["account_id"], row["name"]) for row in changes.values()}
    cases: dict[tuple[str, str], list[Case]] = {place: [] for place in wanted}
    events: dict[tuple[str, str], list[KnownEvent]] = {place: [] for place in wanted}
    if changes:
        for row in _select(connection, tables.cases, "ordinal", whose):
            place = row["account_id"], row["name"]
            if place in wanted:
                cases[place].append(rows.read_case(row))
        for row in _select(connection, tables.events, "position", whose):
            place = row["account_id"], row["connection"]
            if place in wanted:
                events[place].append(rows.read_event(row, vault))
    found: dict[str, Dossier] = {}
    for one in notifications:
        if one.change_id in changes:
            row = changes[one.change_id]
            change, place = rows.read_change(row), (row["account_id"], row["name"])
            found[one.notification_id] = Dossier(
                change,
                Account(change.key.account_id, row["merchant"], row["is_live"]),
                rows.read_connection(row, cases[place], events[place], _PREFIX),
                one.case_id or change.case_id,
            )
    return found


def _select(connection: Connection, table: Table, order: str, whose: dict[str, list[str]]) -> Sequence[Row]:
    return statements.select_by_accounts(table, order).read(connection, whose)
