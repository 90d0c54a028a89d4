"""Since when the image of a live release is missing in its registry, and what its tag names instead."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0015_registry"
down_revision = "0014"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("deployments", sa.Column("image_gone_since", Time()))
    op.add_column("deployments", sa.Column("drift", sa.Text(), nullable=False, server_default=""))
