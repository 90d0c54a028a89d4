"""What is live: what was seen of it, whom to tell to look, and since when a release is there."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.tables.shapes import RepositoryName, Time, metadata

# What was seen so far of a run's commit in its deployer: some states count only once they have lasted.
sightings = sa.Table(
    "sightings",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("past", sa.Text, nullable=False),
)

# Which application a deployer is to be told to look at now, and when it was told last.
refreshes = sa.Table(
    "refreshes",
    metadata,
    sa.Column("application", sa.Text, primary_key=True),
    sa.Column("wanted_at", Time),
    sa.Column("told_at", Time),
    sa.Column("times", sa.Integer, nullable=False, default=0),
    sa.Index(None, "wanted_at"),
)

# A release being live in an application's environment: since when, since when healthy without a break, until when.
deployments = sa.Table(
    "deployments",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("argocd_application", sa.Text),
    sa.Column("since", Time, nullable=False),
    sa.Column("healthy_since", Time),
    sa.Column("health", sa.Text, nullable=False, default=""),
    sa.Column("degraded_since", Time),
    sa.Column("until", Time),
    sa.Column("ended_by", sa.Text, nullable=False, default=""),
    sa.Column("by_us", sa.Boolean),
    sa.Column("image_gone_since", Time),
    sa.Column("drift", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("followed", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Index(None, "run_id"),
    sa.Index(None, "application", "environment", "since"),
    sa.Index(
        "ix_deployments_to_follow",
        "id",
        sqlite_where=sa.text("until IS NULL AND NOT followed"),
        postgresql_where=sa.text("until IS NULL AND NOT followed"),
    ),
    sa.Index(
        "uq_deployments_live",
        "application",
        "environment",
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    ),
)

# What the gates of a run's release said last, and when they are to be asked again. A row ends with its run.
approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("login", sa.Text, primary_key=True),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("repository", RepositoryName, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("digests", sa.JSON, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("head", sa.Text),
    sa.Column("verified", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("asked_id", sa.Text, nullable=False, default="", server_default=""),
    sa.Index(None, "application", "environment", "commit"),
)

gate_answers = sa.Table(
    "gate_answers",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("question", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("next_at", Time, nullable=False),
    sa.Index(None, "state", "next_at"),
)

judgements = sa.Table(
    "judgements",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("ready", sa.Boolean, nullable=False),
    sa.Column("gates", sa.JSON, nullable=False),
    sa.Column("judged_at", Time, nullable=False),
    sa.Column("next_at", Time, nullable=False),
    sa.Column("queued_head", sa.Text, nullable=False, server_default=""),
    sa.Index(None, "next_at"),
    sa.Index(None, "application", "environment"),
)

# A gate that a person has opened for one release: it counts for every run that brings these images to that place.
overrides = sa.Table(
    "overrides",
    metadata,
    sa.Column("application", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, primary_key=True),
    sa.Column("release", sa.Text, primary_key=True),
    sa.Column("gate", sa.Text, primary_key=True),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
)

# Which version an alias of a model's registry names, as it was read last; empty where it names none.
model_aliases = sa.Table(
    "model_aliases",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("alias", sa.Text, primary_key=True),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("seen_at", Time, nullable=False),
)

# What a plan said would move: compared with what moves when it is done.
plans = sa.Table(
    "plans",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("moves", sa.JSON, nullable=False),
    sa.Column("at", Time, nullable=False),
)
