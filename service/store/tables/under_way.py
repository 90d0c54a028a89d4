"""What runs: their steps and waits, who holds what, and what is to be told of them."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.tables.shapes import RepositoryName, Time, metadata

# One change of one application going to one environment. `sequence` is the order of acceptance.
runs = sa.Table(
    "runs",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("change_id", sa.Text, nullable=False),
    sa.Column("repository", RepositoryName, nullable=False),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False, default=0),
    sa.Column("configuration_commit", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("code", sa.Text, nullable=False, default=""),
    sa.Column("images", sa.JSON, nullable=False),
    sa.Column("manifest_commit", sa.Text),
    sa.Column("pull_request", sa.Integer),
    sa.Column("pull_request_url", sa.Text),
    sa.Column("cancel_requested_by", sa.Text),
    sa.Column("superseded_by", sa.Text),
    sa.Column("workflow_id", sa.Text, nullable=False),
    sa.Column("resumes", sa.Integer, nullable=False, default=0),
    sa.Column("shared_deaths", sa.Integer, nullable=False, default=0),
    sa.Column("progress", sa.Text, nullable=False, default=""),
    sa.Column("rebuild", sa.Boolean, nullable=False, default=False),
    sa.Column("rollback", sa.JSON(none_as_null=True)),
    sa.Column("carried", sa.JSON(none_as_null=True)),
    sa.Column("asked_by", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("asked_id", sa.Text, nullable=False, default="", server_default=""),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    sa.Column("ended_at", Time),
    sa.UniqueConstraint("repository", "branch", "commit", "application", "environment", "generation"),
    sa.Index(None, "state", "updated_at"),
    sa.Index(None, "repository", "commit", "environment"),
    sa.Index(None, "application", "environment", "sequence"),
    sa.Index(None, "superseded_by"),
    sa.Index(None, "asked_id"),
)

# The smallest recorded part of a stage: one externally visible effect.
steps = sa.Table(
    "steps",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("started_at", Time, nullable=False),
    sa.Column("ended_at", Time),
)

# What a run waits for outside. Open while `answered_at` is empty; the answer's workflow is `wait:ID`. What the run does
# then goes by `outcome`; `answer` is words, or what the watch found.
waits = sa.Table(
    "waits",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False, default=""),
    sa.Column("last_seen", sa.Text, nullable=False, default=""),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("not_before", Time),
    sa.Column("deadline", Time),
    sa.Column("answered_at", Time),
    sa.Column("answer", sa.Text, nullable=False, default=""),
    sa.Column("outcome", sa.Text, nullable=False, default="open"),
    sa.Index(None, "answered_at", "kind", "key", "id"),
    sa.Index(None, "answered_at", "deadline"),
    sa.Index(None, "answered_at", "not_before"),
    sa.Index(None, "run_id"),
)

# Who holds what until when: `worker:EXECUTOR`, `manifest:REPOSITORY:BRANCH`.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("expires_at", Time, nullable=False),
)

# The status that a source commit should show, and whether the forge has it; repeated until it has.
reports = sa.Table(
    "reports",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("commit", sa.Text, primary_key=True),
    sa.Column("context", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False, default=""),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("url", sa.Text, nullable=False, default=""),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("sent_version", sa.Integer, nullable=False, default=0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("not_before", Time),
    sa.Column("error", sa.Text, nullable=False, default=""),
    sa.Index(
        "ix_reports_unsent",
        "not_before",
        sqlite_where=sa.text("sent_version < version"),
        postgresql_where=sa.text("sent_version < version"),
    ),
)

# Who did what by hand.
audit = sa.Table(
    "audit",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", Time, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False, default=""),
)

# What an outside system still takes from one login of ours, as a worker learnt it last.
call_budgets = sa.Table(
    "call_budgets",
    metadata,
    sa.Column("login", sa.Text, primary_key=True),
    sa.Column("installation", sa.Text, primary_key=True),
    sa.Column("most", sa.Integer, nullable=False),
    sa.Column("remaining", sa.Integer, nullable=False),
    sa.Column("reset_at", Time),
    sa.Column("held_until", Time),
    sa.Column("seen_at", Time, nullable=False),
)
