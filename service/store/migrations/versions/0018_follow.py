"""Whether the environments that a release's environment feeds have heard that it is live and healthy."""

import sqlalchemy as sa
from alembic import op

revision = "0018_follow"
down_revision = "0017_review"


def upgrade() -> None:
    """Bring the tables forward."""
    op.add_column("deployments", sa.Column("followed", sa.Boolean(), nullable=False, server_default=sa.false()))
    where = sa.text("until IS NULL AND NOT followed")
    op.create_index("ix_deployments_to_follow", "deployments", ["id"], sqlite_where=where, postgresql_where=where)
