"""A run that is to build its images anew, and a build whose image is made although it is there."""

import sqlalchemy as sa
from alembic import op

revision = "0017_review"
down_revision = "0016_budget"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("runs", sa.Column("rebuild", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("builds", sa.Column("anew", sa.Boolean(), nullable=False, server_default=sa.false()))
