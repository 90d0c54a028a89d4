"""What we gave pull requests of ours, how they are to be merged, and what our one comment there says."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import RepositoryName, Time

revision = "0025_prlife"
down_revision = "0024_rollback"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "proposals",
        sa.Column("repository", RepositoryName(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("given", sa.JSON(), nullable=False),
        sa.Column("lacking", sa.JSON(), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False, server_default=""),
        sa.Column("gate_label", sa.Text(), nullable=False, server_default=""),
        sa.Column("head", sa.Text(), nullable=False, server_default=""),
        sa.Column("approvals", sa.Text(), nullable=False, server_default=""),
        sa.Column("auto_head", sa.Text(), nullable=False, server_default=""),
        sa.Column("auto_seen", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("merging", sa.Text(), nullable=False, server_default=""),
        sa.Column("ending", sa.Text(), nullable=False, server_default=""),
        sa.Column("told", sa.Text(), nullable=False, server_default=""),
        sa.Column("comment", sa.BigInteger(), nullable=True),
        sa.Column("due_at", Time(), nullable=True),
        sa.Column("wishes", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("repository", "number", name=op.f("pk_proposals")),
    )
    op.create_index(op.f("ix_proposals_due_at"), "proposals", ["due_at"])
    op.create_index(op.f("ix_proposals_run_id"), "proposals", ["run_id"])
