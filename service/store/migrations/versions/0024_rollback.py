"""Runs that go back to a former release, and the holds after which what was gone back from may come again."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import RepositoryName, Time

revision = "0024_rollback"
down_revision = "0023_evidence"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("runs", sa.Column("rollback", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("deployments", sa.Column("degraded_since", Time(), nullable=True))
    op.create_table(
        "step_backs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repository", RepositoryName(), nullable=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("hold_id", sa.Text(), nullable=False),
        sa.Column("at", Time(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step_backs")),
    )
