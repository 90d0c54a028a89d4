"""The state of manifest repositories as it was last found good, and which pushes may be under way."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import RepositoryName, Time

revision = "0019_statebranch"
down_revision = "0018_follow"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "manifest_states",
        sa.Column("repository", RepositoryName(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", Time(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("troubled_since", Time(), nullable=True),
        sa.PrimaryKeyConstraint("repository", name=op.f("pk_manifest_states")),
    )
    op.create_table(
        "pushes",
        sa.Column("lease", sa.Text(), nullable=False),
        sa.Column("repository", RepositoryName(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("lease", name=op.f("pk_pushes")),
    )
