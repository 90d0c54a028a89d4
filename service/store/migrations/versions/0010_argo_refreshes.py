"""Which application a deployer is to be told to look at now."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0010"
down_revision = "0009_build"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "refreshes",
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("wanted_at", Time(), nullable=True),
        sa.Column("told_at", Time(), nullable=True),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("application", name=op.f("pk_refreshes")),
    )
    op.create_index(op.f("ix_refreshes_wanted_at"), "refreshes", ["wanted_at"], unique=False)
