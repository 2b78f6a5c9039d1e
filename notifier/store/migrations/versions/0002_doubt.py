"""Deliveries in doubt: since when, until when they are looked for, and whether they were found."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
phase = "expand"


def upgrade() -> None:
    """Add the columns of doubt to the outbox."""
    op.add_column("outbox", sa.Column("doubt_since", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("doubt_ends_at", sa.BigInteger(), nullable=True))
    op.add_column("outbox", sa.Column("is_adopted", sa.Boolean(), nullable=False, server_default=sa.false()))
