"""The newest image of each source tree, so that the same tree is built once; a build has its tree."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("builds", sa.Column("tree", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "image_trees",
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("commit", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("made_at", Time(), nullable=False),
        sa.PrimaryKeyConstraint("image", "tree", name=op.f("pk_image_trees")),
    )
