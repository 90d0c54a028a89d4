"""Repositories by the forge's ids, so that a renamed one is known again."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import RepositoryName

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "repositories",
        sa.Column("forge_id", sa.Text(), nullable=False),
        sa.Column("name", RepositoryName(), nullable=False),
        sa.Column("called", RepositoryName(), nullable=False),
        sa.PrimaryKeyConstraint("forge_id", name=op.f("pk_repositories")),
    )
