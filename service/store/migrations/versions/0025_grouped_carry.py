"""What goes along with a release from one environment to the next, beside its images."""

import sqlalchemy as sa
from alembic import op

revision = "0025_grouped_carry"
down_revision = "0024_rollback"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("runs", sa.Column("carried", sa.JSON(none_as_null=True), nullable=True))
