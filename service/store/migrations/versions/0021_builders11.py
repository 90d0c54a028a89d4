"""When the turn of a build's attempt came: its deadline counts from then."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0021_builders11"
down_revision = "0020_gates"


def upgrade() -> None:
    """Bring the tables forward; what is under way has had its turn."""
    op.add_column("builds", sa.Column("turn_at", Time(), nullable=True))
    op.execute("UPDATE builds SET turn_at = COALESCE(asked_at, started_at)")
