"""What goes along with a release beside its images, and which pull requests applications share."""

import sqlalchemy as sa
from alembic import op

revision = "0027_carry"
down_revision = "0026_comments"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("runs", sa.Column("carried", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("proposals", sa.Column("together", sa.Boolean(), nullable=False, server_default=sa.false()))
