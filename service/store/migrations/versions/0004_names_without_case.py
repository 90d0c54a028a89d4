"""Names of repositories are equal in every case: GitHub ignores it, and so do keys and comparisons."""

import re
from typing import Any

import sqlalchemy as sa
from alembic import op

from service.store.tables import NOCASE, RepositoryName

revision = "0004"
down_revision = "0003"

_KEYS = {
    "covered_commits": ("branch", "commit"),
    "own_commits": ("commit",),
    "promotion_branches": ("branch",),
    "commit_relations": ("head", "base"),
    "commit_times": ("commit",),
    "reports": ("commit", "context"),
}
"""Tables in which the name is part of the primary key, with the rest of it."""
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_OTHERS = ("deliveries", "changes", "runs", "builds", "edits")


def upgrade() -> None:
    """Bring the columns to a collation that ignores case; of rows that become one, one stays."""
    postgresql = op.get_bind().dialect.name == "postgresql"
    if postgresql:
        op.execute(
            f"CREATE COLLATION IF NOT EXISTS {NOCASE} "
            "(provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
    for table, rest in _KEYS.items():
        _drop_twins(table, rest)
    _join_changes()
    _number_runs()
    for table in (*_KEYS, *_OTHERS):
        with op.batch_alter_table(table) as batch:
            batch.alter_column("repository", existing_type=sa.Text(), type_=RepositoryName(), existing_nullable=False)
    op.create_index(op.f("ix_own_commits_commit"), "own_commits", ["commit"])
    _rename_keys()


def _join_changes() -> None:
    """Make one of changes that differ in the case of their repository alone; runs and deliveries go to the first."""
    changes = _table("changes", "id", "repository", "branch", "commit", "created_at")
    connection = op.get_bind()
    for twins in _twins(changes, "branch", "commit", order="created_at"):
        kept = twins[0].id
        for twin in twins[1:]:
            for name in ("runs", "covered_commits", "deliveries"):
                others = _table(name, "change_id")
                connection.execute(others.update().where(others.c.change_id == twin.id).values(change_id=kept))
            connection.execute(changes.delete().where(changes.c.id == twin.id))


def _number_runs() -> None:
    """Give runs that become generations of one another numbers of their own, in the order of their acceptance."""
    place = ("branch", "commit", "application", "environment")
    runs = _table("runs", "id", "repository", *place, "generation", "sequence")
    connection = op.get_bind()
    for twins in _twins(runs, *place, order="sequence"):
        if len({run.generation for run in twins}) == len(twins):
            continue
        for beside in (1_000_000, 0):  # first out of the way, so that no two have the same number in between
            for generation, run in enumerate(twins):
                connection.execute(runs.update().where(runs.c.id == run.id).values(generation=beside + generation))


def _twins(table: sa.TableClause, *rest: str, order: str) -> list[list[sa.Row[Any]]]:
    """Give the groups of rows whose repositories differ in case alone and are equal in the rest."""
    key = (sa.func.lower(table.c.repository), *(table.c[name] for name in rest))
    connection = op.get_bind()
    several = sa.select(*key).group_by(*key).having(sa.func.count(sa.distinct(table.c.repository)) > 1)
    groups = []
    for row in connection.execute(several).all():
        same = (one == value for one, value in zip(key, row, strict=True))
        groups.append(list(connection.execute(sa.select(table).where(*same).order_by(table.c[order]))))
    return groups


def _table(name: str, *columns: str) -> sa.TableClause:
    return sa.table(name, *(sa.column(column) for column in columns))


def _rename_keys() -> None:
    """Write the names in what open waits are looked up by as all of them are written now."""
    waits = sa.table("waits", sa.column("id"), sa.column("kind"), sa.column("key"), sa.column("subject"))
    connection = op.get_bind()
    for wait in connection.execute(sa.select(waits).where(waits.c.kind.in_(["push", "pull-request"]))).all():
        changed = {"key": _lowered(wait.key), "subject": _lowered(wait.subject)}
        connection.execute(waits.update().where(waits.c.id == wait.id).values(changed))


def _lowered(text: str) -> str:
    """Lower the repository's name in `manifest:NAME:BRANCH`, `NAME:BRANCH` or `NAME#NUMBER`."""
    return _NAME.sub(lambda found: found[0].lower(), text, count=1)


def _drop_twins(table: str, rest: tuple[str, ...]) -> None:
    """Delete rows whose key another row has in another case."""
    same = " AND ".join(
        ["lower(twin.repository) = lower(one.repository)", *(f"twin.{name} = one.{name}" for name in rest)]
    )
    quoted = same.replace("twin.commit", 'twin."commit"').replace("one.commit", 'one."commit"')
    op.execute(
        f"DELETE FROM {table} AS one WHERE EXISTS "  # noqa: S608 - names of ours
        f"(SELECT 1 FROM {table} AS twin WHERE {quoted} AND twin.repository < one.repository)"
    )
