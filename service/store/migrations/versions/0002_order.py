"""How source commits stand to each other, and what runs found out about the images that they would replace."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "commit_relations",
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "head", "base", name=op.f("pk_commit_relations")),
    )
    op.create_table(
        "commit_times",
        sa.Column("repository", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("at", Time(), nullable=False),
        sa.PrimaryKeyConstraint("repository", "commit", name=op.f("pk_commit_times")),
    )
    op.create_table(
        "order_answers",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("deployed", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "image", name=op.f("pk_order_answers")),
    )
