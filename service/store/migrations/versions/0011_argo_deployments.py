"""Deployments: a release being live in an application's environment."""

import sqlalchemy as sa
from alembic import op

from service.store.tables import Time

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Bring the tables forward."""
    op.create_table(
        "deployments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("argocd_application", sa.Text(), nullable=True),
        sa.Column("since", Time(), nullable=False),
        sa.Column("healthy_since", Time(), nullable=True),
        sa.Column("health", sa.Text(), nullable=False),
        sa.Column("until", Time(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("by_us", sa.Boolean(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
    )
    op.create_index(op.f("ix_deployments_run_id"), "deployments", ["run_id"], unique=False)
    op.create_index(
        op.f("ix_deployments_application_environment_since"),
        "deployments",
        ["application", "environment", "since"],
        unique=False,
    )
    op.create_index(
        "uq_deployments_live",
        "deployments",
        ["application", "environment"],
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    )
