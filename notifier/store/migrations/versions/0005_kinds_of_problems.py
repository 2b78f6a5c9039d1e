"""What kind of problem it is that a target cannot be read for."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
phase = "expand"


def upgrade() -> None:
    """Add the column; what is there already is simply unreadable."""
    op.add_column("problems", sa.Column("kind", sa.Text(), server_default="unreadable", nullable=False))
