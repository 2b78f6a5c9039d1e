"""What the store says of itself, for people who look at it: read only, beside a running engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, RowMapping, func, select

from notifier.domain.delivery import DeliveryState
from notifier.domain.silences import Silence
from notifier.store import rows, tables
from notifier.store.signs import EngineSign, list_signs


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that does not work, and since when."""

    subject: str
    since: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of the outbox, as `notifier outbox list` shows it; one of a notice has no account."""

    notification_id: str
    state: str
    receiver: str
    topic: str
    account_id: str
    connection: str
    attempts: int
    created_at: datetime
    next_attempt_at: datetime
    error_code: str
    error: str


@dataclass(frozen=True, slots=True)
class StatusReport:
    """All that `notifier status` shows.

    `engines` are those that gave a sign of life, the newest first, and those that have stopped behind them.
    `connections` counts those that are there by status, `outbox` the notifications by state. `oldest_due_at`
    is when the oldest unsettled notification was made. Of the messages whose first outcome nobody knew,
    `adopted` were found where they had been sent, and `resent` were sent again. `restored_from` is when the
    backup was taken that the store was restored from, None once all that may have been posted was looked for.
    `incidents` are troubles of the notifier's own that are not over, and so are `silences`.
    """

    engines: tuple[EngineSign, ...]
    accounts: int
    connections: dict[str, int]
    outbox: dict[str, int]
    oldest_due_at: datetime | None
    resent: int
    adopted: int
    holds: tuple[Trouble, ...]
    problems: tuple[Trouble, ...]
    restored_from: datetime | None = None
    incidents: tuple[Trouble, ...] = ()
    silences: tuple[Silence, ...] = ()

    @property
    def engine(self) -> EngineSign | None:
        """The engine that gave the newest sign of life; None where none ever has."""
        return self.engines[0] if self.engines else None


AWAITS_DECISION: Final = (DeliveryState.DEAD, DeliveryState.HELD)
"""What somebody has to decide about."""
UNSENT: Final = (DeliveryState.DUE, DeliveryState.SENDING, DeliveryState.MUTED)
"""What is still to be sent, if only when a silence or an interval ends."""

_OPEN_INCIDENTS: Final = (
    select(
        tables.incidents.c.subject,
        tables.incidents.c.opened_at,
        tables.incidents.c.sentence,
    )
    .where(tables.incidents.c.ended_at.is_(None))
    .order_by(tables.incidents.c.opened_at)
)
_SILENCES: Final = (
    select(tables.silences)
    .where(tables.silences.c.ended_at.is_(None))
    .order_by(tables.silences.c.ends_at, tables.silences.c.silence_id)
)


def read_status(connection: Connection) -> StatusReport:
    """Read the report in one transaction."""
    listed, sent = tables.connections, tables.outbox
    is_there = listed.c.status.is_not(None), listed.c.gone_at.is_(None), listed.c.unwatched_at.is_(None)
    by_status = select(listed.c.status, func.count()).where(*is_there).group_by(listed.c.status)
    by_state = select(sent.c.state, func.count()).group_by(sent.c.state)
    is_open = sent.c.state.in_((DeliveryState.DUE, DeliveryState.SENDING))
    is_delivered = sent.c.state == DeliveryState.DELIVERED
    watched = select(func.count()).where(tables.accounts.c.unwatched_at.is_(None))
    return StatusReport(
        engines=tuple(list_signs(connection)),
        accounts=connection.execute(watched.select_from(tables.accounts)).scalar() or 0,
        connections=dict(connection.execute(by_status).all()),
        outbox=dict(connection.execute(by_state).all()),
        oldest_due_at=connection.execute(select(func.min(sent.c.created_at)).where(is_open)).scalar(),
        resent=_count(connection, is_delivered, sent.c.is_repeat, ~sent.c.is_adopted),
        adopted=_count(connection, is_delivered, sent.c.is_adopted),
        restored_from=connection.execute(select(tables.restored.c.taken_at)).scalar(),
        holds=_read_troubles(
            connection.execute(
                select(tables.holds.c.receiver.label("subject"), tables.holds.c.since, tables.holds.c.error)
            ).all()
        ),
        problems=_read_troubles(
            connection.execute(
                select(tables.problems.c.subject, tables.problems.c.since, tables.problems.c.sentence)
            ).all()
        ),
        incidents=_read_troubles(connection.execute(_OPEN_INCIDENTS).all()),
        silences=tuple(rows.read_silence(row) for row in connection.execute(_SILENCES).mappings()),
    )


def list_letters(connection: Connection, states: Sequence[DeliveryState]) -> list[Letter]:
    """Return the rows of the outbox in some states, oldest first."""
    sent, changed = tables.outbox, tables.changes
    query = (
        select(sent, changed.c.account_id, changed.c.name)
        .outerjoin(changed, changed.c.change_id == sent.c.change_id)
        .where(sent.c.state.in_(states))
        .order_by(sent.c.seq)
    )
    return [_read_letter(row) for row in connection.execute(query).mappings()]


def _count(connection: Connection, *which: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(tables.outbox).where(*which)
    return connection.execute(query).scalar() or 0


def _read_troubles(found: Sequence[Sequence[object]]) -> tuple[Trouble, ...]:
    return tuple(
        Trouble(str(subject), since, str(sentence))
        for subject, since, sentence in found
        if isinstance(since, datetime)
    )


def _read_letter(row: RowMapping) -> Letter:
    return Letter(
        notification_id=row["notification_id"],
        state=row["state"],
        receiver=row["receiver"],
        topic=row["topic"],
        account_id=row["account_id"] or "",
        connection=row["name"] or "",
        attempts=row["attempts"],
        created_at=row["created_at"],
        next_attempt_at=row["next_attempt_at"],
        error_code=row["error_code"],
        error=row["error"],
    )
