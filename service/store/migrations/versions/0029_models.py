"""Which version each alias of a model registry names, as it was read last."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import RepositoryName, Time

revision = "0029_models"
down_revision = "0028_strays"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "model_aliases",
        sa.Column("repository", RepositoryName(), primary_key=True),
        sa.Column("alias", sa.Text(), primary_key=True),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("seen_at", Time(), nullable=False),
    )
