"""Finds rows by the beginning of their id, and the end of a build's log. Called by the command line and the pages."""

from __future__ import annotations

import sqlalchemy as sa

from service.core.words import BuildId, DeliveryId, RunId
from service.errors import NotFoundError
from service.store.database import Transaction
from service.store.tables import build_logs, deliveries, runs

_SHOWN = 3


def run_id(tx: Transaction, beginning: str) -> RunId:
    """Give the one run whose id begins so, in whatever case; NotFoundError when it is none or several."""
    return RunId(_one(tx, "run", runs.c.id, beginning.upper()))


def delivery_id(tx: Transaction, beginning: str) -> DeliveryId:
    """Give the one delivery whose id begins so; NotFoundError when it is none or several."""
    return DeliveryId(_one(tx, "delivery", deliveries.c.id, beginning))


def _one(tx: Transaction, word: str, column: sa.Column[str], beginning: str) -> str:
    query = sa.select(column).where(column.startswith(beginning, autoescape=True)).order_by(column).limit(_SHOWN + 1)
    found = list(tx.execute(query).scalars()) if beginning else []
    if beginning in found:
        return beginning
    match found:
        case [only]:
            return str(only)
        case []:
            raise NotFoundError(
                f"There is no {word} {beginning}",
                code=f"{word}-unknown",
                hint=f"`mergeport {'runs' if word == 'run' else 'deliveries'} list` shows them",
            )
        case several:
            raise NotFoundError(
                f"More than one {word} begins with {beginning}",
                code=f"{word}-ambiguous",
                hint=f"give more of the id: {', '.join(several[:_SHOWN])}{' …' if len(several) > _SHOWN else ''}",
            )


def log_end(tx: Transaction, build_id: BuildId, *, pieces: int = 500) -> str:
    """Give the last pieces of a build's log as one text."""
    query = (
        sa.select(build_logs.c.text)
        .where(build_logs.c.build_id == build_id)
        .order_by(build_logs.c.sequence.desc())
        .limit(pieces)
    )
    return "".join(reversed(list(tx.execute(query).scalars())))
