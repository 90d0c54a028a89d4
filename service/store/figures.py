"""Figures over whole tables for the metrics, added up by the database so that a scrape stays cheap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import RunState
from service.store.database import Transaction
from service.store.tables import runs, steps


@dataclass(frozen=True, slots=True)
class StepSeconds:
    """How long the ended steps of one name took: how many within each bound, how many in all, and their sum."""

    name: str
    within: tuple[int, ...]
    count: int
    total: float

    def and_(self, more: StepSeconds) -> StepSeconds:
        """Add what was counted later."""
        within = tuple(mine + other for mine, other in zip(self.within, more.within, strict=True))
        return StepSeconds(self.name, within, self.count + more.count, self.total + more.total)


def step_seconds(
    tx: Transaction, bounds: Sequence[float], *, after: datetime | None, until: datetime
) -> list[StepSeconds]:
    """Give the times of the steps that ended in a period, by name; `bounds` are upper bounds in seconds.

    With `after` it reads the steps of runs that were touched since, and no others: a step's end is followed by what its
    run does next. Without, it reads all steps.
    """
    seconds = _seconds(tx)
    within = [sa.func.sum(sa.case((seconds <= bound, 1), else_=0)) for bound in bounds]
    query = (
        sa.select(steps.c.name, sa.func.count(), sa.func.sum(seconds), *within)
        .where(steps.c.ended_at <= until)
        .group_by(steps.c.name)
        .order_by(steps.c.name)
    )
    if after is not None:
        touched = sa.select(runs.c.id).where(runs.c.state.in_(list(RunState)), runs.c.updated_at > after)
        query = query.where(steps.c.ended_at > after, steps.c.run_id.in_(touched))
    return [
        StepSeconds(name=name, within=tuple(int(each) for each in counted), count=int(count), total=float(total))
        for name, count, total, *counted in tx.execute(query)
    ]


def _seconds(tx: Transaction) -> sa.ColumnElement[Any]:
    if tx.dialect.name == "postgresql":
        return sa.extract("epoch", steps.c.ended_at - steps.c.started_at)
    days = sa.func.julianday(steps.c.ended_at) - sa.func.julianday(steps.c.started_at)
    return sa.func.round(days * 86400.0, 3)
