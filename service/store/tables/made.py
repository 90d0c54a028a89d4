"""Images that are made: which build, for which runs, with which log."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.tables.shapes import RepositoryName, Time, metadata

# The making of one image from one source commit, shared by all runs that need it. For a build elsewhere, `builder` is
# who makes it, and `correlation` is our own name of this one start, stored with `asked_at` before the start.
# `external_id` is the builder's own id, stored after it.
builds = sa.Table(
    "builds",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("repository", RepositoryName, nullable=False),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("configuration_commit", sa.Text, nullable=False),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("image", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    sa.Column("resumes", sa.Integer, nullable=False, default=0),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("code", sa.Text, nullable=False, default=""),
    sa.Column("retry_after", sa.Float),
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    sa.Column("started_at", Time),
    sa.Column("ended_at", Time),
    sa.Column("builder", sa.Text, nullable=False, default=""),
    sa.Column("correlation", sa.Text, nullable=False, default=""),
    sa.Column("asked_at", Time),
    sa.Column("external_id", sa.Text),
    sa.Column("log_after", sa.Text, nullable=False, default=""),
    sa.Column("unheard_since", Time),
    sa.Column("shared_deaths", sa.Integer, nullable=False, default=0),
    sa.Column("tree", sa.Text, nullable=False, default=""),
    sa.Column("anew", sa.Boolean, nullable=False, default=False),
    sa.Column("turn_at", Time),
    sa.Index(None, "state", "updated_at"),
)

# The newest image of each source tree, as it was read back from its registry. `image` is `registry/repository`; `tree`
# is what the image was made of (service.core.source_tree); `commit` is the one that it was made for.
image_trees = sa.Table(
    "image_trees",
    metadata,
    sa.Column("image", sa.Text, primary_key=True),
    sa.Column("tree", sa.Text, primary_key=True),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("made_at", Time, nullable=False),
)

build_runs = sa.Table(
    "build_runs",
    metadata,
    sa.Column("build_id", sa.Text, primary_key=True),
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Index(None, "run_id"),
)

build_logs = sa.Table(
    "build_logs",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("build_id", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Index(None, "build_id", "sequence"),
)
