"""Deaths of a worker with others under way are counted apart, and a run remembers how far it was at the last one."""

import sqlalchemy as sa
from alembic import op

revision = "0008_build"
down_revision = "0007_build"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("runs", sa.Column("shared_deaths", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("progress", sa.Text(), nullable=False, server_default=""))
    op.add_column("builds", sa.Column("shared_deaths", sa.Integer(), nullable=False, server_default="0"))
