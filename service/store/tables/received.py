"""What comes in: deliveries, the changes that they brought, the configuration and what repositories are called."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.tables.shapes import RepositoryName, Time, metadata

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

# Repositories by the forge's own ids: the name that we have them under, and what they are called now.
repositories = sa.Table(
    "repositories",
    metadata,
    sa.Column("forge_id", sa.Text, primary_key=True),
    sa.Column("name", RepositoryName, nullable=False),
    sa.Column("called", RepositoryName, nullable=False),
)

# A command of a comment, and what was answered; `answer` is empty while it is not answered, and where nothing is.
comment_commands = sa.Table(
    "comment_commands",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("comment", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
    sa.Column("answered_at", Time),
    sa.Column("answer", sa.Text, nullable=False, default=""),
    sa.Column("helped", sa.Boolean, nullable=False, default=False),
    sa.Column("done", sa.Boolean, nullable=False, default=False),
    sa.Index(None, "repository", "number"),
)

# The one comment of ours on a pull request that has the answers.
command_replies = sa.Table(
    "command_replies",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("comment", sa.BigInteger, nullable=False),
)
