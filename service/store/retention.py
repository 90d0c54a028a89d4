"""Forgets what nobody needs any more of old deliveries, a portion at a time, in the order in which they came.

Called by the worker's loop. What is not worked through is never touched; rows of deliveries that made a change stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import takewhile

import sqlalchemy as sa

from service.core.words import DeliveryState
from service.store.database import Store
from service.store.tables import deliveries as table

PORTION = 200
_KEPT = (DeliveryState.STORED, DeliveryState.IGNORED)
"""The states whose bodies stay: of ignored deliveries the whole row goes."""


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The result of one portion; `until` is the last sequence that it looked at."""

    until: int
    removed: int = 0
    emptied: int = 0


def forget_deliveries(store: Store, *, before: datetime, after: int, now: datetime | None = None) -> Forgotten:
    """Remove deliveries that were ignored, and the bodies of the others that are done, that came before a time.

    Looks at one portion after a sequence. It passes over a delivery that is still stored, or that a clock ahead of ours
    has received, and looks at it again after a restart.
    """
    with store.read() as tx:
        query = (
            sa.select(
                table.c.sequence, table.c.state, table.c.received_at, (sa.func.length(table.c.body) == 0).label("empty")
            )
            .where(table.c.sequence > after)
            .order_by(table.c.sequence)
            .limit(PORTION)
        )
        rows = list(
            takewhile(
                lambda row: row.received_at < before or (now is not None and row.received_at > now), tx.execute(query)
            )
        )
    if not rows:
        return Forgotten(after)
    old = [row for row in rows if row.received_at < before]
    ignored = [row.sequence for row in old if row.state == DeliveryState.IGNORED]
    full = [row.sequence for row in old if not row.empty and row.state not in _KEPT]
    if ignored or full:
        # The state is asked again: a delivery may have been replayed since.
        done = table.c.state.not_in(_KEPT)
        with store.begin() as tx:
            tx.execute(sa.delete(table).where(table.c.sequence.in_(ignored), table.c.state == DeliveryState.IGNORED))
            tx.execute(sa.update(table).where(table.c.sequence.in_(full), done).values(body=b""))
    return Forgotten(rows[-1].sequence, len(ignored), len(full))
