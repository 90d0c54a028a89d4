"""What outside systems still take from us, for the metrics."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0016_budget"
down_revision = "0015_registry"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "call_budgets",
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("installation", sa.Text(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.Column("reset_at", Time(), nullable=True),
        sa.Column("held_until", Time(), nullable=True),
        sa.Column("seen_at", Time(), nullable=False),
        sa.PrimaryKeyConstraint("login", "installation", name=op.f("pk_call_budgets")),
    )
