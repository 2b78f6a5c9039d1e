"""Who works on the store: its version, the engines, and what several of them share."""

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

from notifier.store.tables.columns import Instant, metadata

version = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
"""Alembic's own table, as Alembic makes it; not among ours, which it compares with what it finds."""

revisions = Table(
    "revisions",
    metadata,
    Column("revision", Text, primary_key=True),
    Column("phase", Text, nullable=False),
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

restored = Table(
    "restored",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("taken_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("ends_at", Instant),
    Column("rounds", Integer, nullable=False, server_default="0"),
)
