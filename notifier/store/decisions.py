"""What people decide about messages that were given up, or that nobody knows the outcome of."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, update

from notifier.domain.delivery import DeliveryState
from notifier.store import tables

_sent = tables.outbox


def retry(connection: Connection, notification_ids: Sequence[str] | None, now: datetime) -> Sequence[str]:
    """Make dead, held or dropped notifications due again, all dead ones when no ids are given.

    Return their destinations, one for each that is due again.
    """
    settled = (DeliveryState.DEAD, DeliveryState.HELD, DeliveryState.DROPPED)
    wanted = (
        _sent.c.state == DeliveryState.DEAD
        if notification_ids is None
        else and_(_sent.c.state.in_(settled), _sent.c.notification_id.in_(notification_ids))
    )
    again = update(_sent).values(
        state=DeliveryState.DUE,
        attempts=0,
        is_plain=False,
        # Nobody can be asked about a held one, and somebody has decided: it is sent without a look.
        is_repeat=and_(_sent.c.is_repeat, _sent.c.state != DeliveryState.HELD),
        doubt_ends_at=now,
        created_at=now,
        next_attempt_at=now,
        settled_at=None,
    )
    return connection.execute(again.where(wanted).returning(_sent.c.destination)).scalars().all()


def drop(connection: Connection, notification_ids: Sequence[str], now: datetime) -> int:
    """Decide that notifications are not to be sent; return how many, without those that are on their way."""
    droppable = (DeliveryState.DEAD, DeliveryState.HELD, DeliveryState.DUE)
    wanted = and_(_sent.c.state.in_(droppable), _sent.c.notification_id.in_(notification_ids))
    dropped = update(_sent).where(wanted).values(state=DeliveryState.DROPPED, settled_at=now)
    return connection.execute(dropped).rowcount
