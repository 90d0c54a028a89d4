"""What was seen so far of a run's commit in its deployer, for what must last to count."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005_intake"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "sightings",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("past", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_sightings")),
    )
