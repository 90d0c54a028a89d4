"""Superseded runs found by what superseded them, since their statuses follow it."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_index(op.f("ix_runs_superseded_by"), "runs", ["superseded_by"])
