"""Which pull requests we have put into a merge queue, so that they are taken out when a gate closes."""

import sqlalchemy as sa
from alembic import op

revision = "0028_whole11"
down_revision = "0027_carry"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("proposals", sa.Column("queued", sa.Boolean(), nullable=False, server_default=sa.false()))
