"""The tables, as SQLAlchemy Core. Queries are in the modules named after them; changes of shape in migrations/.

Portable between SQLite and PostgreSQL: text ids, times as UTC, JSON for what is only shown.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from service.core.words import Repository


class Time(TypeDecorator[datetime]):
    """An aware time in UTC on both databases; SQLite has none of its own."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse naive times; they would mean another moment on another machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time reached the store")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """Give SQLite's naive answers their zone back."""
        if value is None:
            return None
        assert isinstance(value, datetime)  # noqa: S101 - the column's own type
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


NOCASE = "mergeport_nocase"
"""The collation of PostgreSQL under which texts that differ in case only are equal; SQLite has its own."""


class RepositoryName(TypeDecorator[Repository]):
    """A repository's name, kept as it was written, and equal in every other case, in keys as well."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """Give the column the collation of its database."""
        return dialect.type_descriptor(sa.Text(collation=NOCASE if dialect.name == "postgresql" else "NOCASE"))

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Hand drivers the plain text that they know."""
        return None if value is None else str.__str__(value)

    def process_result_value(self, value: Any | None, dialect: sa.Dialect) -> Repository | None:  # noqa: ANN401, ARG002 - SQLAlchemy's signature
        """Give the name its type back."""
        return None if value is None else Repository(value)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

# One webhook request. `sequence` orders intake within a repository of a source; a redelivered id is the same row.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("source", sa.Text, nullable=False, server_default="github"),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("repository", RepositoryName, nullable=False, default=""),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("received_at", Time, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False, default=""),
    sa.Column("generation", sa.Integer, nullable=False, default=0),
    sa.Column("repeats", sa.Integer, nullable=False, default=0),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("not_before", Time),
    sa.Column("claimed_by", sa.Text),
    sa.Column("change_id", sa.Text),
    sa.Column("routing", sa.JSON),
    sa.Column("processed_at", Time),
    sa.Index(None, "state", "repository", "sequence"),
)

# What a merge brought. Unique by (repository, branch, commit), whichever event told it first.
changes = sa.Table(
    "changes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("repository", RepositoryName, nullable=False),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("commit", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("subject", sa.Text, nullable=False, default=""),
    sa.Column("author", sa.Text, nullable=False, default=""),
    sa.Column("author_email", sa.Text, nullable=False, default=""),
    sa.Column("paths", sa.JSON),
    sa.Column("pull_requests", sa.JSON, nullable=False),
    sa.Column("created_at", Time, nullable=False),
    sa.UniqueConstraint("repository", "branch", "commit"),
)

# Which change a commit counts as part of: a push of many commits covers all of them.
covered_commits = sa.Table(
    "covered_commits",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("branch", sa.Text, primary_key=True),
    sa.Column("commit", sa.Text, primary_key=True),
    sa.Column("change_id", sa.Text, nullable=False),
)

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
    sa.Column("created_at", Time, nullable=False),
    sa.Column("updated_at", Time, nullable=False),
    sa.Column("ended_at", Time),
    sa.UniqueConstraint("repository", "branch", "commit", "application", "environment", "generation"),
    sa.Index(None, "state", "updated_at"),
    sa.Index(None, "repository", "commit", "environment"),
    sa.Index(None, "application", "environment", "sequence"),
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

# What was seen so far of a run's commit in its deployer, for what must last to count.
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
    sa.Column("until", Time),
    sa.Column("ended_by", sa.Text, nullable=False, default=""),
    sa.Column("by_us", sa.Boolean),
    sa.Index(None, "run_id"),
    sa.Index(None, "application", "environment", "since"),
    sa.Index(
        "uq_deployments_live",
        "application",
        "environment",
        unique=True,
        sqlite_where=sa.text("until IS NULL"),
        postgresql_where=sa.text("until IS NULL"),
    ),
)

# The making of one image from one source commit, shared by all runs that need it. Elsewhere: `builder` is who makes it,
# `correlation` our own name of this one start, kept with `asked_at` before it is asked for, `external_id` theirs after.
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
    sa.Index(None, "state", "updated_at"),
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

# A wanted edit of the manifest repository. `expected` and `commit` are stored before the push.
edits = sa.Table(
    "edits",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("run_id", sa.Text, nullable=False, unique=True),
    sa.Column("repository", RepositoryName, nullable=False),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("expected", sa.Text),
    sa.Column("commit", sa.Text),
    sa.Column("base", sa.Text),
    sa.Column("diff", sa.Text, nullable=False, default=""),
    sa.Column("changes", sa.JSON),
    sa.Column("message", sa.Text, nullable=False, default=""),
    sa.Column("code", sa.Text, nullable=False, default=""),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Index(None, "repository", "branch", "state", "sequence"),
)

# The last tip of a promotion branch that we pushed: the lease of the next push there.
promotion_branches = sa.Table(
    "promotion_branches",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("branch", sa.Text, primary_key=True),
    sa.Column("tip", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
)

# How a source commit stands to another. It never changes, so it is kept for ever; what is gone is not.
commit_relations = sa.Table(
    "commit_relations",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("head", sa.Text, primary_key=True),
    sa.Column("base", sa.Text, primary_key=True),
    sa.Column("relation", sa.Text, nullable=False),
)

# The committer's date of a source commit.
commit_times = sa.Table(
    "commit_times",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("commit", sa.Text, primary_key=True),
    sa.Column("at", Time, nullable=False),
)

# What a run found out, by asking outside, about an image that stands where it would write.
order_answers = sa.Table(
    "order_answers",
    metadata,
    sa.Column("run_id", sa.Text, primary_key=True),
    sa.Column("image", sa.Text, primary_key=True),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("words", sa.Text, nullable=False, default=""),
    sa.Column("deployed", sa.Text),
)

# Who holds what until when: `worker:EXECUTOR`, `manifest:REPOSITORY:BRANCH`.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("expires_at", Time, nullable=False),
)

# mergeport.yaml at each commit that was read; `good` ones can be run by.
configurations = sa.Table(
    "configurations",
    metadata,
    sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("commit", sa.Text, nullable=False, unique=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("good", sa.Boolean, nullable=False),
    sa.Column("faults", sa.JSON, nullable=False),
    sa.Column("loaded_at", Time, nullable=False),
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

# Commits that we made, so that our own pushes start nothing.
own_commits = sa.Table(
    "own_commits",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("commit", sa.Text, primary_key=True, index=True),
    sa.Column("run_id", sa.Text, nullable=False),
)

# Repositories by the forge's own ids: the name that we have them under, and what they are called now.
repositories = sa.Table(
    "repositories",
    metadata,
    sa.Column("forge_id", sa.Text, primary_key=True),
    sa.Column("name", RepositoryName, nullable=False),
    sa.Column("called", RepositoryName, nullable=False),
)
