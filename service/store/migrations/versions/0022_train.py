"""Gates that a person has opened for a release, and what plans said would move."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0022_train"
down_revision = "0021_builders11"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "overrides",
        sa.Column("application", sa.Text(), primary_key=True),
        sa.Column("environment", sa.Text(), primary_key=True),
        sa.Column("release", sa.Text(), primary_key=True),
        sa.Column("gate", sa.Text(), primary_key=True),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", Time(), nullable=False),
    )
    op.create_table(
        "plans",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("moves", sa.JSON(), nullable=False),
        sa.Column("at", Time(), nullable=False),
    )
