"""All that is known of changes, for as many messages at once as leave at the same time."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, bindparam, select

from notifier.domain.compose import Dossier
from notifier.domain.delivery import Notification
from notifier.domain.model import Account, ConnectionKey
from notifier.store import rows, statements, tables
from notifier.store.vault import Vault

if TYPE_CHECKING:
    from notifier.domain.state import Case, KnownEvent

_PREFIX: Final = "there_"
_there = tables.connections
_CHANGES: Final = (
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
    .where(tables.changes.c.change_id.in_(bindparam("ids", expanding=True)))
)
"""Changes, whose they are, and their connections."""


def load_dossiers(
    connection: Connection, vault: Vault, notifications: Sequence[Notification]
) -> dict[str, Dossier]:
    """Return what is known of the changes of some notifications, by notification: see `Books`."""
    found: dict[str, Dossier] = {}
    most = statements.MOST_PARAMETERS
    for start in range(0, len(notifications), most):
        found |= _load_some(connection, vault, notifications[start : start + most])
    return found


def _load_some(
    connection: Connection, vault: Vault, notifications: Sequence[Notification]
) -> dict[str, Dossier]:
    ids = list({one.change_id for one in notifications})
    changes = {row["change_id"]: row for row in connection.execute(_CHANGES, {"ids": ids}).mappings()}
    whose = {"account_ids": list({row["account_id"] for row in changes.values()})}
    cases: dict[ConnectionKey, list[Case]] = defaultdict(list)
    events: dict[ConnectionKey, list[KnownEvent]] = defaultdict(list)
    wanted = {ConnectionKey(row["account_id"], row["name"]) for row in changes.values()}
    if changes:
        for row in _select(connection, tables.cases, "ordinal", whose):
            key = ConnectionKey(row["account_id"], row["name"])
            if key in wanted:
                cases[key].append(rows.read_case(row))
        for row in _select(connection, tables.events, "position", whose):
            key = ConnectionKey(row["account_id"], row["connection"])
            if key in wanted:
                events[key].append(rows.read_event(row, vault))
    found: dict[str, Dossier] = {}
    for one in notifications:
        row = changes.get(one.change_id)
        if row is not None:
            change = rows.read_change(row)
            found[one.notification_id] = Dossier(
                change,
                Account(change.key.account_id, row["merchant"], row["is_live"]),
                rows.read_connection(row, cases[change.key], events[change.key], _PREFIX),
                one.case_id or change.case_id,
            )
    return found


def _select(connection: Connection, table: Any, order: str, whose: dict[str, list[str]]) -> Any:
    return connection.execute(statements.select_by_accounts(table, order), whose).mappings()
