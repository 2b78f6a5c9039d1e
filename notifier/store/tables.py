"""The tables. A change here needs a migration in `migrations/versions`; a test proves that both agree."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as whole microseconds since 1970 in UTC; a naive one is refused."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        """Return the microseconds of an instant."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive date-time cannot be kept: it names no instant")
        return (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the instant of some microseconds."""
        return _read_instant(value)

    def result_processor(
        self,
        dialect: Dialect,  # noqa: ARG002
        coltype: object,  # noqa: ARG002
    ) -> Callable[[Any], datetime | None]:
        """Return what reads a value directly, without a second call for each: rows are full of them."""
        return _read_instant


def _read_instant(value: int | None) -> datetime | None:
    return None if value is None else _EPOCH + value * _MICROSECOND


_ROW_ID: Final = BigInteger().with_variant(Integer, "sqlite")
"""A number that the database gives: SQLite's INTEGER has 64 bits, and must be called so to be given."""

metadata = MetaData()

version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as Alembic makes it; not among ours, which it compares with what it finds."""

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

outbox = Table(
    "outbox",
    metadata,
    Column("seq", _ROW_ID, primary_key=True, autoincrement=True),
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

attempts = Table(
    "attempts",
    metadata,
    Column("attempt_id", _ROW_ID, primary_key=True),
    Column("notification_id", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("error_code", Text, nullable=False),
    Column("error", Text, nullable=False),
    Index("attempts_by_notification", "notification_id"),
    Index("attempts_by_age", "at"),
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

restored = Table(
    "restored",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("taken_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ends_at", Instant),
    Column("rounds", Integer, nullable=False, server_default="0"),
)

shards = Table(
    "shards",
    metadata,
    Column("shard_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("next_at", Instant, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("marks", LargeBinary, nullable=False),
    Column("ran_at", Instant),
    Column("ran_by", Text, nullable=False, server_default=""),
    Column("base_id", Text, nullable=False, server_default=""),
    Column("starts_after", Text, nullable=False, server_default=""),
    Column("ends_with", Text, nullable=False, server_default=""),
    Column("parts", Integer, nullable=False, server_default="0"),
    Column("read_at", Instant),
)

errands = Table(
    "errands",
    metadata,
    Column("name", Text, primary_key=True),
    Column("next_at", Instant, nullable=False),
)

budgets = Table(
    "budgets",
    metadata,
    Column("source", Text, primary_key=True),
    Column("free_at", Instant, nullable=False),
    Column("held_until", Instant, nullable=False),
)

receivers = Table(
    "receivers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("known_at", Instant, nullable=False),
)

engines = Table(
    "engines",
    metadata,
    Column("worker_id", Text, primary_key=True),
    Column("revision", Text, nullable=False),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
    Column("stopped_at", Instant),
    Column("polls", BigInteger, nullable=False),
    Column("last_round_at", Instant),
)

revisions = Table(
    "revisions",
    metadata,
    Column("revision", Text, primary_key=True),
    Column("phase", Text, nullable=False),
)
