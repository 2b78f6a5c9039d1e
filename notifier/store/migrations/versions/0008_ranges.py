"""Ranges of a partner's list, each a shard of its own below that of the whole list."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
phase = "expand"


def upgrade() -> None:
    """Add what says that a shard is a part, and how many parts one has: older versions make none."""
    op.add_column("shards", sa.Column("base_id", sa.Text(), server_default="", nullable=False))
    op.add_column("shards", sa.Column("starts_after", sa.Text(), server_default="", nullable=False))
    op.add_column("shards", sa.Column("ends_with", sa.Text(), server_default="", nullable=False))
    op.add_column("shards", sa.Column("parts", sa.Integer(), server_default="0", nullable=False))
