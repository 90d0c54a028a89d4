"""The tables, as SQLAlchemy Core. Queries are in the modules named after them; changes of shape in migrations/.

Portable between SQLite and PostgreSQL: text ids, times as UTC, JSON for what is only shown.
"""

from service.store.tables.live import (
    approvals,
    deployments,
    gate_answers,
    judgements,
    model_aliases,
    overrides,
    plans,
    refreshes,
    sightings,
)
from service.store.tables.made import build_logs, build_runs, builds, image_trees
from service.store.tables.received import (
    changes,
    command_replies,
    comment_commands,
    configurations,
    covered_commits,
    deliveries,
    repositories,
)
from service.store.tables.shapes import NOCASE, RepositoryName, Time, metadata
from service.store.tables.under_way import audit, call_budgets, leases, reports, runs, steps, waits
from service.store.tables.written import (
    commit_relations,
    commit_times,
    edits,
    manifest_states,
    order_answers,
    own_commits,
    promotion_branches,
    proposals,
    pushes,
    step_backs,
)

__all__ = [
    "NOCASE",
    "RepositoryName",
    "Time",
    "approvals",
    "audit",
    "build_logs",
    "build_runs",
    "builds",
    "call_budgets",
    "changes",
    "command_replies",
    "comment_commands",
    "commit_relations",
    "commit_times",
    "configurations",
    "covered_commits",
    "deliveries",
    "deployments",
    "edits",
    "gate_answers",
    "image_trees",
    "judgements",
    "leases",
    "manifest_states",
    "metadata",
    "model_aliases",
    "order_answers",
    "overrides",
    "own_commits",
    "plans",
    "promotion_branches",
    "proposals",
    "pushes",
    "refreshes",
    "reports",
    "repositories",
    "runs",
    "sightings",
    "step_backs",
    "steps",
    "waits",
]
