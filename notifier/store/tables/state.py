"""What is known of Dintero: accounts, connections, their cases and events, and what has changed."""

from sqlalchemy import JSON, Boolean, Column, Index, Integer, Table, Text

from notifier.store.tables.columns import Instant, metadata

accounts = Table(
    "accounts",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("is_live", Boolean, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("first_read_at", Instant),
    Column("is_arrival", Boolean, nullable=False),
    Column("unwatched_at", Instant),
)

connections = Table(
    "connections",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("first_seen_at", Instant, nullable=False),
    Column("status", Text),
    Column("updated_at", Instant),
    Column("case_id", Text),
    Column("bare", JSON, nullable=False),
    Column("ahead", Text),
    Column("transitions", Integer, nullable=False),
    Column("gone_at", Instant),
    Column("unwatched_at", Instant),
)

cases = Table(
    "cases",
    metadata,
    Column("case_id", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("signup_id", Text),
    Column("signup_created_at", Instant),
    Column("expires_at", Instant),
    Column("asked_at", Instant),
    Column("end", Text),
    Index("cases_by_connection", "account_id", "name", "ordinal"),
)

events = Table(
    "events",
    metadata,
    Column("event_key", Text, primary_key=True),
    Column("account_id", Text, nullable=False),
    Column("connection", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("event_id", Text),
    Column("digest", Text, nullable=False),
    Column("status", Text),
    Column("name", Text, nullable=False),
    Column("created_at", Instant),
    Column("seen_at", Instant, nullable=False),
    Column("description", Text, nullable=False),
    Column("link", Text),
    Column("link_digest", Text, nullable=False),
    Column("link_version", Integer, nullable=False),
    Index("events_by_connection", "account_id", "connection", "position"),
)

changes = Table(
    "changes",
    metadata,
    Column("change_id", Text, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("case_id", Text, nullable=False),
    Column("event_key", Text),
    Column("status", Text),
    Column("at", Instant),
    Column("seen_at", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("is_told", Boolean, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("poll", Text, nullable=False, server_default=""),
    Index("changes_by_connection", "account_id", "name", "seen_at"),
    Index("changes_by_age", "seen_at"),
)

known_values = Table(
    "known_values",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("seen_at", Instant, nullable=False),
)

walks = Table(
    "walks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("owner_id", Text, primary_key=True),
    Column("first_completed_at", Instant, nullable=False),
)

problems = Table(
    "problems",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("since", Instant, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default="unreadable"),
)
