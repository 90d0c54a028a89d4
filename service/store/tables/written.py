"""What goes into manifest repositories, and what is known of the order of source commits."""

from __future__ import annotations

import sqlalchemy as sa

from service.store.tables.shapes import RepositoryName, Time, metadata

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

# The state of a manifest repository as it was last found good, and what is wrong with what is there now. `commit` is
# empty if none was ever good.
manifest_states = sa.Table(
    "manifest_states",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("commit", sa.Text),
    sa.Column("text", sa.Text, nullable=False, default=""),
    sa.Column("at", Time, nullable=False),
    sa.Column("trouble", sa.Text, nullable=False, default=""),
    sa.Column("words", sa.Text, nullable=False, default=""),
    sa.Column("troubled_since", Time),
    sa.Column("strays", sa.JSON, nullable=False, default=list),
)

# A deliberate step back whose hold was placed. The row ends with the hold: then the newest eligible release comes.
step_backs = sa.Table(
    "step_backs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("repository", RepositoryName, nullable=False),
    sa.Column("application", sa.Text, nullable=False),
    sa.Column("environment", sa.Text, nullable=False),
    sa.Column("hold_id", sa.Text, nullable=False),
    sa.Column("at", Time, nullable=False),
)

# The newest push of each branch that may be under way. It is, while `holder` has the branch's lease.
pushes = sa.Table(
    "pushes",
    metadata,
    sa.Column("lease", sa.Text, primary_key=True),
    sa.Column("repository", RepositoryName, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
)

# A pull request of ours: what we gave it, how it is to be merged, and what our one comment there says.
proposals = sa.Table(
    "proposals",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False, index=True),
    sa.Column("given", sa.JSON, nullable=False),
    sa.Column("lacking", sa.JSON, nullable=False),
    sa.Column("draft", sa.Text, nullable=False, server_default=""),
    sa.Column("gate_label", sa.Text, nullable=False, server_default=""),
    sa.Column("head", sa.Text, nullable=False, server_default=""),
    sa.Column("approvals", sa.Text, nullable=False, server_default=""),
    sa.Column("auto_head", sa.Text, nullable=False, server_default=""),
    sa.Column("auto_seen", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("merging", sa.Text, nullable=False, server_default=""),
    sa.Column("ending", sa.Text, nullable=False, server_default=""),
    sa.Column("told", sa.Text, nullable=False, server_default=""),
    sa.Column("comment", sa.BigInteger),
    sa.Column("due_at", Time),
    sa.Column("wishes", sa.Integer, nullable=False, server_default="0"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("together", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index(None, "due_at"),
)

# Commits that we made, so that our own pushes start nothing.
own_commits = sa.Table(
    "own_commits",
    metadata,
    sa.Column("repository", RepositoryName, primary_key=True),
    sa.Column("commit", sa.Text, primary_key=True, index=True),
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
