"""Approvals by a command, what addresses answered, and where a merge queue tries the pull request of a judged run."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import RepositoryName, Time

revision = "0023_evidence"
down_revision = "0022_train"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "approvals",
        sa.Column("run_id", sa.Text(), primary_key=True),
        sa.Column("login", sa.Text(), primary_key=True),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("repository", RepositoryName(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("digests", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Time(), nullable=False),
    )
    op.create_table(
        "gate_answers",
        sa.Column("run_id", sa.Text(), primary_key=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("at", Time(), nullable=False),
        sa.Column("next_at", Time(), nullable=False),
    )
    op.create_index("ix_gate_answers_state_next_at", "gate_answers", ["state", "next_at"])
    op.add_column("judgements", sa.Column("queued_head", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_approvals_application_environment_commit", "approvals", ["application", "environment", "commit"]
    )
