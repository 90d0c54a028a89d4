"""The repeated queries of a worker use an index, however much history there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
import sqlalchemy as sa

from service.engine.queue import Engine
from service.engine.sweeper import sweep
from service.pipeline.context import Context
from service.pipeline.intake.deliveries import claim
from service.pipeline.reports.statuses import send_reports, want_status
from service.pipeline.watches import answer_due
from service.store import Store, builds, deliveries, waits
from service.store.topics import QUESTION
from tests.fixtures.rows import Rows


def reading(context: Context, query: Callable[[sa.Connection], object]) -> object:
    with context.store.read() as tx:
        return query(tx)


def told(context: Context, rows: Rows) -> None:
    run = rows.run()
    with context.store.begin() as tx:
        want_status(tx, run)
        builds.of_run(tx, run.id)


@pytest.fixture
def store(kept_sqlite: Store) -> Store:
    """Use only SQLite, whose plan does not depend on the size of the tables; both databases have the same indexes."""
    return kept_sqlite


ASKED: dict[str, Callable[[Context, Rows], object]] = {
    "sweep": lambda context, _: sweep(context, cast(Engine, context.queue)),
    "due": lambda context, _: answer_due(context),
    "reports": lambda context, _: send_reports(context),
    "intake": lambda context, _: claim(context),
    "free": lambda context, _: reading(context, lambda tx: deliveries.any_free(tx, context.now())),
    "keys": lambda context, _: reading(context, waits.newest_by_key),
    "builds": lambda context, _: reading(context, builds.under_way),
    "status": told,
    "topics": lambda context, _: reading(context, lambda tx: tx.exec_driver_sql(QUESTION).all()),
}


@pytest.mark.parametrize("name", ASKED)
def test_no_question_that_is_asked_all_the_time_reads_a_whole_table(context: Context, rows: Rows, name: str) -> None:
    asked: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")) and "leases" not in statement:
            asked.append((statement, parameters))

    sa.event.listen(context.store.engine, "before_cursor_execute", keep)
    ASKED[name](context, rows)
    sa.event.remove(context.store.engine, "before_cursor_execute", keep)
    assert asked
    with context.store.read() as tx:
        for statement, parameters in asked:
            plan = [row.detail for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
            whole = [line for line in plan if line.startswith("SCAN") and not line.endswith(SMALL)]
            assert whole == [], f"{statement}\n{plan}"


SMALL = (
    "CONSTANT ROW", "ix_reports_unsent", "ix_deployments_to_follow", "ix_judgements_next_at", "_step_backs_1",
)  # fmt: skip
"""The indexes that may be read as a whole, because they have only what is still to be done."""
