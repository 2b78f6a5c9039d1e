"""What is kept back for quiet hours or silences, until its time comes."""

import sys
from datetime import datetime

from sqlalchemy import Connection, update

from notifier.domain.delivery import DeliveryState
from notifier.domain.model import Account
from notifier.domain.quiet import Kept
from notifier.store import rows, statements, tables

_sent = tables.outbox


def list_muted(connection: Connection, before: int | None, most: int) -> list[Kept]:
    """Return what is kept back, the newest first; of what stands before a place in the outbox."""
    bound = sys.maxsize if before is None else before
    found = connection.execute(statements.MUTED, {"bound": bound, "most": most}).mappings()
    return [
        Kept(
            row["seq"],
            rows.read_notification(row, "sent_"),
            rows.read_change(row),
            Account(row["account_id"], row["merchant"], row["is_live"]),
        )
        for row in found
    ]


def release(connection: Connection, kept: Kept, now: datetime) -> None:
    """Let something that is kept back be sent, and stand for all that is older of its case."""
    one = kept.notification
    due = {"state": DeliveryState.DUE, "covered_by": "", "created_at": now, "next_attempt_at": now}
    connection.execute(update(_sent).where(_sent.c.seq == kept.seq).values(**due))
    older = update(_sent).where(
        _sent.c.case_id == one.case_id,
        _sent.c.destination == one.destination,
        _sent.c.state == DeliveryState.MUTED,
        _sent.c.seq < kept.seq,
    )
    others = {"state": DeliveryState.COVERED, "settled_at": now, "covered_by": one.notification_id}
    connection.execute(older.values(**others))
