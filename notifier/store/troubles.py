"""What does not work now, as the store knows it: for the incidents that on-call is told of."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, case, func, select

from notifier.domain.blindness import Hold, Loss, Problem, TroubleKind
from notifier.domain.delivery import DeliveryState, Notification, Purpose
from notifier.domain.ranges import fold
from notifier.store import rows, statements, tables

_sent, _held, _listed = tables.outbox, tables.holds, tables.connections
_NOT_A_FAILURE: Final = "no_link"
"""A message that waits for its link is no fault of its receiver."""
_OFTEN: Final = 3
"""A message that has failed more often is no accident."""
_WAITING: Final = (
    select(_held.c.receiver, _held.c.since, _held.c.error)
    .where(
        select(_sent.c.seq).where(statements.is_open(_sent), _sent.c.receiver == _held.c.receiver).exists()
    )
    .order_by(_held.c.receiver)
)
_STUCK: Final = (
    select(_sent.c.receiver, func.min(_sent.c.created_at, type_=tables.Instant))
    .where(statements.is_open(_sent), _sent.c.error != "", _sent.c.error_code != _NOT_A_FAILURE)
    .group_by(_sent.c.receiver)
)
_UNCLEAR: Final = (
    select(_sent.c.receiver, func.min(_sent.c.created_at, type_=tables.Instant), func.max(_sent.c.error))
    .where(
        statements.is_open(_sent),
        _sent.c.error != "",
        _sent.c.error_code != _NOT_A_FAILURE,
        _sent.c.attempts > _OFTEN,
    )
    .group_by(_sent.c.receiver)
)


class Troubles:
    """What does not work, inside one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_problems(self) -> list[Problem]:
        """Return what cannot be read, since when, and why; of a partner's list one for all its parts."""
        table = tables.problems
        found = self._connection.execute(select(table).order_by(table.c.since, table.c.subject)).mappings()
        return fold(
            Problem(row["subject"], row["since"], row["sentence"], TroubleKind(row["kind"])) for row in found
        )

    def list_holds(self) -> list[Hold]:
        """Return the receivers that take nothing: on hold, or failing without a clear word for so long."""
        held = {hold.receiver: hold for hold in (Hold(*row) for row in self._connection.execute(_WAITING))}
        for receiver, since, error in self._connection.execute(_UNCLEAR):
            held.setdefault(receiver, Hold(receiver, since, error))
        return sorted(held.values(), key=lambda one: one.receiver)

    def list_losses(self, since: datetime) -> list[Loss]:
        """Return the accounts of which connections have gone since then."""
        is_gone = _listed.c.gone_at >= since
        is_unlisted = _listed.c.gone_at.is_(None) & (_listed.c.unwatched_at >= since)
        is_left = (
            _listed.c.status.is_not(None) & _listed.c.gone_at.is_(None) & _listed.c.unwatched_at.is_(None)
        )
        lost_at = func.max(func.coalesce(_listed.c.gone_at, _listed.c.unwatched_at), type_=tables.Instant)
        gone = func.sum(case((is_gone, 1), else_=0))
        unlisted = func.sum(case((is_unlisted, 1), else_=0))
        left = func.sum(case((is_left, 1), else_=0))
        query = (
            select(_listed.c.source, _listed.c.account_id, gone, unlisted, lost_at, left)
            .group_by(_listed.c.source, _listed.c.account_id)
            .having(gone + unlisted > 0)
        )
        found = self._connection.execute(query).all()
        if not found:
            return []
        by_source: dict[str, int] = dict(
            self._connection.execute(select(_listed.c.source, left).group_by(_listed.c.source)).all()
        )
        return [Loss(*row, left_in_source=by_source[row[0]]) for row in found]

    def list_failing(self) -> dict[str, datetime]:
        """Return the receivers that do not take what is for them, each with the instant since when."""
        failing: dict[str, datetime] = dict(self._connection.execute(_STUCK).all())
        return failing | {one.receiver: one.since for one in self.list_holds()}

    def list_unsettled(self, receiver: str) -> list[Notification]:
        """Return all that is still to be told to a receiver; updates of cards are not told."""
        query = (
            select(_sent)
            .where(statements.is_open(_sent), _sent.c.receiver == receiver)
            .where(_sent.c.purpose.in_((Purpose.TELL, Purpose.NOTICE)))
            .order_by(_sent.c.seq)
        )
        return [rows.read_notification(row) for row in self._connection.execute(query).mappings()]

    def count_by_rule(self, rule: str, since: datetime) -> dict[str, int]:
        """Return how many notifications a rule has made since then, by receiver, but for those given up."""
        given_up = (DeliveryState.DEAD, DeliveryState.DROPPED)
        query = (
            select(_sent.c.receiver, func.count())
            .where(_sent.c.rule == rule, _sent.c.created_at >= since, _sent.c.state.not_in(given_up))
            .where(_sent.c.purpose.in_((Purpose.TELL, Purpose.NOTICE)))
            .group_by(_sent.c.receiver)
            .order_by(_sent.c.receiver)
        )
        return dict(self._connection.execute(query).all())
