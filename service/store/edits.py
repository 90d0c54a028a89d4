"""Edits: what should be written to a manifest repository, and where each stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import EditState, Repository, RunId, RunState, Sha, Stage
from service.store.database import Transaction
from service.store.rows import columns, insert_new, insert_or_update, made, one
from service.store.tables import edits as table
from service.store.tables import own_commits, promotion_branches, runs

_OPEN = [EditState.PENDING, EditState.PUSHING]


@dataclass(frozen=True, slots=True)
class Edit:
    """A run's edit. `at` is its fixed commit date; `expected` and `commit` are stored before a push."""

    sequence: int
    run_id: RunId
    repository: Repository
    branch: str
    application: str
    environment: str
    state: EditState
    at: datetime
    expected: Sha | None
    commit: Sha | None
    base: Sha | None
    diff: str
    changes: Any
    message: str
    code: str
    attempts: int


_UPDATED = sa.update(table).where(table.c.run_id == sa.bindparam("of_run"))
_SETTLED = _UPDATED.where(table.c.state.in_(_OPEN))
_OF_RUN = sa.select(*columns(Edit, table)).where(table.c.run_id == sa.bindparam("run_id"))
_OF_RUNS = sa.select(*columns(Edit, table)).where(table.c.run_id.in_(sa.bindparam("run_ids", expanding=True)))
_OPEN_AT = (
    sa.select(*columns(Edit, table))
    .outerjoin(runs, runs.c.id == table.c.run_id)
    .where(
        table.c.repository == sa.bindparam("repository"), table.c.branch == sa.bindparam("branch"),
        table.c.state.in_(_OPEN),
    )
    .order_by(runs.c.sequence, table.c.sequence)
)  # fmt: skip
_EXPECTED_SOON = (
    sa.select(runs.c.application, runs.c.environment, runs.c.configuration_commit)
    .outerjoin(table, table.c.run_id == runs.c.id)
    .where(
        runs.c.state.in_([RunState.QUEUED, RunState.RUNNING]),
        runs.c.stage.in_([Stage.BUILD, Stage.PROMOTE]),
        runs.c.created_at >= sa.bindparam("since"),
        table.c.run_id.is_(None),
    )
    .limit(500)
)
_ANY_OWN = sa.select(own_commits.c.commit).where(own_commits.c.commit.in_(sa.bindparam("commits", expanding=True)))
_OWN_AMONG = _ANY_OWN.where(own_commits.c.repository == sa.bindparam("repository"))


def ensure(
    tx: Transaction,
    *,
    run_id: RunId,
    repository: Repository,
    branch: str,
    application: str,
    environment: str,
    at: datetime,
) -> Edit:
    """Keep a run's edit, or give the one it has."""
    insert_new(
        tx, table, run_id=run_id, repository=repository, branch=branch, application=application,
        environment=environment, state=EditState.PENDING, at=at,
    )  # fmt: skip
    kept = of_run(tx, run_id)
    assert kept is not None  # noqa: S101 - inserted above
    return kept


def of_run(tx: Transaction, run_id: RunId) -> Edit | None:
    """Give a run's edit."""
    return one(Edit, tx.execute(_OF_RUN, {"run_id": run_id}).first())


def of_runs(tx: Transaction, run_ids: Sequence[RunId]) -> dict[RunId, Edit]:
    """Give the edits of several runs."""
    found = [made(Edit, row) for row in tx.execute(_OF_RUNS, {"run_ids": run_ids})]
    return {edit.run_id: edit for edit in found}


def branches_of(tx: Transaction, run_ids: Iterable[RunId]) -> dict[RunId, str]:
    """Give the branches that runs write to, as far as they have begun to."""
    query = sa.select(table.c.run_id, table.c.branch).where(table.c.run_id.in_(list(run_ids)))
    return {RunId(run_id): branch for run_id, branch in tx.execute(query)}


def open_at(tx: Transaction, repository: Repository, branch: str) -> list[Edit]:
    """List the unsettled edits of a branch in the order in which their runs were accepted."""
    rows = tx.execute(_OPEN_AT, {"repository": repository, "branch": branch})
    return [made(Edit, row) for row in rows]


def expected_soon(tx: Transaction, *, since: datetime) -> list[tuple[str, str, Sha]]:
    """List application, environment and configuration of runs that were accepted since then and have no edit yet.

    Those that wait for something, such as their build, are not among them.
    """
    rows = tx.execute(_EXPECTED_SOON, {"since": since})
    return [(application, environment, Sha(commit)) for application, environment, commit in rows]


def hand_on(tx: Transaction, old: RunId, new: RunId) -> None:
    """Copy what a run has published to its next generation."""
    edit = of_run(tx, old)
    if edit is None:
        return
    insert_new(
        tx, table, run_id=new, repository=edit.repository, branch=edit.branch, application=edit.application,
        environment=edit.environment, state=edit.state, at=edit.at, commit=edit.commit, base=edit.base,
        diff=edit.diff, changes=edit.changes, message=edit.message, code=edit.code,
    )  # fmt: skip


