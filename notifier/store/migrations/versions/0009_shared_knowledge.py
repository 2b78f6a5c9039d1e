"""What several workers know together: their receivers, and what was read since a backup was restored."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
phase = "expand"


def upgrade() -> None:
    """Add what older versions neither write nor miss."""
    op.create_table(
        "receivers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("known_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("shards", sa.Column("read_at", sa.BigInteger(), nullable=True))
    op.add_column("restored", sa.Column("rounds", sa.Integer(), server_default="0", nullable=False))
