"""Names of repositories are equal in every case: GitHub ignores it, and so do keys and comparisons."""

import re

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
    for table in (*_KEYS, *_OTHERS):
        with op.batch_alter_table(table) as batch:
            batch.alter_column("repository", existing_type=sa.Text(), type_=RepositoryName(), existing_nullable=False)
    op.create_index(op.f("ix_own_commits_commit"), "own_commits", ["commit"])
    _rename_keys()


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
