"""Leases: who holds what until when. Time is the database's on PostgreSQL, the caller's on SQLite (one machine).

No lease is as long as an hour: one that seems to be was written by a clock that was ahead, and is over. Its holder, if
it lives, renews it within seconds.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from service.store.database import Transaction
from service.store.pauses import LONGEST_PAUSE
from service.store.rows import insert_new
from service.store.tables import leases as table


def clock(tx: Transaction, now: datetime) -> datetime:
    """Give the time by which leases are judged."""
    if tx.dialect.name == "postgresql":
        at = tx.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        assert isinstance(at, datetime)  # noqa: S101 - timestamptz
        return at
    return now


def acquire(tx: Transaction, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
    """Take or renew a lease; False when somebody else holds it. The row stays locked until the transaction ends."""
    now = clock(tx, now)
    row = None
    while row is None:  # again where the row was deleted between the two: its holder was found dead
        insert_new(tx, table, name=name, holder="", expires_at=now)
        row = tx.execute(sa.select(table).where(table.c.name == name).with_for_update()).first()
    if row.holder not in ("", holder) and now < row.expires_at <= now + LONGEST_PAUSE:
        return False
    expires = now + timedelta(seconds=seconds)
    tx.execute(sa.update(table).where(table.c.name == name).values(holder=holder, expires_at=expires))
    return True


def keep(tx: Transaction, name: str, holder: str, *, now: datetime, seconds: float) -> bool:
    """Have a lease longer; False when it is the holder's no more. The row stays locked until the transaction ends."""
    expires = clock(tx, now) + timedelta(seconds=seconds)
    kept = tx.execute(sa.update(table).where(table.c.name == name, table.c.holder == holder).values(expires_at=expires))
    return bool(kept.rowcount == 1)


def release(tx: Transaction, name: str, holder: str) -> None:
    """Give a lease up, if it is still the holder's."""
    tx.execute(sa.update(table).where(table.c.name == name, table.c.holder == holder).values(holder=""))


def clear(tx: Transaction) -> None:
    """Drop every lease: for the one worker on SQLite at its start, when every other is dead."""
    tx.execute(sa.delete(table))


def holders(tx: Transaction, prefix: str, *, now: datetime) -> list[str]:
    """List who holds live leases whose name starts so."""
    now = clock(tx, now)
    query = sa.select(table.c.holder).where(
        table.c.name.startswith(prefix, autoescape=True), *_lives(now), table.c.holder != ""
    )
    return list(tx.execute(query).scalars())


def holder(tx: Transaction, name: str, *, now: datetime) -> str | None:
    """Give who holds one lease now; None when nobody does."""
    now = clock(tx, now)
    query = sa.select(table.c.holder).where(table.c.name == name, *_lives(now), table.c.holder != "")
    return tx.execute(query).scalar()


def release_dead(tx: Transaction, *, alive: list[str]) -> None:
    """Give up what processes hold that are not alive any more; a holder is `EXECUTOR` or `EXECUTOR/RUN`."""
    held = tx.execute(sa.select(table.c.name, table.c.holder).where(table.c.holder != "")).all()
    dead = [name for name, holder in held if holder.partition("/")[0] not in alive]
    if dead:
        tx.execute(sa.delete(table).where(table.c.name.in_(dead)))


def _lives(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.expires_at > now, table.c.expires_at <= now + LONGEST_PAUSE
