"""Commands in comments and their answers, who asked for a run, and approvals by a comment."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import RepositoryName, Time

revision = "0026_comments"
down_revision = "0025_prlife"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("runs", sa.Column("asked_by", sa.Text(), nullable=False, server_default=""))
    op.add_column("runs", sa.Column("asked_id", sa.Text(), nullable=False, server_default=""))
    op.create_index(op.f("ix_runs_asked_id"), "runs", ["asked_id"])
    op.add_column("approvals", sa.Column("head", sa.Text(), nullable=True))
    op.add_column("approvals", sa.Column("verified", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("approvals", sa.Column("asked_id", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "comment_commands",
        sa.Column("repository", RepositoryName(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", Time(), nullable=False),
        sa.Column("answered_at", Time(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("helped", sa.Boolean(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "comment", "position", name=op.f("pk_comment_commands")),
    )
    op.create_index(op.f("ix_comment_commands_repository_number"), "comment_commands", ["repository", "number"])
    op.create_table(
        "command_replies",
        sa.Column("repository", RepositoryName(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("comment", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "number", name=op.f("pk_command_replies")),
    )
