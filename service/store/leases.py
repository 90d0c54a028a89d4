"""Leases: who holds what until when. Time is the database's on PostgreSQL, the caller's on SQLite (one machine).

No lease is as long as an hour: one that seems to be was written by a clock that was ahead, and is over. Its holder, if
it lives, renews it within seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.store.database import Transaction
from service.store.pauses import LONGEST_PAUSE
from service.store.tables import leases as table

_CLOCK = sa.select(sa.func.clock_timestamp())
_LIVES = (table.c.expires_at > sa.bindparam("now"), table.c.expires_at <= sa.bindparam("too_far"), table.c.holder != "")
_KEPT = sa.update(table).where(table.c.name == sa.bindparam("called"), table.c.holder == sa.bindparam("of"))
_PREFIX = sa.bindparam("prefix", type_=sa.Text)
_HOLDERS = sa.select(table.c.holder).where(sa.func.substr(table.c.name, 1, sa.func.length(_PREFIX)) == _PREFIX, *_LIVES)
_HOLDER = sa.select(table.c.holder).where(table.c.name == sa.bindparam("called"), *_LIVES)
_HELD = sa.select(table.c.name, table.c.holder).where(table.c.holder != "")


@cache
def _taking(dialect: str) -> sa.Executable:
    """Insert or renew a lease if it is free, expired or the holder's own.

    On PostgreSQL the row is locked either way.
    """
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    new = insert.excluded
    theirs = (
        table.c.holder != "", table.c.holder != new.holder,
        table.c.expires_at > sa.bindparam("now"), table.c.expires_at <= sa.bindparam("too_far"),
    )  # fmt: skip
    statement: sa.Executable = insert.on_conflict_do_update(
        index_elements=[table.c.name],
        set_={"holder": new.holder, "expires_at": new.expires_at},
        where=sa.not_(sa.and_(*theirs)),
    ).returning(sa.literal_column("1"))
    return statement


def clock(tx: Transaction, now: datetime) -> datetime:
    """Give the time by which leases are judged."""
    if tx.dialect.name == "postgresql":
        at = tx.execute(_CLOCK).scalar_one()
        assert isinstance(at, datetime)  # noqa: S101 - timestamptz
        return at
    return now


def acquire(tx: Transaction, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
    """Take or renew a lease; False when somebody else holds it. The row stays locked until the transaction ends."""
    now = clock(tx, now)
    values = {"name": name, "holder": holder, "expires_at": now + timedelta(seconds=seconds), **_times(now)}
    return tx.execute(_taking(tx.dialect.name), values).first() is not None


def keep(tx: Transaction, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
    """Extend a lease; False when the holder has lost it. The row stays locked until the transaction ends."""
    expires = clock(tx, now) + timedelta(seconds=seconds)
    return bool(tx.execute(_KEPT, {"called": name, "of": holder, "expires_at": expires}).rowcount == 1)


def release(tx: Transaction, name: str, holder: str) -> None:
    """Give a lease up, if it is still the holder's."""
    tx.execute(_KEPT, {"called": name, "of": holder, "holder": ""})


def clear(tx: Transaction) -> None:
    """Drop every lease. The only worker on SQLite does so at its start, because every earlier worker is dead."""
    tx.execute(sa.delete(table))


def holders(tx: Transaction, prefix: str, *, now: datetime) -> list[str]:
    """List who holds live leases whose name starts so."""
    return list(tx.execute(_HOLDERS, {"prefix": prefix, **_times(clock(tx, now))}).scalars())


def holder(tx: Transaction, name: str, *, now: datetime) -> str | None:
    """Give who holds one lease now; None when nobody does."""
    return tx.execute(_HOLDER, {"called": name, **_times(clock(tx, now))}).scalar()


def dead(tx: Transaction, *, alive: list[str]) -> list[str]:
    """List the leases of processes that are no longer alive; a holder is `EXECUTOR` or `EXECUTOR/RUN`."""
    held = tx.execute(_HELD).all()
    return [name for name, holder in held if holder.partition("/")[0] not in alive]


def release_dead(tx: Transaction, *, alive: list[str]) -> None:
    """Release the leases of processes that are no longer alive."""
    found = dead(tx, alive=alive)
    if found:
        tx.execute(sa.delete(table).where(table.c.name.in_(found)))


def _times(now: datetime) -> dict[str, datetime]:
    return {"now": now, "too_far": now + LONGEST_PAUSE}
