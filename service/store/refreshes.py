"""Refreshes: which application a deployer is to be told to look at; one row an application, so wishes become one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, made
from service.store.tables import refreshes as table


@dataclass(frozen=True, slots=True)
class Refresh:
    """A wish to be told, or the memory of one; `times` counts how often it was told since it was wanted anew."""

    application: str
    wanted_at: datetime | None
    told_at: datetime | None
    times: int


_AGAIN = sa.update(table).where(
    table.c.application == sa.bindparam("of"), table.c.wanted_at.is_(None), table.c.times == sa.bindparam("told")
)
_DUE = (
    sa.select(*columns(Refresh, table))
    .where(table.c.wanted_at <= sa.bindparam("now"))
    .order_by(table.c.wanted_at)
    .limit(sa.bindparam("most"))
)
_TAKEN = (
    sa.update(table)
    .where(table.c.application == sa.bindparam("of"), table.c.wanted_at == sa.bindparam("since"))
    .values(times=table.c.times + 1)
)
_OF = sa.select(*columns(Refresh, table)).where(table.c.application.in_(sa.bindparam("names", expanding=True)))


def want(tx: Transaction, application: str, *, at: datetime) -> None:
    """Want an application told at once, however often it was told before."""
    insert_or_update(tx, table, ["application"], application=application, wanted_at=at, times=0)


def want_again(tx: Transaction, refresh: Refresh, *, at: datetime) -> None:
    """Want an application told once more, unless somebody did meanwhile."""
    tx.execute(_AGAIN, {"of": refresh.application, "told": refresh.times, "wanted_at": at})


def due(tx: Transaction, now: datetime, *, limit: int) -> list[Refresh]:
    """List what is to be told now, first wanted, first told."""
    return [made(Refresh, row) for row in tx.execute(_DUE, {"now": now, "most": limit})]


def take(tx: Transaction, refresh: Refresh, *, now: datetime) -> bool:
    """Take a wish to fulfil it; False where another worker has, or it was wanted anew."""
    taken = {"of": refresh.application, "since": refresh.wanted_at, "wanted_at": None, "told_at": now}
    return bool(tx.execute(_TAKEN, taken).rowcount == 1)


def of(tx: Transaction, applications: Collection[str]) -> dict[str, Refresh]:
    """Give what is known of these applications."""
    return {row.application: made(Refresh, row) for row in tx.execute(_OF, {"names": list(applications)})}
