"""What the gates of a run's release said last, and when they are to be asked again."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0020_gates"
down_revision = "0019_statebranch"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "judgements",
        sa.Column("run_id", sa.Text(), primary_key=True),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("gates", sa.JSON(), nullable=False),
        sa.Column("judged_at", Time(), nullable=False),
        sa.Column("next_at", Time(), nullable=False),
    )
    op.create_index("ix_judgements_next_at", "judgements", ["next_at"])
    op.create_index("ix_judgements_application_environment", "judgements", ["application", "environment"])
