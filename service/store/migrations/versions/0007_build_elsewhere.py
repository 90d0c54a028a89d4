"""A build that somebody else makes keeps who that is, our name of its start, their id, and how far its log was read."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0007_build"
down_revision = "0006"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("builds", sa.Column("builder", sa.Text(), nullable=False, server_default=""))
    op.add_column("builds", sa.Column("correlation", sa.Text(), nullable=False, server_default=""))
    op.add_column("builds", sa.Column("asked_at", Time(), nullable=True))
    op.add_column("builds", sa.Column("external_id", sa.Text(), nullable=True))
    op.add_column("builds", sa.Column("log_after", sa.Text(), nullable=False, server_default=""))
    op.add_column("builds", sa.Column("unheard_since", Time(), nullable=True))
