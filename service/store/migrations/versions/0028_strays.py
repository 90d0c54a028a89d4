"""Which entries of a repository's state have names that the configuration does not have."""

import sqlalchemy as sa
from alembic import op

revision = "0028_strays"
down_revision = "0027_carry"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("manifest_states", sa.Column("strays", sa.JSON(), nullable=False, server_default="[]"))