def update(tx: Transaction, run_id: RunId, **values: Any) -> None:  # noqa: ANN401 - columns' values
    """Bring columns of an edit to these values."""
    tx.execute(_UPDATED, {"of_run": run_id, **values})


def settle(tx: Transaction, run_id: RunId, **values: Any) -> bool:  # noqa: ANN401 - columns' values
    """Bring columns of an edit to these values if it is still to be written; False when somebody has settled it."""
    result = tx.execute(_SETTLED, {"of_run": run_id, **values})
    return bool(result.rowcount == 1)


def commits_of(tx: Transaction, repository: Repository, run_ids: Collection[RunId]) -> dict[RunId, frozenset[Sha]]:
    """Give all commits that were ever made for these runs, whatever became of them."""
    query = sa.select(own_commits.c.run_id, own_commits.c.commit).where(
        own_commits.c.repository == repository, own_commits.c.run_id.in_(run_ids)
    )
    found: dict[RunId, frozenset[Sha]] = dict.fromkeys(run_ids, frozenset())
    for run_id, commit in tx.execute(query):
        found[RunId(run_id)] |= {Sha(commit)}
    return found


def own(tx: Transaction, repository: Repository, commit: Sha, run_id: RunId) -> None:
    """Remember that a commit is ours."""
    insert_new(tx, own_commits, repository=repository, commit=commit, run_id=run_id)


def disown(tx: Transaction, repository: Repository, commit: Sha) -> None:
    """Forget a commit of ours that was never pushed."""
    tx.execute(sa.delete(own_commits).where(own_commits.c.repository == repository, own_commits.c.commit == commit))


def is_own(tx: Transaction, repository: Repository, commit: Sha) -> bool:
    """Tell whether we made a commit."""
    return bool(own_among(tx, repository, {commit}))


def owner(tx: Transaction, repository: Repository, commit: Sha) -> RunId | None:
    """Give the run that we made a commit for."""
    query = sa.select(own_commits.c.run_id).where(
        own_commits.c.repository == repository, own_commits.c.commit == commit
    )
    found = tx.execute(query).scalar()
    return None if found is None else RunId(found)


def any_own(tx: Transaction, commits: Collection[Sha]) -> set[Sha]:
    """Give those of these commits that we made, in whatever repository: one may have another name by now."""
    return {Sha(commit) for commit in tx.execute(_ANY_OWN, {"commits": list(commits)}).scalars()}


def answered_changes(tx: Transaction, repository: Repository, branch: str, *, since: datetime) -> int:
    """Count the commits that we made on a branch since then, each for a change of that very branch."""
    query = (
        sa.select(sa.func.count())
        .select_from(table.join(runs, runs.c.id == table.c.run_id))
        .where(
            table.c.repository == repository, table.c.branch == branch, table.c.at >= since,
            table.c.state == EditState.PUBLISHED, table.c.diff != "",
            runs.c.repository == repository, runs.c.branch == branch,
        )
    )  # fmt: skip
    return int(tx.execute(query).scalar_one())


def own_among(tx: Transaction, repository: Repository, commits: Collection[Sha]) -> set[Sha]:
    """Give those of these commits that we made."""
    asked = {"commits": list(commits), "repository": repository}
    return {Sha(commit) for commit in tx.execute(_OWN_AMONG, asked).scalars()}


def promotion_tip(tx: Transaction, repository: Repository, branch: str) -> tuple[Sha, RunId] | None:
    """Give the last tip that we pushed to a promotion branch, and for which run."""
    query = sa.select(promotion_branches.c.tip, promotion_branches.c.run_id).where(
        promotion_branches.c.repository == repository, promotion_branches.c.branch == branch
    )
    row = tx.execute(query).first()
    return None if row is None else (Sha(row.tip), RunId(row.run_id))


def set_promotion_tip(tx: Transaction, repository: Repository, branch: str, tip: Sha, run_id: RunId) -> None:
    """Remember the tip that we pushed to a promotion branch."""
    insert_or_update(
        tx, promotion_branches, ["repository", "branch"], repository=repository, branch=branch, tip=tip, run_id=run_id
    )


def forget_promotion_tip(tx: Transaction, repository: Repository, branch: str, run_id: RunId) -> None:
    """Forget a promotion branch that is merged, unless a later run has pushed there since."""
    tx.execute(
        sa.delete(promotion_branches).where(
            promotion_branches.c.repository == repository,
            promotion_branches.c.branch == branch,
            promotion_branches.c.run_id == run_id,
        )
    )


def attempts_total(tx: Transaction) -> int:
    """Count push attempts, for the metrics."""
    return int(tx.execute(sa.select(sa.func.coalesce(sa.func.sum(table.c.attempts), 0))).scalar_one())
