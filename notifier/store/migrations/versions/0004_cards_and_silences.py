"""Cards with their threads, attempts, notices, incidents and silences.

A case that was told before gets its first message as its card: later changes are told in that one's thread.
One that is still to be told gets its card without a message. Who is still waited for is reminded of, and what
expires is told from now on: a card is as old as the last that the earlier version did, so that nothing comes
at once of all that was due before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
phase = "expand"

_LAST_SIGN_OF_LIFE = """
    SELECT max(at) FROM (SELECT max(beat_at) AS at FROM engine
                         UNION ALL SELECT max(created_at) FROM outbox
                         UNION ALL SELECT max(settled_at) FROM outbox) AS signs
"""
_ADOPT = """
    INSERT INTO cards (case_id, destination, receiver, rule, opened_at, channel, message_ref, posted_at,
                       is_fixed, armed_at, reminders, escalations, warned_at, next_at,
                       warned_for, ended_for, stale_for, is_escalated)
    SELECT case_id, destination, receiver, '', ({opened_at}), channel, message_ref, {posted_at},
           false, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, false
    FROM outbox
    WHERE seq IN (SELECT min(seq) FROM outbox WHERE {which} AND topic <> 'unknown_value'
                  GROUP BY case_id, destination)
      AND NOT EXISTS (SELECT 1 FROM cards
                      WHERE cards.case_id = outbox.case_id AND cards.destination = outbox.destination)
"""
_TOLD = {"which": "state = 'delivered'", "posted_at": "settled_at"}
_UNTOLD = {"which": "state IN ('due', 'sending', 'dead', 'held')", "posted_at": "NULL"}
_WAKE_THOSE_THAT_WAIT = """
    UPDATE cards SET next_at = 0
    WHERE case_id IN (SELECT cases.case_id
                      FROM cases JOIN connections
                        ON connections.account_id = cases.account_id AND connections.name = cases.name
                       AND connections.case_id = cases.case_id
                      WHERE cases."end" IS NULL
                        AND coalesce(connections.ahead, connections.status, '')
                            NOT IN ('enabled', 'failed', 'declined'))
"""


def upgrade() -> None:
    """Add the tables and columns, and adopt what was posted."""
    op.add_column("changes", sa.Column("poll", sa.Text(), server_default="", nullable=False))
    for name, default in (("purpose", "tell"), ("rule", ""), ("covered_by", ""), ("form", "message")):
        op.add_column("outbox", sa.Column(name, sa.Text(), server_default=default, nullable=False))
    op.create_index("outbox_by_case", "outbox", ["case_id", "destination"], unique=False)
    op.create_index(
        "outbox_covered",
        "outbox",
        ["covered_by"],
        unique=False,
        sqlite_where=sa.text("covered_by <> ''"),
        postgresql_where=sa.text("covered_by <> ''"),
    )
    op.create_index(
        "outbox_muted",
        "outbox",
        ["seq"],
        unique=False,
        sqlite_where=sa.text("state = 'muted'"),
        postgresql_where=sa.text("state = 'muted'"),
    )
    _create_cards()
    _create_others()
    for rows in (_TOLD, _UNTOLD):
        op.execute(_ADOPT.format(opened_at=_LAST_SIGN_OF_LIFE, **rows))
    op.execute(_WAKE_THOSE_THAT_WAIT)


def _create_cards() -> None:
    op.create_table(
        "cards",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("message_ref", sa.Text(), nullable=False),
        sa.Column("posted_at", sa.BigInteger(), nullable=True),
        sa.Column("is_fixed", sa.Boolean(), nullable=False),
        sa.Column("armed_at", sa.BigInteger(), nullable=True),
        sa.Column("reminders", sa.Integer(), nullable=False),
        sa.Column("escalations", sa.Integer(), nullable=False),
        sa.Column("warned_at", sa.BigInteger(), nullable=True),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("warned_for", sa.BigInteger(), nullable=True),
        sa.Column("ended_for", sa.BigInteger(), nullable=True),
        sa.Column("stale_for", sa.BigInteger(), nullable=True),
        sa.Column("is_escalated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "destination"),
    )
    op.create_index(
        "cards_by_time",
        "cards",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )


def _create_others() -> None:
    op.create_table(
        "attempts",
        sa.Column("attempt_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("notification_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("error_code", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id"),
    )
    op.create_index("attempts_by_notification", "attempts", ["notification_id"], unique=False)
    op.create_index("attempts_by_age", "attempts", ["at"], unique=False)
    op.create_table(
        "notices",
        sa.Column("notice_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("notice_id"),
    )
    op.create_index("notices_by_age", "notices", ["at"], unique=False)
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("incident_id"),
    )
    op.create_index(
        "incidents_open",
        "incidents",
        ["subject"],
        unique=False,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "silences",
        sa.Column("silence_id", sa.Text(), nullable=False),
        sa.Column("matchers", sa.JSON(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("silence_id"),
    )
