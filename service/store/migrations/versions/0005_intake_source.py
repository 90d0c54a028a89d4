"""Deliveries know the kind of their source: until now all were GitHub's."""

import sqlalchemy as sa
from alembic import op

revision = "0005_intake"
down_revision = "0004"


def upgrade() -> None:
    """Add the column. Its default stays: a web process of the version before still stores rows without it."""
    op.add_column("deliveries", sa.Column("source", sa.Text(), nullable=False, server_default="github"))
