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
    """A wanted refresh, or the last one; `times` counts those sent since `want` was last called."""

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
    """Want an application refreshed at once, however often it was before."""
    insert_or_update(tx, table, ["application"], application=application, wanted_at=at, times=0)


def want_again(tx: Transaction, refresh: Refresh, *, at: datetime) -> None:
    """Want one more refresh of an application, unless somebody asked for one meanwhile."""
    tx.execute(_AGAIN, {"of": refresh.application, "told": refresh.times, "wanted_at": at})


def due(tx: Transaction, now: datetime, *, limit: int) -> list[Refresh]:
    """List the refreshes that are due, in the order in which they were wanted."""
    return [made(Refresh, row) for row in tx.execute(_DUE, {"now": now, "most": limit})]


def take(tx: Transaction, refresh: Refresh, *, now: datetime) -> bool:
    """Take a due refresh to send it; False if another worker has taken it, or it was wanted anew."""
    taken = {"of": refresh.application, "since": refresh.wanted_at, "wanted_at": None, "told_at": now}
    return bool(tx.execute(_TAKEN, taken).rowcount == 1)


def of(tx: Transaction, applications: Collection[str]) -> dict[str, Refresh]:
    """Give what is known of these applications."""
    return {row.application: made(Refresh, row) for row in tx.execute(_OF, {"names": list(applications)})}
