"""Runs before and after a run: of the same application and environment, or of the same branch."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from service.core.words import Repository, RunState, Sha
from service.store.database import Transaction
from service.store.rows import columns, made, one
from service.store.runs import Run
from service.store.tables import runs as table

_SAME_PLACE = (table.c.application == sa.bindparam("application"), table.c.environment == sa.bindparam("environment"))
_BRANCH = (table.c.repository == sa.bindparam("repository"), table.c.branch == sa.bindparam("branch"))
_LATER = (
    sa.select(*columns(Run, table))
    .where(
        *_SAME_PLACE,
        table.c.sequence > sa.bindparam("sequence"),
        table.c.state.not_in([RunState.FAILED, RunState.CANCELLED]),
        sa.or_(table.c.superseded_by.is_(None), table.c.superseded_by != sa.bindparam("run_id")),
    )
    .order_by(table.c.sequence.desc())
    .limit(sa.bindparam("most"))
)
_LAST_PROMOTED = (
    sa.select(*columns(Run, table))
    .where(*_SAME_PLACE, table.c.sequence < sa.bindparam("sequence"), table.c.manifest_commit.is_not(None))
    .order_by(table.c.sequence.desc())
    .limit(1)
)
_NO_ROLLBACK = table.c.rollback.is_(None)
"""A rollback has the commit of a former release, and tells nothing of where the source branch is."""
_NEWEST_OF_BRANCH = (
    sa.select(*columns(Run, table))
    .where(*_BRANCH, *_SAME_PLACE, _NO_ROLLBACK)
    .order_by(table.c.sequence.desc())
    .limit(1)
)
_FIRST_OF_COMMIT = (
    sa.select(sa.func.min(table.c.sequence)).where(*_BRANCH, table.c.commit == sa.bindparam("commit")).scalar_subquery()
)
_FOLLOWED = (
    sa.select(table.c.id)
    .where(*_BRANCH, _NO_ROLLBACK, table.c.commit != sa.bindparam("commit"), table.c.sequence > _FIRST_OF_COMMIT)
    .limit(1)
)


def later(tx: Transaction, run: Run) -> Run | None:
    """Give the newest run accepted after this one for the same application and environment, if it still counts."""
    return next(iter(all_later(tx, run, limit=1)), None)


def all_later(tx: Transaction, run: Run, *, limit: int = 20) -> list[Run]:
    """List the runs that were accepted after this one for the same application and environment and still count.

    The newest come first. One that ended because this one is newer, whenever it was accepted, does not count.
    """
    rows = tx.execute(_LATER, {**_place(run), "run_id": run.id, "most": limit})
    return [made(Run, row) for row in rows]


def _place(run: Run) -> dict[str, Any]:
    return {"application": run.application, "environment": run.environment, "sequence": run.sequence}


def last_promoted(tx: Transaction, run: Run) -> Run | None:
    """Give the newest earlier run of the same application and environment that reached the manifest repository."""
    return one(Run, tx.execute(_LAST_PROMOTED, _place(run)).first())


def up_to(tx: Transaction, run: Run, *, limit: int) -> list[Run]:
    """List the runs of the same application and environment up to this one, newest first."""
    query = (
        sa.select(*columns(Run, table))
        .where(
            table.c.application == run.application,
            table.c.environment == run.environment,
            table.c.sequence <= run.sequence,
        )
        .order_by(table.c.sequence.desc())
        .limit(limit)
    )
    return [made(Run, row) for row in tx.execute(query)]


def newest_of_branch(
    tx: Transaction, repository: Repository, branch: str, application: str, environment: str
) -> Run | None:
    """Give the newest run of a branch's commits for an application in an environment."""
    asked = {"repository": repository, "branch": branch, "application": application, "environment": environment}
    return one(Run, tx.execute(_NEWEST_OF_BRANCH, asked).first())


def is_followed(tx: Transaction, repository: Repository, branch: str, commit: Sha) -> bool:
    """Tell whether another commit of the branch has a run that was accepted after one of this commit."""
    asked = {"repository": repository, "branch": branch, "commit": commit}
    return tx.execute(_FOLLOWED, asked).first() is not None
