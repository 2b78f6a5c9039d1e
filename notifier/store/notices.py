"""Notices and incidents: what is told that is no change of a connection."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BindParameter, Connection, RowMapping, bindparam, select, update

from notifier.domain.notices import Incident, Notice, NoticeKind
from notifier.store import statements, tables

_notices, _incidents = tables.notices, tables.incidents
_WHICH: Final[BindParameter[str]] = bindparam("which")
_ONE: Final = select(_notices).where(_notices.c.notice_id == _WHICH)
_INCIDENT: Final = select(_incidents).where(_incidents.c.incident_id == _WHICH)


class Notices:
    """The notices and incidents, inside one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, notice_id: str) -> Notice | None:
        """Return a notice, None where it is not known."""
        row = self._connection.execute(_ONE, {"which": notice_id}).mappings().first()
        if row is None:
            return None
        return Notice(row["notice_id"], NoticeKind(row["kind"]), row["subject"], row["at"], row["body"])

    def save(self, notices: Sequence[Notice]) -> None:
        """Write notices; one that is there already stays as it is."""
        values = [
            {
                "notice_id": one.notice_id,
                "kind": one.kind,
                "subject": one.subject,
                "at": one.at,
                "body": dict(one.body),
            }
            for one in notices
        ]
        if values:
            statement = statements.upsert(_notices, self._connection.dialect.name, keeps=True)
            statement.run_many(self._connection, values)

    def load_incident(self, incident_id: str) -> Incident | None:
        """Return an incident, None where it is not known."""
        row = self._connection.execute(_INCIDENT, {"which": incident_id}).mappings().first()
        return None if row is None else _read_incident(row)

    def list_open_incidents(self) -> list[Incident]:
        """Return the incidents that are not over."""
        query = select(_incidents).where(_incidents.c.ended_at.is_(None)).order_by(_incidents.c.opened_at)
        return [_read_incident(row) for row in self._connection.execute(query).mappings()]

    def save_incident(self, incident: Incident) -> None:
        """Write an incident as it stands now."""
        values = {
            "kind": incident.kind,
            "subject": incident.subject,
            "sentence": incident.sentence,
            "opened_at": incident.opened_at,
            "ended_at": incident.ended_at,
        }
        changed = update(_incidents).where(_incidents.c.incident_id == incident.incident_id).values(**values)
        if not self._connection.execute(changed).rowcount:
            self._connection.execute(_incidents.insert().values(incident_id=incident.incident_id, **values))


def _read_incident(row: RowMapping) -> Incident:
    return Incident(
        row["incident_id"],
        row["kind"],
        row["subject"],
        row["sentence"],
        row["opened_at"],
        row["ended_at"],
    )
