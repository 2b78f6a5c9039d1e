"""A sign of life for each engine, with the revision that it knows, and which revisions were expansions."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
phase = "contract"

_KEPT = "host, pid, version, started_at, beat_at, stopped_at, polls, last_round_at"


def upgrade() -> None:
    """Put the table of many engines in the place of that of one."""
    op.create_table(
        "engines",
        sa.Column("worker_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("polls", sa.BigInteger(), nullable=False),
        sa.Column("last_round_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("worker_id"),
    )
    op.execute(
        f"INSERT INTO engines (worker_id, revision, {_KEPT}) SELECT 'engine', '0006', {_KEPT} FROM engine"  # noqa: S608
    )
    op.drop_table("engine")
    op.create_table(
        "revisions",
        sa.Column("revision", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("revision"),
    )
