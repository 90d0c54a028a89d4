"""Deliveries: one row a webhook request, worked through in order per source repository."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import ChangeId, DeliveryId, DeliveryState
from service.store.database import Transaction
from service.store.pauses import is_over, times
from service.store.rows import columns, insert_new, made, one
from service.store.tables import deliveries as table
from service.store.tables import runs


@dataclass(frozen=True, slots=True)
class StoredDelivery:
    """A delivery without its body. `source` is the kind of the source that reads it."""

    sequence: int
    id: DeliveryId
    source: str
    event: str
    repository: str
    received_at: datetime
    state: DeliveryState
    reason: str
    generation: int
    repeats: int
    attempts: int
    not_before: datetime | None
    change_id: ChangeId | None
    routing: Any
    processed_at: datetime | None


def accept(
    tx: Transaction,
    *,
    id: DeliveryId,  # noqa: A002 - the word of the table
    source: str,
    event: str,
    repository: str,
    body: bytes,
    at: datetime,
    ignored: str = "",
) -> bool:
    """Store a delivery and tell whether it is new; a redelivered id only raises the count in its row."""
    new = insert_new(
        tx,
        table,
        id=id,
        source=source,
        event=event,
        repository=repository,
        body=body,
        received_at=at,
        state=DeliveryState.IGNORED if ignored else DeliveryState.STORED,
        reason=ignored,
    )
    if not new:
        tx.execute(sa.update(table).where(table.c.id == id).values(repeats=table.c.repeats + 1))
    return new


_EARLIER = table.alias("earlier")
_DELIVERY = sa.select(*columns(StoredDelivery, table))
_BEHIND_ANOTHER = sa.exists().where(
    _EARLIER.c.repository == table.c.repository,
    _EARLIER.c.source == table.c.source,
    _EARLIER.c.state == DeliveryState.STORED,
    _EARLIER.c.sequence < table.c.sequence,
)
_IS_FREE = (
    table.c.state == DeliveryState.STORED, table.c.claimed_by.is_(None), is_over(table.c.not_before), ~_BEHIND_ANOTHER,
)  # fmt: skip
_FREE = (
    _DELIVERY.where(*_IS_FREE)
    .order_by(table.c.sequence)
    .limit(1)
    .with_for_update(skip_locked=True, of=table)
)  # fmt: skip
_ANY_FREE = sa.select(table.c.sequence).where(*_IS_FREE).limit(1)
_ONE = sa.update(table).where(table.c.sequence == sa.bindparam("number"))
_CLAIMED = _ONE.values(attempts=table.c.attempts + 1)
_CLAIMED_BY_DEAD = (
    table.c.state == DeliveryState.STORED, table.c.claimed_by.is_not(None),
    table.c.claimed_by.not_in(sa.bindparam("alive", expanding=True)),
)  # fmt: skip
_FREED = sa.update(table).where(*_CLAIMED_BY_DEAD)
_ANY_OF_DEAD = sa.select(table.c.sequence).where(*_CLAIMED_BY_DEAD).limit(1)
_STILL_CLAIMED = (
    sa.select(table.c.sequence)
    .where(
        table.c.sequence == sa.bindparam("number"), table.c.state == DeliveryState.STORED,
        table.c.claimed_by == sa.bindparam("executor"), table.c.attempts == sa.bindparam("so_many"),
    )
    .with_for_update()
)  # fmt: skip
_OLDEST = sa.select(sa.func.min(table.c.received_at)).where(table.c.state == DeliveryState.STORED)
_BODY = sa.select(table.c.body).where(table.c.id == sa.bindparam("delivery_id"))


def any_free(tx: Transaction, now: datetime) -> bool:
    """Tell whether there is a delivery to claim."""
    return tx.execute(_ANY_FREE, times(now)).first() is not None


def claim(tx: Transaction, *, executor: str, now: datetime) -> StoredDelivery | None:
    """Take the oldest stored delivery of a repository in which none is under way; None when there is none."""
    row = tx.execute(_FREE, times(now)).first()
    if row is None:
        return None
    found = made(StoredDelivery, row)
    tx.execute(_CLAIMED, {"number": found.sequence, "claimed_by": executor})
    return found


def any_claimed_by_dead(tx: Transaction, *, alive: list[str]) -> bool:
    """Tell whether a worker that is not alive any more has claimed any."""
    return tx.execute(_ANY_OF_DEAD, {"alive": alive}).first() is not None


def release_claims(tx: Transaction, *, alive: list[str]) -> None:
    """Free what workers that are not alive any more had claimed."""
    tx.execute(_FREED, {"alive": alive, "claimed_by": None})


def release(tx: Transaction, sequences: list[int]) -> None:
    """Free deliveries whose work ended without an outcome because the store was away."""
    tx.execute(sa.update(table).where(table.c.sequence.in_(sequences)).values(claimed_by=None))


def keep_claim(tx: Transaction, delivery: StoredDelivery, *, executor: str) -> bool:
    """Tell whether the delivery is still the claimant's, and keep it so until the transaction ends.

    Every claim counts up `attempts`. So a worker that lost the delivery and claimed it again can tell the two claims
    apart.
    """
    mine = {"number": delivery.sequence, "executor": executor, "so_many": delivery.attempts + 1}
    return tx.execute(_STILL_CLAIMED, mine).first() is not None


def finish(
    tx: Transaction,
    sequence: int,
    state: DeliveryState,
    reason: str,
    *,
    at: datetime,
    change_id: ChangeId | None = None,
    routing: Any = None,  # noqa: ANN401 - shown as it is
) -> None:
    """Mark what became of a delivery."""
    values = {"state": state, "reason": reason, "change_id": change_id, "routing": routing, "processed_at": at}
    tx.execute(_ONE, {"number": sequence, "claimed_by": None, "not_before": None, **values})


def postpone(tx: Transaction, sequence: int, reason: str, *, until: datetime) -> None:
    """Leave a delivery stored, to be looked at again later; only its own repository waits meanwhile."""
    tx.execute(_ONE, {"number": sequence, "claimed_by": None, "not_before": until, "reason": reason})


def replay(tx: Transaction, delivery_id: DeliveryId) -> bool:
    """Have a delivery worked through again as a new generation of runs; False when there is none or it waits."""
    newest_run = (
        sa.select(sa.func.coalesce(sa.func.max(runs.c.generation), 0))
        .where(runs.c.change_id == table.c.change_id)
        .scalar_subquery()
    )
    result = tx.execute(
        sa.update(table)
        .where(table.c.id == delivery_id, table.c.state != DeliveryState.STORED)
        .values(
            state=DeliveryState.STORED, reason="", generation=newest_run + 1, attempts=0, not_before=None,
            claimed_by=None,
        )
    )  # fmt: skip
    return result.rowcount == 1


def get(tx: Transaction, delivery_id: DeliveryId) -> StoredDelivery | None:
    """Give a delivery by its id."""
    return one(StoredDelivery, tx.execute(_DELIVERY.where(table.c.id == delivery_id)).first())


def body(tx: Transaction, delivery_id: DeliveryId) -> bytes:
    """Give a delivery's raw body."""
    return bytes(tx.execute(_BODY, {"delivery_id": delivery_id}).scalar_one())


def newest(
    tx: Transaction, *, limit: int = 50, repository: str = "", state: DeliveryState | None = None
) -> list[StoredDelivery]:
    """List the newest deliveries first, all or those of a repository or state."""
    query = sa.select(*columns(StoredDelivery, table)).order_by(table.c.sequence.desc()).limit(limit)
    if repository:
        query = query.where(table.c.repository == repository)
    if state is not None:
        query = query.where(table.c.state == state)
    return [made(StoredDelivery, row) for row in tx.execute(query)]


def counts(tx: Transaction, *, repository: str = "") -> dict[str, int]:
    """Count deliveries by state, all or those of a repository."""
    query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
    if repository:
        query = query.where(table.c.repository == repository)
    return {state: count for state, count in tx.execute(query)}  # noqa: C416 - rows, not pairs


def oldest_stored(tx: Transaction) -> datetime | None:
    """Give when the oldest unprocessed delivery came: the queue's age."""
    return tx.execute(_OLDEST).scalar()
