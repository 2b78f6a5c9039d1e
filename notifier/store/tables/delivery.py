"""What is told, and to whom: the outbox and its attempts, cards, notices, silences, and what is held."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Table, Text, false, text

from notifier.store.tables.columns import ROW_ID, Instant, metadata

outbox = Table(
    "outbox",
    metadata,
    Column("seq", ROW_ID, primary_key=True, autoincrement=True),
    Column("notification_id", Text, nullable=False, unique=True),
    Column("change_id", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("receiver", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("is_repeat", Boolean, nullable=False),
    Column("is_plain", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("channel", Text, nullable=False),
    Column("message_ref", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error", Text, nullable=False),
    Column("doubt_since", Instant),
    Column("doubt_ends_at", Instant),
    Column("is_adopted", Boolean, nullable=False, server_default=false()),
    Column("purpose", Text, nullable=False, server_default="tell"),
    Column("rule", Text, nullable=False, server_default=""),
    Column("covered_by", Text, nullable=False, server_default=""),
    Column("form", Text, nullable=False, server_default="message"),
    Index(
        "outbox_open",
        "destination",
        "seq",
        sqlite_where=text("state IN ('due', 'sending')"),
        # `postgresql_where` would import that dialect, at every start: see `postgres_engine`.
    ),
    Index("outbox_muted", "seq", sqlite_where=text("state = 'muted'")),
    Index("outbox_by_change", "change_id"),
    Index("outbox_by_case", "case_id", "destination"),
    Index("outbox_covered", "covered_by", sqlite_where=text("covered_by <> ''")),
    Index("outbox_settled", "settled_at", sqlite_where=text("settled_at IS NOT NULL")),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", ROW_ID, primary_key=True),
    Column("notification_id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("attempts_by_notification", "notification_id"),
    Index("attempts_by_age", "at"),
)

cards = Table(
    "cards",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("receiver", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("channel", Text, nullable=False),
    Column("message_ref", Text, nullable=False),
    Column("posted_at", Instant),
    Column("is_fixed", Boolean, nullable=False),
    Column("armed_at", Instant),
    Column("reminders", Integer, nullable=False),
    Column("escalations", Integer, nullable=False),
    Column("warned_at", Instant),
    Column("next_at", Instant),
    Column("warned_for", Instant),
    Column("ended_for", Instant),
    Column("stale_for", Instant),
    Column("is_escalated", Boolean, nullable=False),
    Index("cards_by_time", "next_at", sqlite_where=text("next_at IS NOT NULL")),
)

notices = Table(
    "notices",
    metadata,
    Column("notice_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("body", JSON, nullable=False),
    Index("notices_by_age", "at"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("incident_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Index("incidents_open", "subject", sqlite_where=text("ended_at IS NULL")),
)

silences = Table(
    "silences",
    metadata,
    Column("silence_id", Text, primary_key=True),
    Column("matchers", JSON, nullable=False),
    Column("author", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("starts_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("begun_at", Instant),
    Column("ended_at", Instant),
)

holds = Table(
    "holds",
    metadata,
    Column("receiver", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Instant, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error", Text, nullable=False),
)
